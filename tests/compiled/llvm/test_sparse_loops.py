"""The intrinsic that builds the lists of sparse products."""

import numpy as np
import pytest

from pellucid.compiled.jit import entry
from pellucid.compiled.llvm.sparse_loops import append_group


@entry
def append(row, scale, at, weights, into):
    """Call the intrinsic from Python."""
    return append_group(row, scale, at, weights, into)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "?", "f4", "f8"])
def test_four_entries_of_every_dtype(dtype):
    row = np.array([9, 9, 0, 1, 0, 200, 0, 0, 0, 0], np.int64)
    row = (row if dtype[0] in "u?" else row - 2 * row * (row == 9)).astype(dtype)
    for kind, scale_kind in (("f4", "f4"), ("f8", "f8"), ("f4", "f8")):
        scale, weights = np.linspace(0.1, 1, 10).astype(scale_kind), np.full(9, 7.0, kind)
        assert append(row, scale, 1, weights, 3) == 1
        expected = (row[1:5].astype(scale_kind) * scale[1:5]).astype(kind)
        np.testing.assert_array_equal(weights, [7, 7, 7, *expected, 7, 7])
        assert append(row, scale, 6, weights, 0) == 0
        np.testing.assert_array_equal(weights[:4], 0)


def test_nan_is_not_zero_and_minus_zero_is():
    scale, weights = np.ones(4), np.empty(4)
    assert append(np.array([0, 0, np.nan, 0]), scale, 0, weights, 0) == 1
    assert append(np.array([-0.0, 0, 0, 0]), scale, 0, weights, 0) == 0
