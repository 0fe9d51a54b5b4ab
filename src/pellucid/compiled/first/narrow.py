"""First products with few outputs, panel by panel and straight from the data.

A panel is a few columns of W. Its outputs are computed for a few rows together, its gradients for a few
vectors of columns together: as many as there are vector registers for sums. BLAS computes as many outputs at
once as a register holds, so with ten outputs more than a third of its work is wasted. Nothing is gathered or
copied.

While narrow steps are taken, the weights are packed: see `pellucid.compiled.llvm.panel_loops`.
"""

from pellucid.backend import Array
from pellucid.compiled.jit import kernel
from pellucid.compiled.layout import Data, Layout, RunState, ShareState
from pellucid.compiled.llvm.panel_loops import (
    multiply_back_remainder,
    multiply_back_tile,
    multiply_back_vector,
    multiply_row,
    multiply_tile,
    tile_height,
    vector_length,
)
from pellucid.compiled.threads.shares import is_packed, set_packed


@kernel
def is_narrow(data: Data) -> bool:
    """Return whether the first products are computed in panels."""
    return len(data.method) > 1


@kernel
def panel_width(data: Data) -> int:
    """Return how many outputs a panel has; less than 1 if products are not narrow."""
    return len(data.method) - 1


def multiply_narrow(layout: Layout, state: ShareState, data: Data, first: int, n: int, y: Array) -> None:
    """Compute y = x W panel by panel."""
    n_in, stride, width = layout.widths[0], y.shape[1], panel_width(data)
    height, flat = tile_height(width), y.reshape(-1)
    for output in range(0, stride, width):
        at, in_tiles = layout.w_at[0] + output * n_in, n - n % height
        for i in range(0, in_tiles, height):
            multiply_tile(data, state.theta, n_in, at, first + i, flat, i * stride + output, stride)
        for i in range(in_tiles, n):
            multiply_row(data, state.theta, n_in, at, first + i, flat, i * stride + output, stride)


def multiply_back_narrow(
    layout: Layout, state: ShareState, data: Data, first: int, n: int, dy: Array
) -> None:
    """Compute dW = xᵀ dy panel by panel, and write it to `into`."""
    n_in, stride, width, f = layout.widths[0], dy.shape[1], panel_width(data), dy.dtype.type
    length, flat, factor, keep = vector_length(dy.itemsize), dy.reshape(-1), f(state.factor), f(state.keep)
    tile = tile_height(width) * length
    for output in range(0, stride, width):
        at, in_tiles, whole = layout.w_at[0] + output * n_in, n_in - n_in % tile, n_in - n_in % length
        for column in range(0, in_tiles, tile):
            multiply_back_tile(
                data, state.into, n_in, at, first, n, flat, output, stride, column, factor, keep
            )
        for column in range(in_tiles, whole, length):
            multiply_back_vector(
                data, state.into, n_in, at, first, n, flat, output, stride, column, factor, keep
            )
        if whole < n_in:
            multiply_back_remainder(
                data, state.into, n_in, at, first, n, flat, output, stride, whole, factor, keep
            )


@kernel
def pack_or_unpack(layout: Layout, state: RunState, share: int, counters: Array) -> None:
    """Pack the first weights, their gradients and optimizer state; if they are packed, unpack them."""
    cut, back = share % (1 + len(state.more_grads)), is_packed(counters, share)
    start, n = layout.w_at[0], layout.widths[0] * layout.k * layout.widths[1]
    order, scratch = state.order[share][:n], state.work[share][layout.packing_at : layout.packing_at + n]
    if cut > 0:
        permute(state.more_grads[cut - 1][start:], order, scratch, back)
    else:
        for vector in (state.theta, state.grad, state.m, state.v):
            if len(vector) > 0:
                permute(vector[start:], order, scratch, back)
    set_packed(counters, share, not back)


@kernel
def permute(vector: Array, order: Array, scratch: Array, back: bool) -> None:
    """Permute the entries of a vector, or undo the permutation."""
    for i in range(len(order)):
        scratch[i] = vector[i if back else order[i]]
    for i in range(len(order)):
        vector[order[i] if back else i] = scratch[i]
