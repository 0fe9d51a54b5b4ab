"""When sparse products pay and how they are cut."""

import pytest

from pellucid.backend import LINE_BYTES
from pellucid.compiled.first.tiles import MAX_LINES, MIN_LINES, TILE_BYTES, plan_tiles


@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize("rows", [16, 100, 129, 512])
@pytest.mark.parametrize("n_out", [1, 16, 17, 64, 65, 100, 192, 500])
def test_tiles_fit_the_cache_and_cover_all(rows, n_out, itemsize):
    tiles = plan_tiles(rows, n_in=30, n_out=n_out, itemsize=itemsize)
    n_lines = -(-n_out * itemsize // LINE_BYTES)
    if rows * n_lines < MIN_LINES:
        assert tiles.lines == 0 and tiles.size == 0
        return
    assert 1 <= tiles.lines <= MAX_LINES and tiles.width * itemsize == tiles.lines * LINE_BYTES
    assert tiles.rows * tiles.width * itemsize <= TILE_BYTES and tiles.rows <= rows
    # No tile is computed that has no column, and lists have room for all rows and one more.
    assert (-(-n_out // tiles.width) - 1) * tiles.width < n_out
    n_parts = -(-rows // tiles.rows)
    assert tiles.n_entries == n_parts * 8 * 4 * (tiles.rows + 1)
    assert tiles.n_indices == n_parts * 8 * (tiles.rows + 2)
