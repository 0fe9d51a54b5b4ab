"""e^x and tanh in compiled code are exact to two units in the last place over the range of float32."""

import numpy as np
import pytest
from numba import njit

from pellucid.compiled import exponential

#: Small, ordinary and large numbers of either sign.
X = np.concatenate([sign * np.geomspace(1e-38, 120, 20_001) for sign in (-1, 1)]).astype(np.float32)


@njit
def table(function, x):
    """Return the values of a function, computed in a compiled loop."""
    return np.array([function(number) for number in x])


@njit
def exp(x):
    return exponential.exp(x)


@njit
def tanh(x):
    return exponential.tanh(x)


@pytest.mark.parametrize("function", [exp, tanh])
def test_float32(function):
    x = X[np.abs(X) < 87]
    exact = getattr(np, function.__name__)(x.astype(np.float64))
    found = table(function, x)
    assert found.dtype == np.float32
    assert np.abs(found / exact - 1).max() < 2 * np.finfo(np.float32).eps


def test_float64():
    x = X.astype(np.float64)
    np.testing.assert_allclose(table(exp, x), np.exp(x), rtol=1e-15)
    np.testing.assert_allclose(table(tanh, x), np.tanh(x), rtol=1e-15)


def test_the_ends():
    x = np.array([-np.inf, -120, 0, 120, np.inf, np.nan], np.float32)
    least, _, one, _, most, nan = table(exp, x)
    assert 0 <= least < 2e-38
    assert one == 1
    assert most > 1e38
    assert np.isnan(nan)
    np.testing.assert_array_equal(table(tanh, x), [-1, -1, 0, 1, 1, np.nan])
