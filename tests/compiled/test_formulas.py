"""Formulas in which single entries matter. `test_descent` compares all formulas in whole trainings."""

import numpy as np
import pytest
from numba import njit

import pellucid as pl
from pellucid.compiled import formulas
from pellucid.metrics import count_correct


@njit
def count_right(z, labels, threshold):
    return formulas.count_right(z, labels, threshold)


@njit
def drop(x, drawn, drop_prob, out):
    formulas.drop(x, drawn, drop_prob, out)


@njit
def flush_subnormal(x):
    return formulas.flush_subnormal(x)


@pytest.mark.parametrize("drop_prob", [0.0, 0.1, 0.7, 0.9])
def test_dropout_keeps_what_the_layer_keeps(drop_prob):
    """A random number equal to the probability in float32 is kept."""
    near = np.float32(drop_prob)
    drawn = np.array([[0, near, np.nextafter(near, np.float32(0)), np.nextafter(near, np.float32(1)), 0.95]])
    drawn = drawn.astype(np.float32)
    layer = pl.Dropout(drop_prob)
    layer.connect(5, dtype=np.dtype(float), xp=np)
    layer.rng = type("Given", (), {"random": lambda self, out, dtype: np.copyto(out, drawn)})()
    expected = layer.forward(np.full((1, 5), 3.0), train=True)
    found = np.empty((1, 5))
    drop(np.full((1, 5), 3.0), drawn, drop_prob, found)
    np.testing.assert_allclose(found, expected, rtol=1e-15)


@pytest.mark.parametrize("n_out", [1, 2, 5])
@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_right_rows_with_ties(n_out, threshold):
    """The first of equal outputs is the prediction; an output at the threshold is class 0."""
    z = np.random.default_rng(0).integers(3, size=(300, n_out)) / 2
    for labels in (np.random.default_rng(1).integers(max(n_out, 2), size=300), np.ones(300, int)):
        assert count_right(z, labels, threshold) == count_correct(z, labels, threshold)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_subnormal_numbers_become_zero(dtype):
    tiny = np.finfo(dtype).tiny
    x = np.array([1, -1, tiny, -tiny, 0, np.inf, -np.inf, np.nan, tiny / 2, -tiny / 2], dtype)
    expected = np.array([1, -1, tiny, -tiny, 0, np.inf, -np.inf, np.nan, 0, 0], dtype)
    np.testing.assert_array_equal([flush_subnormal(number) for number in x], expected)
