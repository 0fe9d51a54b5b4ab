"""Schedules against PyTorch's and against values by hand."""

import pickle
import warnings

import numpy as np
import pytest

import pellucid as pl


def rates_of_pytorch(name, steps, rate, **arguments):
    """Return the rates that one of PyTorch's schedulers sets for the steps 0 to steps - 1."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **arguments)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wants optimizer.step() before scheduler.step()
        for step in range(steps):
            found.append(optimizer.param_groups[0]["lr"])
            if step < steps - 1:
                scheduler.step()
    return found


@pytest.mark.parametrize("warmup", [0.1, 0.3, 0.77])
@pytest.mark.parametrize("steps", [11, 40, 101])
def test_one_cycle(steps, warmup):
    arguments = {"max_lr": 0.7, "total_steps": steps, "pct_start": warmup, "cycle_momentum": False}
    expected = rates_of_pytorch("OneCycleLR", steps, 0.1, **arguments)
    schedule = pl.one_cycle(0.7, steps, warmup)
    np.testing.assert_allclose([schedule(step) for step in range(steps)], expected, rtol=1e-11)


@pytest.mark.parametrize("floor", [0.0, 0.02])
@pytest.mark.parametrize("steps", [1, 10, 64])
def test_cosine(steps, floor):
    expected = rates_of_pytorch("CosineAnnealingLR", steps + 1, 0.3, T_max=steps, eta_min=floor)
    schedule = pl.cosine(0.3, steps, floor)
    np.testing.assert_allclose(
        [schedule(step) for step in range(steps + 1)], expected, rtol=1e-11, atol=1e-16
    )
    assert schedule(steps + 5) == pytest.approx(floor, abs=1e-17)


@pytest.mark.parametrize(("every", "factor"), [(1, 0.9), (7, 0.1), (30, 0.5)])
def test_step_decay(every, factor):
    expected = rates_of_pytorch("StepLR", 60, 0.2, step_size=every, gamma=factor)
    schedule = pl.step_decay(0.2, every, factor)
    np.testing.assert_allclose([schedule(step) for step in range(60)], expected, rtol=1e-12)


def test_values_by_hand():
    assert [pl.step_decay(8.0, every=2, factor=0.5)(step) for step in range(6)] == [8, 8, 4, 4, 2, 2]
    assert [round(pl.cosine(1.0, 3, floor=0.2)(step), 12) for step in range(5)] == [1, 0.8, 0.4, 0.2, 0.2]
    cycle = pl.one_cycle(1.0, steps=20, warmup=0.5)
    assert [round(cycle(step), 12) for step in (0, 9, 19)] == [0.04, 1.0, 4e-6]
    assert max(range(20), key=cycle) == 9


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("warmup", [0.01, 0.3, 0.99])
def test_short_cycles_stay_within_their_bounds(steps, warmup):
    rates = [pl.one_cycle(1.0, steps, warmup)(step) for step in range(steps + 2)]
    assert all(4e-6 * (1 - 1e-9) <= rate <= 1 for rate in rates)


@pytest.mark.parametrize("schedule", [pl.step_decay(0.1, 5), pl.cosine(0.1, 9, 0.01), pl.one_cycle(1.0, 30)])
def test_schedules_are_values(schedule):
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert eval(repr(schedule), vars(pl)) == schedule


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pl.step_decay(0, 5), "rate must be finite and > 0, got 0"),
        (lambda: pl.step_decay(1, 0), "every must be a whole number >= 1, got 0"),
        (lambda: pl.step_decay(1, 5, -1), "factor must be finite and > 0, got -1"),
        (lambda: pl.cosine(1, 2.5), "steps must be a whole number >= 1, got 2.5"),
        (lambda: pl.cosine(1, 2, 3), "floor must be from 0 to the rate 1, got 3"),
        (lambda: pl.one_cycle(np.inf, 5), "peak must be finite and > 0, got inf"),
        (lambda: pl.one_cycle(1, True), "steps must be a whole number >= 1, got True"),
        (lambda: pl.one_cycle(1, 5, 1), r"warmup must be in \(0, 1\), got 1"),
    ],
)
def test_errors_name_value_and_limit(make, message):
    with pytest.raises(ValueError, match=message):
        make()
