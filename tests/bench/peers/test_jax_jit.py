"""JAX computes the same as ours, also with a one-cycle rate and with the settings for a GPU."""

from dataclasses import replace

import numpy as np
import pytest

from bench.peers import jax_jit


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    """Use no GPU, and undo what the contestant sets for its process."""
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    jax = pytest.importorskip("jax")
    yield
    jax.config.update("jax_default_matmul_precision", None)


def test_three_steps_are_ours(check_same, few):
    check_same(jax_jit.prepare, few, {"unroll": 1})


def test_a_one_cycle_rate_with_unrolled_steps_is_ours(check_same, adam):
    check_same(jax_jit.prepare, replace(adam, cycle_epochs=3), {"unroll": 2})


def test_three_steps_with_the_settings_for_a_gpu_are_ours(check_same, adam):
    check_same(jax_jit.prepare, adam, {"unroll": 1, "tf32": False})


def test_iterations_are_ours_with_their_losses(few, run_of_ours):
    problem, net, records, right = run_of_ours(few, 20)
    prepared = jax_jit.prepare(problem, {"iterations": 20, "tf32": True, "unroll": 1})
    prepared.run()
    report = prepared.report()
    assert report["trace"] == pytest.approx([records[9].loss, records[19].loss], rel=1e-3)
    assert report["test_accuracy"] == pytest.approx(right, abs=0.02)
    for (W, _), layer in zip(prepared.parameters(), net.layers[::2], strict=True):
        np.testing.assert_allclose(W, layer.W, rtol=1e-3, atol=1e-5)
