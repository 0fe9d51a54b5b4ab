"""How the first layer's products are computed, and how they are cut to fit the processor.

Groups, lines and tiles are those of `pellucid.compiled.first.sparse`, panels those of
`pellucid.compiled.first.narrow`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import TypeAlias

import numpy as np
from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]

from pellucid.backend import LINE_BYTES, Array
from pellucid.compiled.first.sparsity import GROUP

#: A way to compute the first products. Tuples of another length are of another type, so there is machine code
#: for each way that holds nothing of the others, which slowed down small batches by a twentieth.
Way: TypeAlias = tuple[bool, ...]
#: By BLAS; without what is zero; and in panels of n outputs: (True,) * (n + 1).
DENSE: Way = ()
SPARSE: Way = (True,)
HAS_AVX512 = bool(get_host_cpu_features().get("avx512f"))
#: The most cache lines of a row of W that are held, of four rows each: those of AVX-512 fill half of its
#: registers, and the one of AVX2 as well.
MOST_LINES = 4 if HAS_AVX512 else 1
#: The bytes of a tile: it stays in the processor's nearest cache.
TILE_BYTES = 1 << 15
#: The fewest lines of y, those of all rows together: with fewer, it costs more to make lists than they save.
FEW_LINES = 128
#: The most outputs of a panel, and the fewest where there are several.
MOST_OUTPUTS, FEW_OUTPUTS = 12, 5
#: Bytes that the processor computes with at once, and how many sums of so many bytes it holds beside what
#: goes into them.
VECTOR_BYTES, MOST_SUMS = (64, 24) if HAS_AVX512 else (32, 12)
#: The most outputs for which panels pay, of many rows and of few.
MOST_NARROW, FEW_ROWS = (48, 128), 64
#: Multiples of so many bytes suit BLAS on such processors: for them panels do not pay. 0: there are none.
FULL_BYTES = 128 if HAS_AVX512 else 0


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


def choose_way(rows: int, n_in: int, n_outs: Sequence[int], itemsize: int, *, is_sparse: bool) -> Way:
    """Return how to compute the products of as many rows at a time, with one matrix or with several.

    Examples
    --------
    >>> choose_way(256, 784, [100], 4, is_sparse=True) == SPARSE
    True
    >>> panel = choose_way(32, 784, [30], 4, is_sparse=True)
    >>> len(panel) - 1
    10
    """
    n_out = max(n_outs)
    lists_pay = is_sparse and all(plan_tiles(rows, n_in, each, itemsize).lines for each in n_outs)
    if lists_pay and n_out * itemsize > LINE_BYTES:
        return SPARSE
    width = common_panel(n_outs)
    fits = n_out <= MOST_NARROW[rows <= FEW_ROWS] and (not FULL_BYTES or n_out * itemsize % FULL_BYTES)
    if width and fits:
        return (True,) * (width + 1)
    return SPARSE if lists_pay else DENSE


def common_panel(n_outs: Sequence[int]) -> int:
    """Return the width of panels into which each of several matrices can be cut; 0: of none.

    Examples
    --------
    >>> common_panel([10]), common_panel([37, 38]), common_panel([37]), common_panel([500])
    (10, 1, 0, 0)
    """
    return panel_width(gcd(*n_outs)) if has_room(max(n_outs)) else 0


def has_room(n_out: int) -> bool:
    """Whether there is room for weights of so many outputs to be laid in panels."""
    return n_out <= max(MOST_NARROW)


def panel_width(n_out: int) -> int:
    """Return how many outputs a panel has, all as many; 0 where they cannot be cut so.

    Examples
    --------
    >>> [panel_width(n_out) for n_out in (3, 10, 30, 32, 37)]
    [3, 10, 10, 8, 0]
    """
    width = max(width for width in range(1, MOST_OUTPUTS + 1) if n_out % width == 0)
    return width if width >= min(n_out, FEW_OUTPUTS) else 0


def orders_in_panels(shapes: Sequence[tuple[int, int]], itemsize: int) -> Array:
    """Return for each matrix W the order in which its entries lie in panels, all made equally long by zeros.

    Examples
    --------
    >>> (order,) = orders_in_panels([(20, 4)], itemsize=4)
    >>> W = np.arange(80).reshape(20, 4)
    >>> bool((W.ravel()[order][:4] == W[:4, 0]).all())
    True
    """
    width, line = common_panel([n_out for _, n_out in shapes]), VECTOR_BYTES // itemsize
    if width == 0:
        return np.zeros((len(shapes), 0), np.int64)
    found = np.zeros((len(shapes), max(n_in * n_out for n_in, n_out in shapes)), np.int64)
    for order, (n_in, n_out) in zip(found, shapes, strict=True):
        places = np.arange(n_in * n_out).reshape(n_in, n_out)
        lines = (
            places[column : column + line, output : output + width].T.ravel()
            for output in range(0, n_out, width)
            for column in range(0, n_in, line)
        )
        order[: places.size] = np.concatenate(list(lines))
    return found
