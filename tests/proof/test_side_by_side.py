"""Training beside PyTorch, with few settings and steps."""

import numpy as np
import pytest

import pellucid as pl

pytest.importorskip("torch")

from proof import side_by_side


def test_the_settings_agree_and_are_many():
    steps = []
    findings = side_by_side.prove(12, steps.append, steps=100)
    assert sum(steps) == 12
    assert [finding.measured for finding in findings if not finding.holds] == []
    assert [finding.limit for finding in findings][:2] == ["1e-10", "32 times"]
    made = [side_by_side.draw_setup(seed, 100, np.float64) for seed in range(24)]
    assert {type(setup.loss) for setup in made} == set(side_by_side.LOSSES)
    assert {type(setup.optimizer) for setup in made} == {pl.SGD, pl.Adam}
    assert {type(setup.optimizer.learning_rate).__name__ for setup in made} == {
        *("float", "step_decay", "cosine", "one_cycle")
    }
    kinds = {type(layer) for setup in made for layer in setup.net.layers}
    assert kinds == {pl.Dense, pl.Dropout, *side_by_side.ACTIVATIONS}
    assert any(setup.optimizer.weight_decay for setup in made)
    assert any(setup.batch_size is None for setup in made)


def test_a_setting_is_the_same_each_time():
    assert side_by_side.largest_differences(3, 5, np.float32) == side_by_side.largest_differences(
        3, 5, np.float32
    )
    a, b = (side_by_side.draw_setup(3, 5, dtype) for dtype in (np.float64, np.float32))
    np.testing.assert_array_equal(a.net.theta.astype(np.float32), b.net.theta)


def test_a_slip_of_ours_does_not_hold(monkeypatch):
    """Sigmoid's derivative y(1 - y) replaced by y: a large error, the same in both precisions."""

    def wrong(self, dy):
        dy *= self.y
        return dy

    monkeypatch.setattr(pl.Sigmoid, "backward", wrong)
    first, *_ = side_by_side.prove(4, lambda k: None, steps=100)
    assert not first.holds


def test_findings_of_runs_by_hand():
    runs = [
        side_by_side.SettingRun(0, True, [1e-16] * 100 + [1e-9], [1e-7] * 101),
        side_by_side.SettingRun(1, False, [3e-11] * 101, [0.5] * 101),
    ]
    hundred, thousand = (side_by_side.in_float64(runs, *bar) for bar in ((100, 1e-10), (1000, 1e-8)))
    assert (hundred.holds, "3.0e-11 (setting 1)" in hundred.measured) == (True, True)
    assert (thousand.holds, "1.0e-09 (setting 0)" in thousand.measured) == (True, True)
    assert not side_by_side.in_float64(runs, 1000, 1e-10).holds
    smooth, kinked = side_by_side.in_float32(runs)
    assert smooth.holds and kinked.holds and "in 0 of them" in kinked.measured
    coarse = side_by_side.SettingRun(2, True, [1e-16], [33 * 2.0**-24])
    assert not side_by_side.in_float32([coarse])[0].holds
