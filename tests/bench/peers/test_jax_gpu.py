"""JAX's way on the GPU computes what ours does, here on the processor."""

from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as pl
from pellucid.bench.peers import jax_gpu
from pellucid.bench.problem import Problem


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch):
    """Take no GPU, and undo what the contestant sets for its process."""
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    jax = pytest.importorskip("jax")
    yield
    jax.config.update("jax_default_matmul_precision", None)


def test_three_steps_are_ours(check_same, adam):
    check_same(jax_gpu.prepare, adam, {"unroll": 1, "tf32": False})


def test_iterations_are_ours_with_their_losses(few, monkeypatch):
    if few.batch_size is not None:
        pytest.skip("a run of iterations belongs to full batch")
    rng = np.random.default_rng(7)
    data = rng.integers(0, 256, (few.rows, 784)).astype(np.uint8), np.arange(few.rows) % 10
    monkeypatch.setattr(pl, "load_dataset", lambda name: SimpleNamespace(x_test=data[0], y_test=data[1]))
    problem = Problem(few, data=data)
    net = problem.network()
    records = list(
        pl.train(
            net, pl.SoftmaxCrossEntropy(), pl.SGD(few.rate), problem.pixels(), problem.labels, epochs=20,
            compiled=False,
        )
    )  # fmt: skip
    prepared = jax_gpu.prepare(problem, {"iterations": 20, "tf32": True, "unroll": 1})
    prepared.run()
    report = prepared.report()
    assert report["trace"] == pytest.approx([records[9].loss, records[19].loss], rel=1e-3)
    right = pl.evaluate(net, pl.SoftmaxCrossEntropy(), problem.pixels(), problem.labels)[1]
    assert report["test_accuracy"] == pytest.approx(right, abs=0.02)
    for (W, _), layer in zip(prepared.parameters(), net.layers[::2], strict=True):
        np.testing.assert_allclose(W, layer.W, rtol=1e-3, atol=1e-5)
