"""First products that skip the zeros of data that are mostly zero, such as pixels.

The rows of x are processed in parts. For each group of four columns a list names the rows of the part in
which the group is not all zero, with their four values; y = x W and dW = xᵀ dy are sums over these lists.
They are computed tile by tile: as many columns of W as the vector registers hold, and as many rows of y or dy
as fit into the level 1 cache.

Columns may be shifted. The shifted data x + 1 sᵀ have no zeros. So the shift s is listed as one more row of
x: its row of y is added to all other rows, and its row of dy is the sum of all others.
"""

from typing import NamedTuple

from pellucid.backend import Array
from pellucid.compiled.formulas import matrix
from pellucid.compiled.jit import inlined, kernel
from pellucid.compiled.layout import Data, Layout, ShareState
from pellucid.compiled.llvm.sparse_loops import add_products, append_group, sum_products
from pellucid.compiled.program import GROUP


class NonzeroLists(NamedTuple):
    """The nonzero groups of a part of the rows: for each group of columns a list of rows and their values.

    `counts` are the lengths of the lists, `rows` are numbered within the part, `values` has four per row.
    """

    n_rows: int
    counts: Array
    rows: Array
    values: Array


@kernel
def n_parts(layout: Layout, n: int) -> int:
    """Return how many parts n rows have. Zero rows are one empty part, whose gradient is 0."""
    return max(1, -(-n // layout.part_rows))


@kernel
def part_of(layout: Layout, state: ShareState, number: int, n: int) -> NonzeroLists:
    """Return the lists of one part of n rows."""
    n_groups, capacity = -(-layout.widths[0] // GROUP), layout.part_rows + 1
    at = number * n_groups * (capacity + 1)
    counts = state.lists[at : at + n_groups]
    rows = state.lists[at + n_groups : at + n_groups * (capacity + 1)]
    start = layout.entries_at + number * n_groups * capacity * GROUP
    values = state.work[start : start + n_groups * capacity * GROUP]
    return NonzeroLists(min(layout.part_rows, n - number * layout.part_rows), counts, rows, values)


@inlined
def list_nonzeros(layout: Layout, state: ShareState, data: Data, first: int, n: int) -> None:
    """Fill the lists with the nonzero groups of n rows of the data, times the scale."""
    for number in range(n_parts(layout, n)):
        part = part_of(layout, state, number, n)
        part.counts[:] = 0
        start = first + number * layout.part_rows
        for i in range(part.n_rows):
            list_row(layout.part_rows + 1, data.x[data.rows[start + i]], data.scale, i, part)
        if data.is_shifted:
            list_shift(layout.part_rows + 1, data.shift, part)


@kernel
def list_row(capacity: int, row: Array, scale: Array, number: int, part: NonzeroLists) -> None:
    """Append a row of the data to the lists of its nonzero groups."""
    n_full = len(row) // GROUP
    for group in range(n_full):
        at = group * capacity + part.counts[group]
        part.rows[at] = number
        part.counts[group] += append_group(row, scale, GROUP * group, part.values, GROUP * at)
    if GROUP * n_full < len(row):
        at = n_full * capacity + part.counts[n_full]
        part.rows[at] = number
        part.counts[n_full] += append_rest(row, scale, GROUP * n_full, part.values, GROUP * at)


@kernel
def list_shift(capacity: int, shift: Array, part: NonzeroLists) -> None:
    """Append the shift to all lists, as one more row."""
    for group in range(len(part.counts)):
        at = group * capacity + part.counts[group]
        part.rows[at] = part.n_rows
        part.counts[group] += 1
        for q in range(GROUP):
            j = GROUP * group + q
            part.values[GROUP * at + q] = shift[j] if j < len(shift) else 0


@kernel
def append_rest(row: Array, scale: Array, first: int, values: Array, at: int) -> int:
    """Append the last columns as `append_group` does a full group, if they are fewer than four."""
    is_any = False
    values[at : at + GROUP] = 0
    for q in range(len(row) - first):
        values[at + q] = scale.dtype.type(row[first + q]) * scale[first + q]
        is_any |= row[first + q] != 0
    return int(is_any)


def multiply_sparse(layout: Layout, state: ShareState, data: Data, first: int, n: int, y: Array) -> None:
    """Compute y = x W from lists of the rows."""
    list_nonzeros(layout, state, data, first, n)
    for column in range(0, y.shape[1], layout.tile_width):
        # In this order the columns of W stay in the cache for all parts.
        for number in range(n_parts(layout, n)):
            part = part_of(layout, state, number, n)
            tile = scratch_tile(layout, state, part.n_rows + 1)
            fill_output_tile(layout, state.theta, part, column, y.shape[1], tile)
            into = y[number * layout.part_rows :, column : column + layout.tile_width]
            store_tile(tile, data.is_shifted, into)


@kernel
def fill_output_tile(
    layout: Layout, theta: Array, part: NonzeroLists, first: int, width: int, tile: Array
) -> None:
    """Fill a tile of y, from column `first` on, with the sum of the products of all groups."""
    n_columns, tile = min(layout.tile_width, width - first), tile.reshape(-1)
    tile[:] = 0
    for group in range(len(part.counts)):
        at, row = group * (layout.part_rows + 1), GROUP * group
        add_products(
            layout.tile_lines, part.rows[at:], part.values[GROUP * at :], part.counts[group],
            theta, layout.w_at[0] + row * width + first, width, layout.widths[0] - row, n_columns, tile,
        )  # fmt: skip


@kernel
def store_tile(tile: Array, is_shifted: bool, y: Array) -> None:
    """Copy a tile into y, and add its last row, the product of the shift, to all others."""
    last = len(tile) - 1
    for i in range(last):
        row, into, shift = tile[i], y[i], tile[last]
        for j in range(len(into)):
            into[j] = row[j] + shift[j] if is_shifted else row[j]


def multiply_back_sparse(
    layout: Layout, state: ShareState, data: Data, first: int, n: int, dy: Array
) -> None:
    """Compute dW = xᵀ dy from the lists that `multiply_sparse` has filled, and write it to `into`."""
    for column in range(0, dy.shape[1], layout.tile_width):
        for number in range(n_parts(layout, n)):
            part = part_of(layout, state, number, n)
            tile = scratch_tile(layout, state, part.n_rows + 1)
            load_tile(dy[number * layout.part_rows :, column : column + layout.tile_width], tile)
            keep = state.keep if number == 0 else 1.0
            fill_gradient_tile(layout, state, part, column, dy.shape[1], tile, keep)


@kernel
def load_tile(dy: Array, tile: Array) -> None:
    """Copy columns of dy into a tile; the last row is the sum of all others."""
    last = len(tile) - 1
    tile[last] = 0
    for i in range(last):
        row, into, total = dy[i], tile[i], tile[last]
        for j in range(len(row)):
            into[j] = row[j]
            total[j] += row[j]


@kernel
def fill_gradient_tile(
    layout: Layout, state: ShareState, part: NonzeroLists, first: int, width: int, tile: Array, keep: float
) -> None:
    """Compute columns of dW, from column `first` on, from a tile of dy."""
    n_columns, f = min(layout.tile_width, width - first), tile.dtype.type
    for group in range(len(part.counts)):
        at, row = group * (layout.part_rows + 1), GROUP * group
        sum_products(
            layout.tile_lines, part.rows[at:], part.values[GROUP * at :], part.counts[group],
            tile.reshape(-1), state.into, layout.w_at[0] + row * width + first, width,
            layout.widths[0] - row, n_columns, f(state.factor), f(keep),
        )  # fmt: skip


@kernel
def scratch_tile(layout: Layout, state: ShareState, n: int) -> Array:
    """Return scratch space for n rows of a tile of y or dy."""
    return matrix(state.work, layout.tile_at, n, layout.tile_width)
