"""The double of CuPy: what it refuses, and that it offers nothing that CuPy lacks."""

import copy
import inspect
import operator
import pickle
import re

import numpy as np
import pytest
from tests import strict

IMPLICIT = [
    np.asarray,
    np.sum,
    np.copy,
    float,
    int,
    bool,
    list,
    range,
    pickle.dumps,
    copy.copy,
    copy.deepcopy,
]
MIXED = [
    operator.add,
    lambda a, b: b + a,
    lambda a, b: b.__iadd__(a),
    lambda a, b: b @ a,
    np.add,
    np.copyto,
    lambda a, b: a.__setitem__(slice(None), b),
    lambda a, b: b.__setitem__(slice(None), a),
    lambda a, b: b[np.array([0])],
    lambda a, b: b[[0]],
    lambda a, b: b[b > 0],
    operator.getitem,
]


@pytest.mark.parametrize("use", IMPLICIT)
def test_the_double_gives_nothing_away_by_itself(use):
    with pytest.raises(TypeError):
        use(strict.make_cupy().asarray([3]))


@pytest.mark.parametrize("mix", MIXED)
def test_the_double_never_meets_an_array_of_the_host(mix):
    with pytest.raises(TypeError):
        mix(np.ones(1), strict.make_cupy().asarray(np.ones(1)))


def test_the_double_has_nothing_that_cupy_has_not():
    """Where CuPy is installed, which takes no GPU: every function and method takes these arguments."""
    cupy = pytest.importorskip("cupy")
    for name, keywords in strict.FUNCTIONS.items():
        assert keywords <= arguments_of(getattr(cupy, name)), name
    for name, keywords in strict.METHODS.items():
        assert keywords <= arguments_of(getattr(cupy.ndarray, name)), name
    for name in ("get", "item", "T", "base", "nbytes"):
        assert hasattr(cupy.ndarray, name)
    assert "code" in arguments_of(cupy.RawModule)
    assert callable(cupy.cuda.runtime.memGetInfo)
    assert callable(cupy._core.get_compute_type)
    assert callable(cupy._core.set_compute_type)
    assert cupy._core._routines_linalg.COMPUTE_TYPE_TF32 == strict.TF32


def arguments_of(function):
    """Return the names of a function's arguments: its signature's, and those that its first line tells."""
    told = re.findall(r"(\w+)=", (function.__doc__ or "").split("\n", 1)[0])
    try:
        return {*told, *inspect.signature(function).parameters}
    except (TypeError, ValueError):
        return set(told)
