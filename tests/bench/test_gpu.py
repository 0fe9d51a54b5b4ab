"""The benchmark on a GPU without one: who takes part in what, what the numbers say, and the first error."""

import pytest
from bench.comparison import compare
from bench.gpu import QUICK_GPU, GpuEffort, GpuSession, contestants, judged, machine
from tests import strict
from tests.bench.conftest import figures

from bench import gpu


def test_every_precision_has_all_contestants_with_the_same_options():
    for tf32 in (False, True):
        found = {each.name: each for each in contestants(tf32=tf32, iterations=7)}
        roles = [each.role for each in found.values()]
        assert (roles.count("ours"), roles.count("peer"), roles.count("floor")) == (1, 4, 2)
        for each in found.values():
            ((choice,), (whole,)) = each.choices, each.full_batch_choices
            assert choice["tf32"] is tf32
            assert whole == {**choice, "iterations": 7}
    assert found["jax"].environment(2)["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


def test_parts_and_rounds(monkeypatch):
    """C is measured three times, F five times; both with each precision."""
    asked = []

    def note(workload, entered, effort, tell):
        asked.append((workload.name, entered[0].full_batch_choices[0], effort.rounds, effort.threads))
        return {**workload.to_json(), "unit": workload.unit, "contestants": {}}

    monkeypatch.setattr(gpu, "compare", note)
    monkeypatch.setattr(gpu, "cores", lambda: [0, 1, 2])
    found = list(GpuSession(("C", "F"), GpuEffort()).measure(lambda step, seconds: None))
    assert [name for name, _ in found] == ["C float32", "C TF32", "F float32", "F TF32"]
    assert [name for name, *_ in asked] == ["C", "C", "F", "F"]
    assert [rounds for *_, rounds, _ in asked] == [3, 3, 5, 5]
    assert asked[1][1] == {"tf32": True, "iterations": 1000}
    assert asked[0][3] == [3]
    assert found[0][1]["unit"] == "s/run of iterations"
    assert found[2][1]["unit"] == "s/epoch"


def test_a_smoke_run_is_short(monkeypatch):
    asked = []
    monkeypatch.setattr(gpu, "compare", lambda *arguments: asked.append(arguments) or {})
    monkeypatch.setattr(gpu, "judged", lambda entry: entry)
    list(GpuSession(("C",), QUICK_GPU).measure(lambda step, seconds: None))
    (_, entered, effort, _), _ = asked
    assert entered[0].full_batch_choices[0]["iterations"] == 20
    assert effort.is_smoke


def test_comparing_needs_nothing_that_the_processors_benchmark_has_not(fake, monkeypatch):
    """The same rounds of the same workers, with what a contestant reports beside its times."""
    names = [("pellucid", "ours"), ("cuda-graphs", "peer"), ("products", "floor")]
    choices = ({"seconds": 0.001, "report": {"trace": [2.0, 1.0], "test_accuracy": 0.9}},)
    entered = [fake(name, role, choices) for name, role in names]
    entry = compare(gpu.WORKLOADS["C"], entered, GpuEffort(rounds=2, sample_seconds=0.002), lambda *_: None)
    part = judged(entry)
    assert part["contestants"]["pellucid"]["trace"] == [2.0, 1.0]
    assert part["contestants"]["cuda-graphs"]["test_accuracy"] == 0.9
    assert part["ratios"]["fastest_peer"] == "cuda-graphs"
    assert list(part["floors"]) == ["products"]


def entry(name="C", **found):
    whole = None if name == "C" else 128
    return {"name": name, "batch_size": whole, "unit": "s/epoch", "contestants": found}


def test_ratios_and_bars():
    part = judged(
        entry(
            pellucid=figures(2.0, 2.0, 4.0), pytorch=figures(9.0, 8.0, 10.0), jax=figures(3.0, 4.0, 3.0),
            products=figures(1.0, 1.0, 2.0), memory=figures(0.5, 0.5, 0.5),
        )
    )  # fmt: skip
    assert part["ratios"]["fastest_peer"] == "jax"
    assert part["ratios"]["jax"] == {"value": 1.5, "min": 0.75, "max": 2.0}
    assert part["ratios"]["products"]["value"] == 2.0
    assert part["ratios"]["memory"]["value"] == 4.0
    assert part["bars"]["fastest_peer"] == {"limit": 1.0, "value": 1.5, "met": True}
    assert part["bars"]["products"] == {"limit": 1.5, "value": 2.0, "met": False}
    assert set(part["contestants"]) == {"pellucid", "pytorch", "jax"}


def test_only_full_batch_has_bars_and_gaps_are_no_ratios():
    part = judged(entry("F", pellucid=figures(1.0), pytorch={"missing": "no torch"}, products=figures(1.0)))
    assert part["bars"] == {}
    assert part["ratios"] == {"fastest_peer": None, "products": {"value": 1.0, "min": 1.0, "max": 1.0}}
    part = judged(entry("C", pellucid={"missing": "no cupy"}, jax=figures(1.0)))
    assert part["ratios"] == {"fastest_peer": "jax"}
    assert part["bars"]["fastest_peer"] == {"limit": 1.0, "value": None, "met": None}


def test_the_machine(monkeypatch):
    cupy = strict.install(monkeypatch)
    cupy.__version__ = "14"
    about = {"name": b"NVIDIA H100", "totalGlobalMem": 2**36}
    for name, value in (("getDeviceProperties", about), ("runtimeGetVersion", 12090)):
        setattr(cupy.cuda.runtime, name, lambda *_, value=value: value)
    cupy.cuda.runtime.driverGetVersion = lambda: 13000
    found = machine()
    assert (found["gpu"], found["cuda runtime"], found["cupy"]) == ("NVIDIA H100", 12090, "14")


def test_without_a_gpu_there_is_an_error(monkeypatch):
    monkeypatch.setitem(gpu.array_module.__globals__["sys"].modules, "cupy", None)
    with pytest.raises(OSError, match=r'^--gpu: device="gpu" needs CuPy, which is missing: pip install'):
        machine()
