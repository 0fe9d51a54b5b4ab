"""Every contestant computes the same: three steps from the same weights on the same batches."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from bench.problem import Problem
from bench.workloads import WORKLOADS, Workload

import pellucid as pl
from bench import ours

SMALL = {
    "tanh, full batch": replace(WORKLOADS["A"], sizes=(784, 20, 10), rows=80),
    "ReLU, full batch": replace(WORKLOADS["C"], sizes=(784, 30, 20, 10), rows=80),
    "no hidden layer": replace(WORKLOADS["D"], rows=80),
    "sigmoid": replace(WORKLOADS["E"], rows=80),
    "Adam": replace(WORKLOADS["F"], sizes=(784, 20, 10), batch_size=32, rows=80),
    "recipe": replace(
        WORKLOADS["D"],
        sizes=(30, 20, 10),
        rows=80,
        momentum=0.9,
        label_smoothing=0.1,
        components=30,
    ),
    "deep": replace(WORKLOADS["G"], sizes=(784, 24, 16, 10), batch_size=32, rows=80),
}


def images(n):
    """Return pixels like those of digits, most of them 0, and class numbers."""
    rng = np.random.default_rng(7)
    pixels = rng.integers(0, 256, (n, 784)) * (rng.random((n, 784)) < 0.2)
    return pixels.astype(np.uint8), np.arange(n) % 10


def trained(prepare, workload: Workload, options):
    """Return the parameters after three steps: an epoch of three batches, or three iterations."""
    prepared = prepare(Problem(workload, data=images(workload.rows), shuffle=False), options)
    for _ in range(3 if workload.batch_size is None else 1):
        prepared.run()
    return prepared.parameters()


@pytest.fixture
def adam():
    """Return the small workload with Adam."""
    return SMALL["Adam"]


@pytest.fixture(params=["tanh, full batch", "sigmoid", "recipe", "deep"])
def few(request):
    """Return a few small workloads, for contestants that compile each; all activations, both optimizers."""
    return SMALL[request.param]


@pytest.fixture(params=SMALL.values(), ids=SMALL)
def small(request):
    """Return each of the small workloads."""
    return request.param


@pytest.fixture
def check_same():
    """Return a function that compares a contestant's parameters with ours, up to rounding."""

    def check(prepare, workload, options, *, exceptions=0.0):
        theirs = trained(prepare, workload, options)
        expected = trained(ours.prepare, workload, {"pixels": "float32", "compiled": False})
        start = Problem(workload, data=images(workload.rows)).weights()
        assert len(theirs) == len(expected) == len(workload.sizes) - 1
        for (W, b), (our_W, our_b), (first_W, _) in zip(theirs, expected, start, strict=True):
            for mine, other in ((our_W, W), (our_b, b)):
                assert mine.shape == other.shape
                assert np.mean(~np.isclose(other, mine, rtol=1e-4, atol=1e-6)) <= exceptions
            # The training has changed the weights by far more than the tolerance.
            assert np.abs(our_W - first_W).max() > 1e-4

    return check


@pytest.fixture
def run_of_ours(monkeypatch):
    """Return a function that trains ours in full batch; its rows replace MNIST's test set."""

    def run(workload, epochs):
        if workload.batch_size is not None:
            pytest.skip("a run of iterations, with its trace, belongs to full batch")
        rng = np.random.default_rng(7)
        data = rng.integers(0, 256, (workload.rows, 784)).astype(np.uint8), np.arange(workload.rows) % 10
        test = SimpleNamespace(x_test=data[0], y_test=data[1])
        monkeypatch.setattr(pl, "load_dataset", lambda name: test)
        problem, loss = Problem(workload, data=data), pl.SoftmaxCrossEntropy()
        net, x, y = problem.network(), problem.pixels(), problem.labels
        records = list(pl.train(net, loss, pl.SGD(workload.rate), x, y, epochs=epochs, compiled=False))
        return problem, net, records, pl.evaluate(net, loss, x, y)[1]

    return run
