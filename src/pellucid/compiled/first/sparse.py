"""Products with data that are mostly zero, as pixels are: what is zero is not multiplied.

The rows of x are taken part by part. For each group of four columns a list names the part's rows in which it
is not all zero, with the four entries; y = x W and dW = xᵀ dy are sums over these lists. They come tile by
tile: as many columns of W as the processor can hold, and of y or dy as its nearest cache can.

Columns may be shifted: x + 1 sᵀ, which leaves nothing zero, is x with one more row s. What that row adds to y
is added to all rows, and its row of dy is the sum of all others.
"""

from typing import NamedTuple

from pellucid.backend import Array
from pellucid.compiled.first.sparsity import GROUP
from pellucid.compiled.formulas import matrix
from pellucid.compiled.jit import inlined, kernel
from pellucid.compiled.layout import Data, Layout, State
from pellucid.compiled.llvm.vectors import (
    add_products_1,
    add_products_2,
    add_products_3,
    add_products_4,
    append_group,
    sum_products_1,
    sum_products_2,
    sum_products_3,
    sum_products_4,
)


class Part(NamedTuple):
    """The lists of a part of the rows, group by group: their lengths, rows within the part, and entries."""

    n_rows: int
    counts: Array
    places: Array
    weights: Array


@kernel
def n_parts(layout: Layout, n: int) -> int:
    """Return how many parts n rows have; no rows are one empty part, whose gradient is 0."""
    return max(1, -(-n // layout.part_rows))


@kernel
def part_of(layout: Layout, state: State, number: int, n: int) -> Part:
    """Return a part of n rows."""
    n_groups, capacity = -(-layout.widths[0] // GROUP), layout.part_rows + 1
    at = number * n_groups * (capacity + 1)
    counts = state.lists[at : at + n_groups]
    places = state.lists[at + n_groups : at + n_groups * (capacity + 1)]
    start = layout.entries_at + number * n_groups * capacity * GROUP
    weights = state.work[start : start + n_groups * capacity * GROUP]
    return Part(min(layout.part_rows, n - number * layout.part_rows), counts, places, weights)


@inlined
def list_entries(layout: Layout, state: State, data: Data, first: int, n: int) -> None:
    """List what is not zero in n rows of the data, times the scale."""
    for number in range(n_parts(layout, n)):
        part = part_of(layout, state, number, n)
        part.counts[:] = 0
        start = first + number * layout.part_rows
        for i in range(part.n_rows):
            list_row(layout.part_rows + 1, data.x[data.rows[start + i]], data.scale, i, part)
        if data.is_shifted:
            list_shift(layout.part_rows + 1, data.shift, part)


@kernel
def list_row(capacity: int, row: Array, scale: Array, place: int, part: Part) -> None:
    """Append a row of the data to the lists of the groups in which it is not zero."""
    n_full = len(row) // GROUP
    for group in range(n_full):
        at = group * capacity + part.counts[group]
        part.places[at] = place
        part.counts[group] += append_group(row, scale, GROUP * group, part.weights, GROUP * at)
    if GROUP * n_full < len(row):
        at = n_full * capacity + part.counts[n_full]
        part.places[at] = place
        part.counts[n_full] += append_rest(row, scale, GROUP * n_full, part.weights, GROUP * at)


@kernel
def list_shift(capacity: int, shift: Array, part: Part) -> None:
    """Append the shift to all lists, as one more row."""
    for group in range(len(part.counts)):
        at = group * capacity + part.counts[group]
        part.places[at] = part.n_rows
        part.counts[group] += 1
        for q in range(GROUP):
            j = GROUP * group + q
            part.weights[GROUP * at + q] = shift[j] if j < len(shift) else 0


@kernel
def append_rest(row: Array, scale: Array, first: int, weights: Array, at: int) -> int:
    """Do the same as `append_group` with the last columns, which are fewer than four."""
    is_any = False
    weights[at : at + GROUP] = 0
    for q in range(len(row) - first):
        weights[at + q] = scale.dtype.type(row[first + q]) * scale[first + q]
        is_any |= row[first + q] != 0
    return int(is_any)


def multiply_sparse(layout: Layout, state: State, data: Data, first: int, n: int, y: Array) -> None:
    """Compute y = x W from lists of the rows."""
    list_entries(layout, state, data, first, n)
    for column in range(0, y.shape[1], layout.tile_width):
        # All parts in turn meet the same columns of W, which stay in the cache.
        for number in range(n_parts(layout, n)):
            part = part_of(layout, state, number, n)
            tile = tile_of(layout, state, part.n_rows + 1)
            multiply_tile(layout, state.theta, part, column, y.shape[1], tile)
            into = y[number * layout.part_rows :, column : column + layout.tile_width]
            put_tile(tile, data.is_shifted, into)


@kernel
def multiply_tile(layout: Layout, theta: Array, part: Part, first: int, width: int, tile: Array) -> None:
    """Fill a tile of y, from column `first` on: the sum over groups of what each contributes."""
    n_columns, tile = min(layout.tile_width, width - first), tile.reshape(-1)
    tile[:] = 0
    for group in range(len(part.counts)):
        at, row = group * (layout.part_rows + 1), GROUP * group
        add_products(
            layout.lines, part.places[at:], part.weights[GROUP * at :], part.counts[group],
            theta, layout.w_at[0] + row * width + first, width, layout.widths[0] - row, n_columns, tile,
        )  # fmt: skip


@kernel
def put_tile(tile: Array, is_shifted: bool, y: Array) -> None:
    """Copy a tile to where it belongs; what the shift adds, its last row, is added to all others."""
    last = len(tile) - 1
    for i in range(last):
        row, into, shift = tile[i], y[i], tile[last]
        for j in range(len(into)):
            into[j] = row[j] + shift[j] if is_shifted else row[j]


def multiply_back_sparse(layout: Layout, state: State, data: Data, first: int, n: int, dy: Array) -> None:
    """Compute dW = xᵀ dy from the lists of the same rows, and put it where gradients go."""
    for column in range(0, dy.shape[1], layout.tile_width):
        for number in range(n_parts(layout, n)):
            part = part_of(layout, state, number, n)
            tile = tile_of(layout, state, part.n_rows + 1)
            take_tile(dy[number * layout.part_rows :, column : column + layout.tile_width], tile)
            keep = state.keep if number == 0 else 1.0
            multiply_tile_back(layout, state, part, column, dy.shape[1], tile, keep)


@kernel
def take_tile(dy: Array, tile: Array) -> None:
    """Copy columns of dy; the last row is the sum of all others."""
    last = len(tile) - 1
    tile[last] = 0
    for i in range(last):
        row, into, total = dy[i], tile[i], tile[last]
        for j in range(len(row)):
            into[j] = row[j]
            total[j] += row[j]


@kernel
def multiply_tile_back(
    layout: Layout, state: State, part: Part, first: int, width: int, tile: Array, keep: float
) -> None:
    """Compute columns of dW, from column `first` on, from a tile of dy."""
    n_columns, f = min(layout.tile_width, width - first), tile.dtype.type
    for group in range(len(part.counts)):
        at, row = group * (layout.part_rows + 1), GROUP * group
        sum_products(
            layout.lines, part.places[at:], part.weights[GROUP * at :], part.counts[group],
            tile.reshape(-1), state.into, layout.w_at[0] + row * width + first, width,
            layout.widths[0] - row, n_columns, f(state.factor), f(keep),
        )  # fmt: skip


@kernel
def tile_of(layout: Layout, state: State, n: int) -> Array:
    """Return n rows of room for columns of y or dy."""
    return matrix(state.work, layout.tile_at, n, layout.tile_width)


@kernel
def add_products(
    lines: int, places: Array, weights: Array, n: int, w: Array, at: int, stride: int, n_rows: int,
    n_columns: int, y: Array,
) -> None:  # fmt: skip
    """Add what a group contributes to x W, in rows of so many cache lines."""
    if lines == 4:
        add_products_4(places, weights, n, w, at, stride, n_rows, n_columns, y)
    elif lines == 3:
        add_products_3(places, weights, n, w, at, stride, n_rows, n_columns, y)
    elif lines == 2:
        add_products_2(places, weights, n, w, at, stride, n_rows, n_columns, y)
    else:
        add_products_1(places, weights, n, w, at, stride, n_rows, n_columns, y)


@kernel
def sum_products(
    lines: int, places: Array, weights: Array, n: int, dy: Array, dw: Array, at: int, stride: int,
    n_rows: int, n_columns: int, factor: float, keep: float,
) -> None:  # fmt: skip
    """Compute a group's rows of dW ← keep · dW + factor · xᵀ dy, in rows of so many cache lines."""
    if lines == 4:
        sum_products_4(places, weights, n, dy, dw, at, stride, n_rows, n_columns, factor, keep)
    elif lines == 3:
        sum_products_3(places, weights, n, dy, dw, at, stride, n_rows, n_columns, factor, keep)
    elif lines == 2:
        sum_products_2(places, weights, n, dy, dw, at, stride, n_rows, n_columns, factor, keep)
    else:
        sum_products_1(places, weights, n, dy, dw, at, stride, n_rows, n_columns, factor, keep)
