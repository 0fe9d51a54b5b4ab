"""pellucid learns the same from bytes and from floats, compiled and not, and on a GPU."""

from dataclasses import replace
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from bench.problem import Problem
from bench.workloads import WORKLOADS, Workload
from tests import cuda, strict

import pellucid as pl
from bench import ours

WORK = Workload("small", (784, 12, 10), "sigmoid", 32, 80, "sgd")


def trained(options):
    data = np.random.default_rng(0).integers(0, 256, (80, 784), np.uint8), np.arange(80) % 10
    prepared = ours.prepare(Problem(WORK, data=data), options)
    prepared.run()
    prepared.run()
    return prepared.parameters()


@pytest.mark.parametrize("compiled", [False, True])
def test_bytes_and_floats_learn_the_same(compiled):
    if compiled and not find_spec("numba"):
        pytest.skip("Numba is not installed")
    floats = trained({"pixels": "float32", "compiled": False})
    for (W, b), (expected_W, expected_b) in zip(
        trained({"pixels": "uint8", "compiled": compiled}), floats, strict=True
    ):
        np.testing.assert_allclose(W, expected_W, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(b, expected_b, rtol=1e-3, atol=1e-5)


RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (80, 784), np.uint8), np.arange(80) % 10


@pytest.fixture
def gpu(monkeypatch):
    test = SimpleNamespace(x_test=IMAGES[:50], y_test=LABELS[:50])
    monkeypatch.setattr(pl, "load_dataset", lambda name: test)
    return strict.install(monkeypatch)


@pytest.mark.skipif(cuda.COMPILER is None, reason="there is no C compiler for the kernels")
@pytest.mark.parametrize("name", ["C", "F"])
def test_a_gpu_learns_what_the_cpu_learns(name, gpu):
    work = replace(WORKLOADS[name], sizes=(784, 12, 10), rows=80)
    problem = Problem(work, data=(IMAGES, LABELS))
    options = {"device": "gpu", "tf32": False, **({"iterations": 20} if name == "C" else {})}
    found = ours.prepare(problem, options)
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
    """Return the predicted classes of the test rows."""
    (W, b), (V, c) = prepared.parameters()
    return (np.maximum(IMAGES[:50] / 255 @ W + b, 0) @ V + c).argmax(axis=1)


def test_loss_and_optimizer():
    assert repr(ours.loss_of(WORKLOADS["D"])) == "SoftmaxCrossEntropy()"
    expected = "SGD(learning_rate=0.1, momentum=0.0, nesterov=False, weight_decay=0)"
    assert repr(ours.optimizer_of(WORKLOADS["D"])) == expected
