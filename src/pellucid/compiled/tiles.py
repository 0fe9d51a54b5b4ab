"""When sparse products pay, and how they are cut to fit the processor.

Groups, lines and tiles are those of `pellucid.compiled.sparse`.
"""

from dataclasses import dataclass

import numpy as np
from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]

from pellucid.backend import LINE_BYTES, Array

#: Columns in a group.
GROUP = 4
#: The most cache lines of a row of W that are held, of four rows each: those of AVX-512 fill half of its
#: registers, and the one of AVX2 as well.
MOST_LINES = 4 if get_host_cpu_features().get("avx512f") else 1
#: The bytes of a tile: it stays in the processor's nearest cache.
TILE_BYTES = 1 << 15
#: The fewest lines of y, those of all rows together: with fewer, it costs more to make lists than they save.
FEW_LINES = 128
#: The largest share of groups that are not all zero: with more, dense products are as fast.
MOST_GROUPS = 0.5
#: Rows in which zeros are counted.
SAMPLE = 64


@dataclass(frozen=True)
class Tiles:
    """How a sparse product of some rows is cut.

    Attributes
    ----------
    lines : int
        Cache lines in a row of a tile; 0 where sparse products do not pay.
    width : int
        Columns in a tile.
    rows : int
        The most rows of a part.
    n_entries, n_numbers, n_room : int
        How many entries the lists of all parts hold, and how many numbers of rows and lengths; and entries of
        a tile.

    Examples
    --------
    >>> plan_tiles(rows=512, n_in=784, n_out=16, itemsize=4)
    Tiles(lines=1, width=16, rows=512, n_entries=402192, n_numbers=100744, n_room=8208)
    >>> plan_tiles(rows=32, n_in=784, n_out=10, itemsize=4).lines
    0
    """

    lines: int
    width: int
    rows: int
    n_entries: int
    n_numbers: int
    n_room: int


def plan_tiles(rows: int, n_in: int, n_out: int, itemsize: int) -> Tiles:
    """Return how the product of a (rows, n_in) matrix, mostly zero, and an (n_in, n_out) one is cut."""
    entries_a_line = LINE_BYTES // itemsize
    n_lines = -(-n_out // entries_a_line)
    if rows * n_lines < FEW_LINES:
        return Tiles(0, 0, 0, 0, 0, 0)
    n_tiles = -(-n_lines // MOST_LINES)
    lines = -(-n_lines // n_tiles)
    part = min(rows, TILE_BYTES // (lines * LINE_BYTES))
    # One more row stands for the shift of the columns.
    capacity, n_lists, width = part + 1, -(-n_in // GROUP) * -(-rows // part), lines * entries_a_line
    return Tiles(lines, width, part, GROUP * capacity * n_lists, (capacity + 1) * n_lists, capacity * width)


def is_sparse(x: Array) -> bool:
    """Whether x is so often zero that sparse products pay, as far as some of its rows tell.

    Examples
    --------
    >>> x = np.zeros((10, 8), np.uint8)
    >>> x[:, :4] = 1
    >>> is_sparse(x), is_sparse(x + 1)
    (True, False)
    """
    sample = np.asarray(x[:: max(1, len(x) // SAMPLE)]) != 0
    n_columns = sample.shape[1] // GROUP * GROUP
    # Column by column: `any` along four entries takes ten times as long.
    groups = np.logical_or.reduce([sample[:, q:n_columns:GROUP] for q in range(GROUP)])
    return bool(groups.size) and float(groups.mean()) <= MOST_GROUPS
