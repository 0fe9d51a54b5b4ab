"""PyTorch eager computes what ours does, a one-cycle rate included."""

from dataclasses import replace

import pytest

from bench.peers import torch_eager

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def whole_precision():
    """Undo what the contestant sets for its process."""
    yield
    torch.set_flush_denormal(False)


def test_three_steps_are_ours(check_same, small):
    check_same(torch_eager.prepare, small, {})


def test_a_cycle_of_the_learning_rate_is_ours(check_same, adam):
    check_same(torch_eager.prepare, replace(adam, cycle_epochs=3), {})
