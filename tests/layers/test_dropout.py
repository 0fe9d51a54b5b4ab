"""Dropout: fraction of dropped entries, masks, random generators."""

import numpy as np
import pytest

import pellucid as pl


def built(drop_prob, n_in=50, seed=0, dtype=np.float64):
    layer = pl.Dropout(drop_prob)
    pl.Network([layer]).build(n_in, rng=np.random.default_rng(seed), dtype=dtype)
    return layer


@pytest.mark.parametrize("drop_prob", [0.0, 0.1, 0.5, 0.9])
def test_share_and_scale(drop_prob):
    """Entries are 0 or 1 / (1 - drop_prob); the share of zeros is within five standard errors."""
    y = built(drop_prob).forward(np.ones((2000, 50)), train=True)
    dropped = y == 0
    np.testing.assert_allclose(y[~dropped], 1 / (1 - drop_prob), rtol=1e-15)
    assert abs(dropped.mean() - drop_prob) <= 5 * np.sqrt(drop_prob * (1 - drop_prob) / y.size)
    assert not drop_prob or 0 < dropped.mean(axis=0).std() < 0.05


def test_prediction_is_the_identity(rng):
    x = rng.normal(size=(7, 50))
    np.testing.assert_array_equal(built(0.7).forward(x, train=False), x)


def test_backward_uses_the_mask_of_forward(rng):
    layer = built(0.5)
    x, dy = rng.normal(size=(20, 50)), rng.normal(size=(20, 50))
    kept = layer.forward(x, train=True) != 0
    np.testing.assert_array_equal(layer.backward(dy.copy()), np.where(kept, 2 * dy, 0))


def test_masks_do_not_depend_on_blocks_or_dtype():
    whole = built(0.4).forward(np.ones((11, 50)), train=True)
    layer = built(0.4)
    parts = [layer.forward(np.ones((n, 50)), train=True).copy() for n in (4, 1, 6)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    single = built(0.4, dtype=np.float32).forward(np.ones((11, 50), np.float32), train=True)
    np.testing.assert_array_equal(single != 0, whole != 0)


def test_masks_are_drawn_afresh():
    layer = built(0.5)
    first = layer.forward(np.ones((10, 50)), train=True).copy()
    assert (layer.forward(np.ones((10, 50)), train=True) != first).mean() > 0.3


def test_each_dropout_has_a_generator_of_its_own():
    net = pl.Network([pl.Dropout(0.5), pl.Dense(50), pl.Dropout(0.5)]).build(50, rng=np.random.default_rng(0))
    assert len(net.generators) == 2
    first, second = (generator.random(1000) for generator in net.generators)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2


def test_generators_leave_the_parameters_alone():
    plain = pl.Network([pl.Dense(5), pl.Dense(2)]).build(3, rng=np.random.default_rng(4))
    dropped = pl.Network([pl.Dropout(0.1), pl.Dense(5), pl.Dropout(0.5), pl.Dense(2)])
    np.testing.assert_array_equal(dropped.build(3, rng=np.random.default_rng(4)).theta, plain.theta)


def test_a_mask_can_be_fixed_and_freed():
    layer = built(0.5, n_in=3)
    layer.fix_mask([[1, 0, 1], [0, 1, 1]])
    for _ in range(2):
        y = layer.forward(np.ones((2, 3)), train=True)
        np.testing.assert_array_equal(y, [[2, 0, 2], [0, 2, 2]])
    layer.fix_mask(None)
    assert len({layer.forward(np.ones((9, 3)), train=True).tobytes() for _ in range(5)}) == 5


@pytest.mark.parametrize("drop_prob", [1, 1.5, -0.1, np.nan])
def test_the_probability_is_checked(drop_prob):
    with pytest.raises(ValueError, match=r"drop_prob must be in \[0, 1\), got"):
        pl.Dropout(drop_prob)


def test_training_without_a_generator_says_what_to_do():
    layer = pl.Dropout(0.5)
    layer.connect(2, dtype=np.dtype(np.float32), xp=np)
    with pytest.raises(RuntimeError, match=r"pass rng= to Network\.build or Network\.load"):
        layer.forward(np.ones((1, 2), np.float32), train=True)


def test_a_mask_holds_0_and_1_only():
    with pytest.raises(ValueError, match="must hold 0 and 1 only"):
        pl.Dropout(0.5).fix_mask([0.3, 1])


def test_backward_after_a_pass_without_dropout_is_the_identity(rng):
    layer = pl.Dropout(0.5)
    layer.connect(3, dtype=np.dtype(float), xp=np)
    layer.rng = rng
    layer.forward(np.ones((2, 3)), train=True)
    layer.forward(np.ones((2, 3)), train=False)
    assert layer.backward(np.full((2, 3), 7.0)).tolist() == [[7.0] * 3] * 2


def test_a_fixed_mask_must_fit():
    layer = pl.Dropout(0.5)
    layer.connect(5, dtype=np.dtype(float), xp=np)
    layer.fix_mask([1, 0, 1])
    with pytest.raises(ValueError, match=r"must have shape \(5,\) or \(2, 5\), got \(3,\)"):
        layer.forward(np.ones((2, 5)), train=True)
