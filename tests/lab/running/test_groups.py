import pytest

from pellucid.lab.report import Run
from pellucid.lab.running.groups import cost, in_groups, in_order


def runs(report="F", kinds="aab", seeds=2):
    """Return runs of these kinds, each of its own rate."""
    return [
        Run(report, {"kind": kind, "rate": rate}, seed, 10.0)
        for rate, kind in enumerate(kinds)
        for seed in range(seeds)
    ]


def kind(run):
    return run.settings["kind"] if run.settings["kind"] != "-" else None


def outline(groups):
    return [[(run.report, run.settings["rate"], run.seed) for run in group] for group in groups]


def test_runs_are_together_by_kind_within_a_seed_and_a_report():
    found = outline(in_groups([*runs(), *runs("G", "aa", 1)], kind, at_once=1))
    assert found == [
        [("F", 0, 0), ("F", 1, 0)],
        [("F", 0, 1), ("F", 1, 1)],
        [("F", 2, 0)],
        [("F", 2, 1)],
        [("G", 0, 0), ("G", 1, 0)],
    ]


def test_runs_of_no_kind_are_alone():
    assert [len(group) for group in in_groups(runs(kinds="--aa"), kind, at_once=1)] == [1, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("at_once", "sizes"),
    [(1, [6, 6]), (2, [6, 6]), (3, [4, 2, 4, 2]), (6, [2] * 6), (12, [1] * 12), (64, [1] * 12)],
)
def test_there_is_work_for_all_that_can_be_done_at_once(at_once, sizes):
    every = runs(kinds="aaaaaa")
    groups = in_groups(every, kind, at_once)
    assert [len(group) for group in groups] == sizes
    assert sorted(map(repr, every), key=str) == sorted(
        repr(each) for group in groups for each in _dear(group)
    )


def _dear(group):
    return [Run(run.report, run.settings, run.seed, 10.0) for run in group]


def test_together_costs_more_than_one_and_less_than_all():
    one, two, four = (in_groups(runs(kinds="a" * n, seeds=1), kind, 1)[0] for n in (1, 2, 4))
    assert cost(one) == 10
    assert 10 < cost(two) < 20
    assert cost(two) < cost(four) < 2 * cost(two)
    assert len({run.cost for run in four}) == 1


def test_the_quickest_group_comes_first_in_all_seeds_then_the_longest():
    every = in_groups([*runs(kinds="aab"), Run("G", {"kind": "-", "rate": 9}, 0, 50.0)], kind, 1)
    assert outline(in_order(every)) == [
        [("F", 2, 0)],
        [("F", 2, 1)],
        [("G", 9, 0)],
        [("F", 0, 0), ("F", 1, 0)],
        [("F", 0, 1), ("F", 1, 1)],
    ]
    assert in_order([]) == in_groups([], kind, 3) == []
