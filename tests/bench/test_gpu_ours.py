"""Ours on the double: the numbers of the CPU, and the trace of a run of iterations."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from bench.problem import Problem
from bench.workloads import WORKLOADS
from tests import cuda, strict

import pellucid as pl
from bench import gpu_ours, ours

pytestmark = pytest.mark.skipif(cuda.COMPILER is None, reason="there is no C compiler to run the kernels by")
RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (80, 784), np.uint8), np.arange(80) % 10


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    test = SimpleNamespace(x_test=IMAGES[:50], y_test=LABELS[:50])
    monkeypatch.setattr(pl, "load_dataset", lambda name: test)
    return strict.install(monkeypatch)


@pytest.mark.parametrize("name", ["C", "F"])
def test_it_learns_what_the_processor_learns(name):
    work = replace(WORKLOADS[name], sizes=(784, 12, 10), rows=80)
    problem = Problem(work, data=(IMAGES, LABELS))
    options = {"tf32": False, **({"iterations": 20} if name == "C" else {})}
    found = gpu_ours.prepare(problem, options)
    expected = ours.prepare(problem, {"pixels": "float32", "compiled": False})
    found.run()
    records = [expected.run() for _ in range(20 if name == "C" else 1)]
    for (W, b), (expected_W, expected_b) in zip(found.parameters(), expected.parameters(), strict=True):
        np.testing.assert_allclose(W, expected_W, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(b, expected_b, rtol=1e-3, atol=1e-5)
    report = found.report()
    if name == "F":
        assert report == {}
        return
    assert report["trace"] == pytest.approx([records[i].loss for i in (9, 19)], rel=1e-4)
    net_accuracy = np.mean([row == label for row, label in zip(classes(found), LABELS, strict=False)])
    assert report["test_accuracy"] == net_accuracy
    found.run()
    records = [expected.run() for _ in range(20)]
    assert found.report()["trace"] == pytest.approx([records[i].loss for i in (9, 19)], rel=1e-3)


def classes(prepared):
    """Return the classes that the parameters say, for the rows of the test."""
    (W, b), (V, c) = prepared.parameters()
    return (np.maximum(IMAGES[:50] / 255 @ W + b, 0) @ V + c).argmax(axis=1)
