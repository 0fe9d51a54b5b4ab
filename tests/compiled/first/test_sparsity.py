"""When data are mostly zero."""

import numpy as np
import pytest

from pellucid.compiled.first.sparsity import is_sparse


def test_zeros_are_counted_by_groups_of_four_columns():
    x = np.zeros((40, 16), np.uint8)
    x[:, [0, 5]] = 3
    assert is_sparse(x)
    x[:, 9] = 3
    assert not is_sparse(x)  # three of four columns are zero still, but three of four groups are not


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "?", "u1"])
def test_every_dtype(dtype):
    x = np.zeros((9, 8), dtype)
    assert is_sparse(x)
    assert not is_sparse(x + np.ones_like(x))


def test_rows_are_spread_over_the_data():
    x = np.zeros((5000, 8), np.float32)
    x[1000:] = 1
    assert not is_sparse(x)


def test_too_few_columns_or_rows_are_not_sparse():
    assert not is_sparse(np.zeros((5, 3))) and not is_sparse(np.zeros((0, 8)))
