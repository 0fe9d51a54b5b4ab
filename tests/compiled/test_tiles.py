"""When sparse products pay and how they are cut."""

import numpy as np
import pytest

from pellucid.backend import LINE_BYTES
from pellucid.compiled.tiles import FEW_LINES, MOST_LINES, TILE_BYTES, is_sparse, plan_tiles


@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize("rows", [16, 100, 129, 512])
@pytest.mark.parametrize("n_out", [1, 16, 17, 64, 65, 100, 192, 500])
def test_tiles_fit_the_cache_and_cover_all(rows, n_out, itemsize):
    tiles = plan_tiles(rows, n_in=30, n_out=n_out, itemsize=itemsize)
    n_lines = -(-n_out * itemsize // LINE_BYTES)
    if rows * n_lines < FEW_LINES:
        assert tiles.lines == 0 and tiles.n_room == 0
        return
    assert 1 <= tiles.lines <= MOST_LINES and tiles.width * itemsize == tiles.lines * LINE_BYTES
    assert tiles.rows * tiles.width * itemsize <= TILE_BYTES and tiles.rows <= rows
    # No tile is computed that has no column, and lists have room for all rows and one more.
    assert (-(-n_out // tiles.width) - 1) * tiles.width < n_out
    n_parts = -(-rows // tiles.rows)
    assert tiles.n_entries == n_parts * 8 * 4 * (tiles.rows + 1)
    assert tiles.n_numbers == n_parts * 8 * (tiles.rows + 2)


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
