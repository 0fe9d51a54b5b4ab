import pytest

from pellucid.lab import report
from pellucid.lab.claims import Claim
from pellucid.lab.ledger import Row
from pellucid.lab.measurement import (
    Measurement,
    costs_of,
    matching,
    ordering,
    results_by_seed,
    rows_of,
    with_twin,
)
from pellucid.lab.report import Finished, Run, Slip


def test_matching_takes_all_settings_named_and_sorts_by_seed():
    runs = [Finished({"a": a, "b": b}, seed, {}) for a in (1, 2) for b in (1, 2) for seed in (2, 0, 1)]
    assert [run.seed for run in matching(runs, a=1, b=2)] == [0, 1, 2]
    assert len(matching(runs, a=1)) == 6
    assert matching(runs, a=3) == []
    assert matching(runs, c=None) == []  # a setting that a run lacks is not the setting None
    assert len(matching(runs)) == 12


def test_runs_are_paired_by_seed_where_both_were_run():
    with_slip = [Finished({"slip": True, "rate": 1}, seed, {"loss": seed}) for seed in (2, 0, 1)]
    without = [Finished({"slip": False, "rate": 1}, seed, {"loss": 10 + seed}) for seed in (1, 3, 2)]
    other = [Finished({"slip": False, "rate": 2}, 0, {"loss": 99})]
    runs = [*with_slip, *without, *other]
    one, two = {"slip": True}, {"slip": False, "rate": 1}
    assert results_by_seed(runs, one, two) == {1: ({"loss": 1}, {"loss": 11}), 2: ({"loss": 2}, {"loss": 12})}
    assert results_by_seed(runs, two, one) == {1: ({"loss": 11}, {"loss": 1}), 2: ({"loss": 12}, {"loss": 2})}
    assert len(results_by_seed(iter(runs), one, two)) == 2  # also from an iterator
    assert results_by_seed(runs, one, {"rate": 3}) == {}


def loss(result):
    return result["loss"]


def test_differences_go_by_seed_and_have_a_sign():
    runs = [Finished({"rate": 1}, seed, {"loss": 10.0 * seed}) for seed in (0, 1, 2)]
    runs += [Finished({"rate": 2}, seed, {"loss": 10.0 * seed + seed}) for seed in (3, 2, 1)]
    rates = [(2, 1), (1, 2), (1, 3)]
    found = [ordering("loss", "", loss, {"rate": one}, {"rate": two}).values(runs) for one, two in rates]
    assert found == [{1: 1.0, 2: 2.0}, {1: -1.0, 2: -2.0}, {}]


def test_a_slip_costs_what_it_adds_and_nothing_where_it_was_not_measured():
    runs = [Finished({"slip": slip}, seed, {"loss": 5.0 + slip * seed}) for slip in (0, 1) for seed in (1, 2)]
    one, two = Slip("one", "It is explained."), Slip("two", "It is explained.")
    compared = [
        (two, {"slip": 2}, {"slip": 0}, "never run"),
        (one, {"slip": 1}, {"slip": 0}, "with it"),
        (one, {"slip": 0}, {"slip": 1}, "the other way"),
    ]
    found = costs_of(iter(runs), compared, "loss", "nats", loss)
    assert [(cost.slip, cost.note, cost.values) for cost in found] == [
        ("one", "with it", (1.0, 2.0)),
        ("one", "the other way", (-1.0, -2.0)),
    ]
    assert {(cost.figure, cost.unit) for cost in found} == {("loss", "nats")}


def row_of(values, *, default=True, reading=None, kind="figure", torch=None):
    claim = Claim("accuracy", "%", "90.5") if kind == "figure" else Claim("accuracy", "%", kind=kind)
    settings = {"epochs": 3, "library": "pellucid"}
    finished = [Finished(settings, seed, {"loss": value}) for seed, value in enumerate(values)]
    finished += [Finished({**settings, "library": "torch"}, 0, {"loss": torch})] if torch else []
    measurement = Measurement(claim, "as published", (settings,), loss, reading, twin=bool(torch))
    plan = [Run("C", settings, 0, 1.0)] if default else []
    (row,) = rows_of([measurement], finished, report="C", assumptions=("One.",), plan=lambda mode: plan)
    return row


def test_a_claim_without_values_names_the_command_that_gives_them():
    rows = [row_of([], default=default) for default in (True, False)]
    assert [row.why for row in rows] == [
        "pellucid reproduce runs it for 3 epochs.",
        "pellucid reproduce --full runs it for 3 epochs.",
    ]
    assert {(row.verdict, row.seeds, row.assumptions) for row in rows} == {("not run", 0, ("One.",))}


def test_a_claim_with_values_is_judged_and_a_reading_is_weighed():
    row = row_of([90.4, 90.5, 90.6], torch=90.55)
    assert (row.verdict, row.mean, row.torch, row.omitted) == (
        "reproduced",
        pytest.approx(90.5),
        90.55,
        False,
    )
    assert row.why.endswith("PyTorch on seed 0: 90.5500, ours there 90.4000.")
    row = row_of([90.4, 90.5, 90.6], reading="rate 1")
    assert (row.verdict, row.reading) == ("undetermined", "rate 1")
    assert row.why.endswith("the report leaves the setting open, and the figure holds with: rate 1.")
    row = row_of([0.4, 0.5, 0.6], reading="rate 1", kind="ordering")
    assert (row.verdict, row.omitted) == ("reproduced", False)


def test_a_figure_of_several_runs_goes_by_seed():
    """Another seed of one of them does not count."""
    runs = [Finished({"rate": rate}, seed, {"loss": rate * seed}) for rate in (1, 3) for seed in (2, 1)]
    runs.append(Finished({"rate": 1}, 5, {"loss": 99}))
    measurement = ordering("loss", "as published", loss, {"rate": 3}, {"rate": 1})
    assert measurement.values(runs) == {1: 2, 2: 4}


def why(ours, theirs):
    torch = sum(theirs.values()) / len(theirs) if theirs else None
    row = Row("D", "as intended", None, "accuracy", "%", None, torch=torch, why="It is so.")
    return with_twin(row, ours, theirs).why


def test_the_same_seeds_are_compared():
    ours = {0: 70.0, 1: 80.0, 2: 99.0}
    assert why(ours, {1: 81.5}) == "It is so. PyTorch on seed 1: 81.5000, ours there 80.0000."
    assert why(ours, {0: 71.5, 1: 80.5}) == "It is so. PyTorch on seeds 0, 1: 76.0000, ours there 75.0000."


def test_a_seed_that_only_pytorch_has_run():
    assert why({1: 80.0}, {0: 70.0}) == "It is so. PyTorch on seed 0: 70.0000, ours there not run yet."


@pytest.mark.parametrize(
    ("installed", "note"),
    [(True, "not run yet"), (False, "not installed: pip install 'pellucid[compare]' adds it")],
)
def test_where_pytorch_has_not_run(installed, note, monkeypatch):
    monkeypatch.setattr(report, "find_spec", lambda name: object() if installed else None)
    assert why({0: 70.0}, {}) == f"It is so. PyTorch: {note}."
