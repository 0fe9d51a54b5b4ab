"""scikit-learn computes the same as ours; its Adam has ε in another place, which shows in tiny gradients."""

from dataclasses import replace

import numpy as np
import pytest
from bench.problem import Problem

from bench.peers import sklearn_mlp

pytest.importorskip("sklearn")


def test_three_steps_are_ours(check_same, small):
    small = replace(small, label_smoothing=0)  # scikit-learn has none
    check_same(sklearn_mlp.prepare, small, {}, exceptions=0.0 if small.rule == "sgd" else 0.02)


def test_the_rate_of_an_epoch_is_its_mean(adam):
    """In full batch an epoch is one step, so the schedule is followed exactly."""
    data = np.zeros((80, 784), np.uint8), np.arange(80) % 10
    cycled = replace(adam, cycle_epochs=2)
    prepared = sklearn_mlp.prepare(Problem(cycled, data=data, shuffle=False), {})
    flat = replace(adam, rate=float(np.mean(rates(cycled))))
    flat = sklearn_mlp.prepare(Problem(flat, data=data, shuffle=False), {})
    prepared.run()
    flat.run()
    for (_, b), (_, expected) in zip(prepared.parameters(), flat.parameters(), strict=True):
        np.testing.assert_allclose(b, expected, rtol=1e-3, atol=1e-6)


def rates(workload):
    """Return the rates of the first epoch."""
    rate = workload.schedule()
    return [rate(step) for step in range(workload.steps)]
