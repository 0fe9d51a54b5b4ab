import pytest

from pellucid.lab.claims import Claim
from pellucid.lab.report import Mode, Run, judge_if_run, one_by_one


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


def judged(values, *, by_default=True, reading=None, kind="figure", torch=None):
    claim = Claim("accuracy", "%", "90.5") if kind == "figure" else Claim("accuracy", "%", kind=kind)
    about = {"report": "C", "variant": "as published", "assumptions": ("One.",), "what": "it for 3 epochs"}
    return judge_if_run(claim, values, by_default=by_default, reading=reading, torch=torch, **about)


def test_a_claim_without_values_names_the_command_that_gives_them():
    rows = [judged([], by_default=by_default) for by_default in (True, False)]
    assert [row.why for row in rows] == [
        "pellucid reproduce runs it for 3 epochs.",
        "pellucid reproduce --full runs it for 3 epochs.",
    ]
    assert {(row.verdict, row.seeds, row.assumptions) for row in rows} == {("not run", 0, ("One.",))}


def test_a_claim_with_values_is_judged_unless_a_reading_has_to_be_weighed_first():
    row = judged([90.4, 90.5, 90.6], torch=90.55)
    assert (row.verdict, row.mean, row.torch, row.omitted) == (
        "reproduced",
        pytest.approx(90.5),
        90.55,
        False,
    )
    row = judged([90.4, 90.5, 90.6], reading="rate 1")
    assert (row.verdict, row.reading, row.omitted) == ("undetermined", "rate 1", True)
    row = judged([0.4, 0.5, 0.6], reading="rate 1", kind="ordering")
    assert (row.verdict, row.omitted) == ("reproduced", False)
