"""Products with few outputs, panel by panel, straight from the data: nothing is gathered or copied.

A panel's outputs are computed for a few rows at a time, its gradients for a few lines of columns: as many as
there are sums that the processor can hold. BLAS, which computes with as many outputs at once as the processor
can, has nothing to do for the greater part of it where there are ten.
"""

from pellucid.backend import Array
from pellucid.compiled.first.panels import (
    line_length,
    multiply_line_back,
    multiply_part_back,
    multiply_row,
    multiply_tile,
    multiply_tile_back,
    tile_size,
)
from pellucid.compiled.jit import kernel
from pellucid.compiled.layout import Data, Layout, Shared, State
from pellucid.compiled.threads.shares import is_moved, note_moved


@kernel
def is_narrow(data: Data) -> bool:
    """Whether the first layer's products are those with panels."""
    return len(data.way) > 1


@kernel
def panel_width(data: Data) -> int:
    """Return how many outputs a panel has; where products are not narrow, less than 1."""
    return len(data.way) - 1


def multiply_narrow(layout: Layout, state: State, data: Data, first: int, n: int, y: Array) -> None:
    """Compute y = x W panel by panel."""
    n_in, stride, width = layout.widths[0], y.shape[1], panel_width(data)
    at_once, flat = tile_size(width), y.reshape(-1)
    for output in range(0, stride, width):
        at, in_tiles = layout.w_at[0] + output * n_in, n - n % at_once
        for i in range(0, in_tiles, at_once):
            multiply_tile(
                data.way, data.x, data.scale, data.shift, state.theta, n_in, at, data.rows, first + i, flat,
                i * stride + output, stride,
            )  # fmt: skip
        for i in range(in_tiles, n):
            multiply_row(
                data.way, data.x, data.scale, data.shift, state.theta, n_in, at, data.rows, first + i, flat,
                i * stride + output, stride,
            )  # fmt: skip


def multiply_back_narrow(layout: Layout, state: State, data: Data, first: int, n: int, dy: Array) -> None:
    """Compute dW = xᵀ dy panel by panel, and put it where gradients go."""
    n_in, stride, width, f = layout.widths[0], dy.shape[1], panel_width(data), dy.dtype.type
    line, flat, factor, keep = line_length(dy.itemsize), dy.reshape(-1), f(state.factor), f(state.keep)
    tile = tile_size(width) * line
    for output in range(0, stride, width):
        at, in_tiles, whole = layout.w_at[0] + output * n_in, n_in - n_in % tile, n_in - n_in % line
        for column in range(0, in_tiles, tile):
            multiply_tile_back(
                data.way, data.x, data.scale, data.shift, state.into, n_in, at, data.rows, first, n, flat,
                output, stride, column, factor, keep,
            )  # fmt: skip
        for column in range(in_tiles, whole, line):
            multiply_line_back(
                data.way, data.x, data.scale, data.shift, state.into, n_in, at, data.rows, first, n, flat,
                output, stride, column, factor, keep,
            )  # fmt: skip
        if whole < n_in:
            multiply_part_back(
                data.way, data.x, data.scale, data.shift, state.into, n_in, at, data.rows, first, n, flat,
                output, stride, whole, factor, keep,
            )  # fmt: skip


@kernel
def move_weights(layout: Layout, state: Shared, share: int, counters: Array) -> None:
    """Lay the first weights, and what belongs to them, as narrow products need them; or back."""
    cut, back = share % (1 + len(state.more_grads)), is_moved(counters, share)
    start, n = layout.w_at[0], layout.widths[0] * layout.k * layout.widths[1]
    order, room = state.order[share][:n], state.work[share][layout.room_at : layout.room_at + n]
    if cut > 0:
        move(state.more_grads[cut - 1][start:], order, room, back)
    else:
        for vector in (state.theta, state.grad, state.m, state.v):
            if len(vector) > 0:
                move(vector[start:], order, room, back)
    note_moved(counters, share, not back)


@kernel
def move(vector: Array, order: Array, room: Array, back: bool) -> None:
    """Put the entries of a vector into an order, or back."""
    for i in range(len(order)):
        room[i] = vector[i if back else order[i]]
    for i in range(len(order)):
        vector[order[i] if back else i] = room[i]
