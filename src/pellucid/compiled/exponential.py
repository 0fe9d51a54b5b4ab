"""e^x and tanh(x) in float32, as a few products and sums that run on vector registers.

Write x = n ln 2 + r with n whole and |r| ≤ ln(2) / 2. Then e^x = 2^n e^r. The factor 2^n only sets exponent
bits, and the Taylor series of e^r up to r⁷ is as exact as float32. In float64 the mathematics library is
used. `tests/compiled/test_exponential.py` compares both with NumPy.
"""

from collections.abc import Callable
from math import factorial, log
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from pellucid.compiled.jit import kernel

f = np.float32
#: Between these bounds e^x is a normal float32. x is clipped to them.
LOWEST, HIGHEST = f(-126 * log(2)), f(127 * log(2))
#: Adding and subtracting this rounds to a whole number, which stands in the last bits of the sum.
ROUNDER = f(1.5 * 2**23)
#: ln 2 in two parts. The product of the first part and n is exact.
LN_2, LN_2_REST = f(355 / 512), f(log(2) - 355 / 512)
TERMS = tuple(f(1 / factorial(k)) for k in range(7, 0, -1))


@kernel
def split(x: Any) -> tuple[Any, Any]:
    """Return e^r - 1 and 2^n. From these two numbers both e^x and e^x - 1 can be computed exactly."""
    x = LOWEST if x < LOWEST else x
    x = HIGHEST if x > HIGHEST else x
    rounded = f(x * f(1 / log(2)) + ROUNDER)
    n = rounded - ROUNDER
    r = (x - n * LN_2) - n * LN_2_REST
    series = f(0)
    for term in TERMS:
        series = series * r + term
    power = np.int32((rounded.view(np.int32) + np.int32(127)) << np.int32(23)).view(f)
    return series * r, power


def exp(x: Any) -> Any:
    """Return e^x."""
    return np.exp(x)


def _exp(x: Any) -> Any:
    rest, power = split(x)
    return rest * power + power


def tanh(x: Any) -> Any:
    """Return tanh(x)."""
    return np.tanh(x)


def _tanh(x: Any) -> Any:
    """Return d / (d + 2) with d = e^2x - 1, which is exact for small x too."""
    rest, power = split(f(2) * x)
    d = rest * power + (power - f(1))
    return d / (d + f(2))


def _use(function: Callable[[Any], Any], in_float32: Callable[[Any], Any]) -> None:
    """Make compiled code call `in_float32` if x is float32: `overload` chooses by the type of x."""

    def choose(x: Any) -> Any:
        return in_float32 if x == types.float32 else function

    overload(function)(choose)


_use(exp, in_float32=_exp)
_use(tanh, in_float32=_tanh)
