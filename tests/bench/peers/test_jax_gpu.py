"""JAX's way on the GPU computes what ours does, here on the processor."""

import numpy as np
import pytest

from bench.peers import jax_gpu


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch):
    """Take no GPU, and undo what the contestant sets for its process."""
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    jax = pytest.importorskip("jax")
    yield
    jax.config.update("jax_default_matmul_precision", None)


def test_three_steps_are_ours(check_same, adam):
    check_same(jax_gpu.prepare, adam, {"unroll": 1, "tf32": False})


def test_iterations_are_ours_with_their_losses(few, run_of_ours):
    problem, net, records, right = run_of_ours(few, 20)
    prepared = jax_gpu.prepare(problem, {"iterations": 20, "tf32": True, "unroll": 1})
    prepared.run()
    report = prepared.report()
    assert report["trace"] == pytest.approx([records[9].loss, records[19].loss], rel=1e-3)
    assert report["test_accuracy"] == pytest.approx(right, abs=0.02)
    for (W, _), layer in zip(prepared.parameters(), net.layers[::2], strict=True):
        np.testing.assert_allclose(W, layer.W, rtol=1e-3, atol=1e-5)
