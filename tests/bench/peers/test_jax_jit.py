"""JAX computes what ours does, a one-cycle rate included."""

from dataclasses import replace

import pytest

from bench.peers import jax_jit


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch):
    """Take no GPU, here as in a worker."""
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    pytest.importorskip("jax")


def test_three_steps_are_ours(check_same, few):
    check_same(jax_jit.prepare, few, {"unroll": 1})


def test_a_cycle_of_the_learning_rate_is_ours_and_steps_compiled_as_one_too(check_same, adam):
    check_same(jax_jit.prepare, replace(adam, cycle_epochs=3), {"unroll": 2})
