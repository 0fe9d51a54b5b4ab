import pytest

from pellucid.lab import report
from pellucid.lab.report import Mode, Run, one_by_one, planned


@pytest.mark.parametrize(("name", "says"), [("quick", True), ("default", False), ("full", False)])
def test_only_a_smoke_run_is_marked(name, says):
    assert (Mode(name, 1).notice == "Smoke run: cut short, nothing here is a result.") is says
    assert (Mode(name, 1).notice is None) is not says


def test_runs_are_the_same_whatever_they_cost():
    assert Run("C", {"a": 1}, 0, cost=1.0) == Run("C", {"a": 1}, 0, cost=2.0)
    assert Run("C", {"a": 1}, 0, cost=1.0) != Run("C", {"a": 1}, 1, cost=1.0)


def test_one_by_one_keeps_the_order_of_the_runs():
    run = one_by_one(lambda settings, seed: {"found": (settings["rate"], seed)})
    assert run([{"rate": 3}, {"rate": 1}, {"rate": 2}], 7) == [{"found": (rate, 7)} for rate in (3, 1, 2)]


@pytest.mark.parametrize(
    ("mode", "installed", "twin_seeds"),
    [("default", True, [0]), ("full", True, [0, 1, 2]), ("full", False, [])],
)
def test_the_plan_has_all_seeds_here_and_one_in_pytorch(mode, installed, twin_seeds, monkeypatch):
    monkeypatch.setattr(report, "find_spec", lambda name: object() if installed else None)
    settings, twins = [{"rate": 2}, {"rate": 1}], [{"rate": 2, "library": "torch"}]
    runs = planned("D", Mode(mode, 3), settings, lambda each: 10.0 * each["rate"], twins=twins)
    assert {(run.report, run.cost) for run in runs} == {("D", 20.0), ("D", 10.0)}
    found = [(run.settings, run.seed) for run in runs]
    assert found[:6] == [(each, seed) for each in settings for seed in (0, 1, 2)]
    assert found[6:] == [(twins[0], seed) for seed in twin_seeds]
