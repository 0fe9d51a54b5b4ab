"""How the first layer's products are computed, and how they are cut to fit the processor.

`pellucid.compiled.first.sparse` explains groups, parts and tiles, `pellucid.compiled.first.narrow` panels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import TypeAlias

import numpy as np
from llvmlite.binding import get_host_cpu_features  # type: ignore[import-untyped]

from pellucid.backend import LINE_BYTES, Array
from pellucid.compiled.program import GROUP

#: How the first product is computed. Tuples of different length have different types, so Numba compiles each
#: method separately; one function for all of them made small batches 5 % slower.
Method: TypeAlias = tuple[bool, ...]
#: By BLAS; skipping zeros; and in panels of n outputs, which is (True,) * (n + 1).
DENSE: Method = ()
SPARSE: Method = (True,)
HAS_AVX512 = bool(get_host_cpu_features().get("avx512f"))
#: The most cache lines per row of W that a sparse product keeps in vector registers, for four rows at a time.
#: Four lines fill half of the registers of AVX-512, one line half of those of AVX2.
MAX_LINES = 4 if HAS_AVX512 else 1
#: The size of a tile: it fits into the level 1 cache.
TILE_BYTES = 1 << 15
#: The fewest cache lines of y, over all rows: with fewer, building the lists costs more than it saves.
MIN_LINES = 128
#: The most outputs of a panel, and the fewest if there are several panels.
MAX_OUTPUTS, MIN_OUTPUTS = 12, 5
#: The bytes of a vector register, and how many registers can hold sums while others hold their operands.
VECTOR_BYTES, MAX_SUMS = (64, 24) if HAS_AVX512 else (32, 12)
#: The most outputs for which panels pay, with many rows and with at most `FEW_ROWS` rows.
MAX_NARROW, FEW_ROWS = (48, 128), 64
#: Panels do not pay if a row of W is a multiple of this many bytes, which suits BLAS on AVX-512. 0: no limit.
FULL_BYTES = 128 if HAS_AVX512 else 0


@dataclass(frozen=True)
class Tiles:
    """How a sparse product is cut.

    Attributes
    ----------
    lines : int
        Cache lines in a row of a tile; 0 if sparse products do not pay.
    width : int
        Columns in a tile.
    rows : int
        The most rows of a part.
    n_entries, n_indices : int
        How many values, and how many row numbers and lengths, the lists of all parts hold.
    size : int
        Entries of a tile.

    Examples
    --------
    >>> plan_tiles(rows=512, n_in=784, n_out=16, itemsize=4)
    Tiles(lines=1, width=16, rows=512, n_entries=402192, n_indices=100744, size=8208)
    >>> plan_tiles(rows=32, n_in=784, n_out=10, itemsize=4).lines
    0
    """

    lines: int
    width: int
    rows: int
    n_entries: int
    n_indices: int
    size: int


def plan_tiles(rows: int, n_in: int, n_out: int, itemsize: int) -> Tiles:
    """Return how to cut the product of a sparse (rows, n_in) matrix and an (n_in, n_out) matrix."""
    entries_per_line = LINE_BYTES // itemsize
    n_lines = -(-n_out // entries_per_line)
    if rows * n_lines < MIN_LINES:
        return Tiles(0, 0, 0, 0, 0, 0)
    n_tiles = -(-n_lines // MAX_LINES)
    lines = -(-n_lines // n_tiles)
    part = min(rows, TILE_BYTES // (lines * LINE_BYTES))
    # The shift of the columns takes one more row.
    capacity, n_lists, width = part + 1, -(-n_in // GROUP) * -(-rows // part), lines * entries_per_line
    return Tiles(lines, width, part, GROUP * capacity * n_lists, (capacity + 1) * n_lists, capacity * width)


def choose_method(rows: int, n_in: int, n_outs: Sequence[int], itemsize: int, *, is_sparse: bool) -> Method:
    """Return how to multiply blocks of rows by one matrix, or by several with `n_outs` columns each.

    Examples
    --------
    >>> choose_method(256, 784, [100], 4, is_sparse=True) == SPARSE
    True
    >>> panel = choose_method(32, 784, [30], 4, is_sparse=True)
    >>> len(panel) - 1
    10
    """
    n_out = max(n_outs)
    lists_pay = is_sparse and all(plan_tiles(rows, n_in, each, itemsize).lines for each in n_outs)
    if lists_pay and n_out * itemsize > LINE_BYTES:
        return SPARSE
    width = common_panel(n_outs)
    fits = n_out <= MAX_NARROW[rows <= FEW_ROWS] and (not FULL_BYTES or n_out * itemsize % FULL_BYTES)
    if width and fits:
        return (True,) * (width + 1)
    return SPARSE if lists_pay else DENSE


def common_panel(n_outs: Sequence[int]) -> int:
    """Return the width of panels into which every matrix can be cut; 0 if there is none.

    Examples
    --------
    >>> common_panel([10]), common_panel([37, 38]), common_panel([37]), common_panel([500])
    (10, 1, 0, 0)
    """
    return choose_panel_width(gcd(*n_outs)) if can_be_packed(max(n_outs)) else 0


def can_be_packed(n_out: int) -> bool:
    """Return whether layouts reserve scratch space to pack the weights of this many outputs into panels."""
    return n_out <= max(MAX_NARROW)


def choose_panel_width(n_out: int) -> int:
    """Return how many outputs each panel has, all panels being equally wide; 0 if that is not possible.

    Examples
    --------
    >>> [choose_panel_width(n_out) for n_out in (3, 10, 30, 32, 37)]
    [3, 10, 10, 8, 0]
    """
    width = max(width for width in range(1, MAX_OUTPUTS + 1) if n_out % width == 0)
    return width if width >= min(n_out, MIN_OUTPUTS) else 0


def orders_in_panels(shapes: Sequence[tuple[int, int]], itemsize: int) -> Array:
    """Return for each matrix W the permutation that packs it into panels, padded with zeros to equal length.

    Examples
    --------
    >>> (order,) = orders_in_panels([(20, 4)], itemsize=4)
    >>> W = np.arange(80).reshape(20, 4)
    >>> bool((W.ravel()[order][:4] == W[:4, 0]).all())
    True
    """
    width, length = common_panel([n_out for _, n_out in shapes]), VECTOR_BYTES // itemsize
    if width == 0:
        return np.zeros((len(shapes), 0), np.int64)
    found = np.zeros((len(shapes), max(n_in * n_out for n_in, n_out in shapes)), np.int64)
    for order, (n_in, n_out) in zip(found, shapes, strict=True):
        places = np.arange(n_in * n_out).reshape(n_in, n_out)
        vectors = (
            places[column : column + length, output : output + width].T.ravel()
            for output in range(0, n_out, width)
            for column in range(0, n_in, length)
        )
        order[: places.size] = np.concatenate(list(vectors))
    return found
