"""PyTorch computes the same as ours in each way; those for a GPU run on the CPU, without CUDA graphs."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from bench.problem import Problem
from tests.bench.conftest import run_now

from bench.peers import pytorch

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    """Capture no graphs, compile nothing, and undo what the contestant sets for its process."""
    monkeypatch.setattr(pytorch, "captured", run_now)
    monkeypatch.setattr(torch, "compile", by_the_eager_backend)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: None)
    yield
    torch.set_flush_denormal(False)
    torch.set_float32_matmul_precision("highest")
    torch.compiler.reset()


torch_compile = torch.compile


def by_the_eager_backend(function, *, mode, dynamic):
    """Stand in for `torch.compile`, whose own compiler takes longer than all other tests."""
    return torch_compile(function, backend="eager", dynamic=dynamic)


def prepared(problem, options, way="eager", **more):
    """Prepare with the options for a GPU, on the CPU; in full batch a unit is one iteration."""
    whole = {"iterations": 1} if problem.workload.batch_size is None else {}
    every = {"way": way, "tf32": False, "device": "cpu", "mode": "default"}
    return pytorch.prepare(problem, {**every, **whole, **options, **more})


@pytest.mark.parametrize("way", ["eager", "graphs"])
def test_three_steps_on_a_device_are_ours(check_same, small, way, monkeypatch):
    monkeypatch.setattr(torch, "stack", lambda values: torch.zeros(len(values)))  # one iteration has no trace
    check_same(partial(prepared, way=way), small, {})


def test_three_steps_compiled_for_a_device_are_ours(check_same, adam):
    check_same(partial(prepared, way="compiled"), adam, {})


@pytest.mark.parametrize("way", ["eager", "graphs", "compiled"])
def test_the_trace_of_a_run(way, few, run_of_ours):
    problem, _, records, right = run_of_ours(few, 30)
    training = prepared(problem, {"iterations": 30}, way)
    training.run()
    report = training.report()
    assert report["trace"] == pytest.approx([records[i].loss for i in (9, 19, 29)], rel=1e-3)
    assert report["test_accuracy"] == pytest.approx(right, abs=0.02)


@pytest.mark.parametrize("tf32", [False, True])
def test_tf32_is_a_choice(tf32, few):
    data = np.zeros((few.rows, 784), np.uint8), np.arange(few.rows) % 10
    prepared(Problem(few, data=data), {"tf32": tf32})
    assert torch.get_float32_matmul_precision() == ("high" if tf32 else "highest")


def test_three_steps_are_ours(check_same, small):
    check_same(pytorch.prepare, small, {})


def test_a_cycle_of_the_learning_rate_is_ours(check_same, adam):
    check_same(pytorch.prepare, replace(adam, cycle_epochs=3), {})


def test_three_steps_compiled_are_ours(check_same, adam):
    check_same(pytorch.prepare, adam, {"way": "compiled"})
