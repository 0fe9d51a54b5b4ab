"""PyTorch's ways on the GPU compute what ours does: here on the processor, where nothing can be recorded."""

from functools import partial

import numpy as np
import pytest
from bench.problem import Problem

from bench.peers import torch_gpu

torch = pytest.importorskip("torch")


def run_now(step):
    """Stand for `captured`: steps for warming up, and a replay that is a step whose value is written anew."""
    for _ in range(3):
        value = step()
    if value is None or not isinstance(value, torch.Tensor):
        return step, None
    kept = value.detach().clone()
    return lambda: kept.copy_(step().detach()), kept


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch):
    """Record and compile nothing, and undo what the contestant sets for its process."""
    monkeypatch.setattr(torch_gpu, "captured", run_now)
    monkeypatch.setattr(torch, "compile", on_this_processor)
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: None)
    yield
    torch.set_flush_denormal(False)
    torch.set_float32_matmul_precision("highest")
    torch.compiler.reset()


torch_compile = torch.compile


def on_this_processor(function, *, mode, dynamic):
    """Stand for `torch.compile`, whose own compiler would need longer than all other tests."""
    return torch_compile(function, backend="eager", dynamic=dynamic)


def prepared(problem, options, way="eager", **more):
    """Prepare on the processor; in full batch a unit is one iteration."""
    whole = {"iterations": 1} if problem.workload.batch_size is None else {}
    every = {"way": way, "tf32": False, "device": "cpu", "mode": "default"}
    return torch_gpu.prepare(problem, {**every, **whole, **options, **more})


@pytest.mark.parametrize("way", ["eager", "graphs"])
def test_three_steps_are_ours(check_same, small, way, monkeypatch):
    monkeypatch.setattr(torch, "stack", lambda values: torch.zeros(len(values)))  # one iteration has no trace
    check_same(partial(prepared, way=way), small, {})


def test_three_steps_compiled_are_ours(check_same, adam):
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
