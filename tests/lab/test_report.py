import pytest

from pellucid.lab.report import Finished, Mode, Run, matching, paired


@pytest.mark.parametrize(("name", "says"), [("quick", True), ("default", False), ("full", False)])
def test_only_a_smoke_run_is_marked(name, says):
    assert (Mode(name, 1).notice == "Smoke run: cut short, nothing here is a result.") is says
    assert (Mode(name, 1).notice is None) is not says


def test_runs_are_the_same_whatever_they_cost():
    assert Run("C", {"a": 1}, 0, cost=1.0) == Run("C", {"a": 1}, 0, cost=2.0)
    assert Run("C", {"a": 1}, 0, cost=1.0) != Run("C", {"a": 1}, 1, cost=1.0)


def test_matching_takes_all_settings_named_and_sorts_by_seed():
    runs = [Finished({"a": a, "b": b}, seed, {}) for a in (1, 2) for b in (1, 2) for seed in (2, 0, 1)]
    assert [run.seed for run in matching(runs, a=1, b=2)] == [0, 1, 2]
    assert len(matching(runs, a=1)) == 6
    assert matching(runs, a=3) == []
    assert matching(runs, c=None) == []  # a setting that a run has not is not the setting None
    assert len(matching(runs)) == 12


def test_runs_are_paired_by_seed_where_both_were_run():
    with_slip = [Finished({"slip": True, "rate": 1}, seed, {"loss": seed}) for seed in (2, 0, 1)]
    without = [Finished({"slip": False, "rate": 1}, seed, {"loss": 10 + seed}) for seed in (1, 3, 2)]
    other = [Finished({"slip": False, "rate": 2}, 0, {"loss": 99})]
    runs = [*with_slip, *without, *other]
    one, two = {"slip": True}, {"slip": False, "rate": 1}
    assert paired(runs, one, two) == [({"loss": 1}, {"loss": 11}), ({"loss": 2}, {"loss": 12})]
    assert paired(runs, two, one) == [({"loss": 11}, {"loss": 1}), ({"loss": 12}, {"loss": 2})]
    assert len(paired(iter(runs), one, two)) == 2  # of runs that come one by one, too
    assert paired(runs, one, {"rate": 3}) == []
