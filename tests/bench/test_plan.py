"""The parts of a run on the CPU and on a GPU, and the scaling."""

from dataclasses import replace

import pytest
from bench.contestants import choose
from bench.effort import QUICK, Effort
from bench.plan import SCALING_AXES, SCALING_BASE, Plan, chosen_names, measure_scaling, varied
from bench.ratios import judged
from bench.rounds import compare
from bench.workloads import WORKLOADS

from bench import plan

ALL = ("A", "B", "C", "D", "E", "E10", "F", "G", "T98")


@pytest.mark.parametrize(
    ("asked", "settings", "names"),
    [
        (None, {}, ALL),
        ([" e10", "a"], {}, ("A", "E10")),
        (None, {"quick": True}, ("A", "F", "T98")),
        (["g"], {"quick": True}, ("G",)),
        (None, {"scaling": True}, ()),
        (["D"], {"scaling": True}, ("D",)),
    ],
)
def test_chosen_names(asked, settings, names):
    assert chosen_names(asked, **{"quick": False, "scaling": False, **settings}) == names


def test_an_unknown_workload():
    with pytest.raises(ValueError, match=r"--workload must be one of A, B, .*, T98, got 'H'"):
        chosen_names(["h"], quick=False, scaling=False)


def test_parts_come_in_their_order(monkeypatch, compared):
    monkeypatch.setattr(
        plan, "compare", lambda work, contestants, effort, notify: {**compared, "name": work.name}
    )
    monkeypatch.setattr(plan, "race", lambda contestants, effort, notify: {"name": "T98"})
    monkeypatch.setattr(plan, "measure_scaling", lambda effort, notify: {"axes": {}})
    whole = Plan(("C", "D", "T98"), tuple(choose(None)), Effort(), scaling=True)
    found = dict(whole.measure(lambda step, share: None))
    assert list(found) == ["C", "D", "race", "scaling"]
    assert found["C"]["bars"]["floor"]["limit"] == 1.35
    assert "floor" not in found["D"]["bars"]


def test_the_estimate_grows_with_what_is_measured(monkeypatch):
    monkeypatch.setattr("bench.effort.cores", lambda: [0, 1])
    contestants = tuple(choose(None))
    small, large = (Plan(names, contestants, Effort()) for names in (("A",), ALL))
    assert 0 < small.seconds < large.seconds < 15 * 60
    assert Plan((), contestants, Effort(), scaling=True).seconds > 60


def test_parts_and_rounds(monkeypatch):
    """C takes three rounds, F five, each with both precisions."""
    asked = []

    def note(workload, entered, effort, notify):
        asked.append((workload.name, entered[0].full_batch_choices[0], effort.rounds, effort.threads))
        return {**workload.to_json(), "unit": workload.unit, "contestants": {}}

    monkeypatch.setattr(plan, "compare", note)
    monkeypatch.setattr("bench.effort.cores", lambda: [0, 1, 2])
    found = list(Plan(("C", "F"), (), Effort(device="gpu")).measure(lambda step, seconds: None))
    assert [name for name, _ in found] == ["C float32", "C TF32", "F float32", "F TF32"]
    assert [name for name, *_ in asked] == ["C", "C", "F", "F"]
    assert [rounds for *_, rounds, _ in asked] == [3, 3, 5, 5]
    assert asked[1][1] == {"device": "gpu", "tf32": True, "iterations": 1000}
    assert asked[0][3] == [3]
    assert found[0][1]["unit"] == "s/run of iterations"
    assert found[2][1]["unit"] == "s/epoch"


def test_a_smoke_run_is_short(monkeypatch):
    asked = []
    monkeypatch.setattr(plan, "compare", lambda *arguments: asked.append(arguments) or {})
    monkeypatch.setattr(plan, "judged", lambda entry, device: entry)
    list(Plan(("C",), (), replace(QUICK, device="gpu")).measure(lambda step, seconds: None))
    (_, entered, effort, _), _ = asked
    assert entered[0].full_batch_choices[0]["iterations"] == 20
    assert effort.is_smoke


def test_contestants_of_a_gpu_are_compared_like_others(fake, monkeypatch):
    """A report of a contestant is kept beside its times."""
    names = [("pellucid", "ours"), ("cuda-graphs", "peer"), ("products", "floor")]
    choices = ({"seconds": 0.001, "report": {"trace": [2.0, 1.0], "test_accuracy": 0.9}},)
    entered = [fake(name, role, choices) for name, role in names]
    entry = compare(
        WORKLOADS["C"], entered, Effort(rounds=2, sample_seconds=0.002, device="gpu"), lambda *_: None
    )
    part = judged(entry, device="gpu")
    assert part["contestants"]["pellucid"]["trace"] == [2.0, 1.0]
    assert part["contestants"]["cuda-graphs"]["test_accuracy"] == 0.9
    assert part["ratios"]["fastest_peer"] == "cuda-graphs"
    assert list(part["floors"]) == ["products"]


@pytest.mark.parametrize(
    ("axis", "value"), [(axis, value) for axis in SCALING_AXES for value in SCALING_AXES[axis]]
)
def test_one_number_differs_from_the_base(axis, value):
    work = varied(axis, value)
    kept = {"rows": work.rows, "batch size": work.batch_size, "depth": len(work.sizes) - 2}
    kept["width"] = work.sizes[1]
    base = {"rows": 30_000, "batch size": 128, "depth": 1, "width": 100}
    assert kept == {**base, axis: value}
    assert (work.rule, work.sizes[0], work.sizes[-1]) == (SCALING_BASE.rule, 784, 10)


def test_all_points_are_compared_and_a_smoke_run_compares_the_ends(monkeypatch, fast):
    seen = []

    def compare(workload, contestants, effort, notify):
        seen.append((workload.name, [each.name for each in contestants], effort.rounds))
        figures = {"median": 1.0, "min": 1.0, "max": 1.0, "samples": [1.0], "tried": ["much"]}
        return {"contestants": {"pellucid": figures, "pytorch": {"missing": "gone"}}}

    monkeypatch.setattr(plan, "compare", compare)
    found = measure_scaling(Effort(rounds=9), lambda step, share: None)
    assert len(seen) == sum(map(len, SCALING_AXES.values()))
    assert {(tuple(names), rounds) for _, names, rounds in seen} == {(("pellucid", "pytorch"), 3)}
    point = found["axes"]["depth"][1]
    assert point["value"] == 2
    assert point["contestants"]["pytorch"] == {"missing": "gone"}
    assert "tried" not in point["contestants"]["pellucid"]
    ends = measure_scaling(fast, lambda step, share: None)["axes"]["width"]
    assert [point["value"] for point in ends] == [25, 400]


def test_workloads_on_a_gpu():
    assert chosen_names(["g", "C"], device="gpu") == ("C", "G")
    assert chosen_names(None, device="gpu") == chosen_names(None, quick=True, device="gpu") == ("C", "F", "G")


def test_estimates_of_no_contestant_and_of_a_gpu(monkeypatch):
    assert Plan(("A",), (), Effort()).seconds == 0.0
    monkeypatch.setattr("bench.contestants.find_spec", lambda name: name)
    assert Plan(("C",), (), Effort(device="gpu")).seconds > 60
