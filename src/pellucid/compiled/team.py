"""Threads that share out the rows of a large batch, each with a sum of gradients of its own.

The gradient is the plain path's sum in another order; the same number of threads gives the same bits.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.feed import Feed
from pellucid.compiled.layout import COLLECTING, Data, Layout, State, make_layout
from pellucid.compiled.program import groups
from pellucid.compiled.steps import take_steps
from pellucid.compiled.threads import n_threads, one_thread_each
from pellucid.losses import Loss
from pellucid.network import blocks
from pellucid.stack import Model

#: The most rows in a block: their activations stay in the processor's cache.
BLOCK_ROWS = 1024
#: Products of fewer multiplications take OpenBLAS's quick way for small matrices.
SMALL_PRODUCT = 1_000_000
#: Multiplications in a call of compiled code, about a tenth of a second: Ctrl-C waits for its end.
CALL = 5e9
#: Entries made ahead of a call: numbers drawn for dropout, and copies of rows.
AHEAD = 2**22


class Team:
    """As many threads as a matrix product may use.

    Parameters
    ----------
    model : Single or Stack
    loss : Loss
    feed : Feed
    block_rows : int
        The most rows computed at a time.
    """

    def __init__(self, model: Model, loss: Loss, feed: Feed, block_rows: int) -> None:
        self.model, self.feed, self.block_rows = model, feed, block_rows
        self.size = min(block_rows, best_block(model))
        self.layout, self.room = make_layout(model.nets, loss, self.size)

    def gradient(self, x: Array, y: Array, rows: Array) -> tuple[Array, Array]:
        """Fill the model's grad with the gradient over the rows; return losses and right rows, both (k,)."""
        model = self.model
        losses, right = np.zeros(model.k), np.zeros(model.k, np.int64)
        for worker in self.workers:
            worker.v.fill(0)
        blocks_a_call = max(1, rows_a_call(model, self.feed.entries_a_row(x)) // self.size)
        for part in blocks(len(rows), blocks_a_call * self.size * len(self.workers)):
            for part_losses, part_right in self._share_out(self.feed.data(x, y, rows[part]), len(rows)):
                losses += part_losses
                right += part_right
        np.copyto(model.grad, self.workers[0].v)
        for worker in self.workers[1:]:
            model.grad += worker.v
        return losses, right

    def _share_out(self, data: Data, n_rows: int) -> list[tuple[Array, Array]]:
        """Let each worker add up the gradients of its blocks."""
        ranges = cut(len(data.rows), self.size, len(self.workers))
        with one_thread_each():
            jobs = [
                self.pool.submit(add_up, self.layout, worker, data, own, self.size, n_rows)
                for worker, own in zip(self.workers, ranges, strict=True)
            ]
            return [job.result() for job in jobs]

    @cached_property
    def workers(self) -> list[State]:
        """The arrays of each thread: its gradients are added up in v."""
        theta = self.model.theta
        none = np.empty(0, theta.dtype)
        return [
            State(theta, np.empty_like(theta), none, np.empty_like(theta), np.empty(self.room, theta.dtype))
            for _ in range(n_threads())
        ]

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """The threads: they end with this object."""
        return ThreadPoolExecutor(len(self.workers), thread_name_prefix="pellucid")


def best_block(model: Model) -> int:
    """Return how many rows to compute at a time: few where that makes the first product a small one."""
    net = model.nets[0]
    first = net.n_in * model.k * groups(net.layers)[0].dense.n_out
    few = SMALL_PRODUCT // first // 32 * 32
    return few if few >= 64 else BLOCK_ROWS


def rows_a_call(model: Model, entries_a_row: int) -> int:
    """Return how many rows a thread computes in one call of compiled code."""
    return int(min(CALL / (3 * model.n_weights), AHEAD / max(1, entries_a_row)))


def cut(n_rows: int, size: int, n_parts: int) -> Iterator[range]:
    """Yield whole blocks of rows for each part.

    Examples
    --------
    >>> list(cut(10, size=4, n_parts=2))
    [range(0, 4), range(4, 10)]
    """
    n_blocks = -(-n_rows // size)
    for i in range(n_parts):
        start, stop = (size * (n_blocks * part // n_parts) for part in (i, i + 1))
        yield range(min(start, n_rows), min(stop, n_rows))


def add_up(
    layout: Layout, state: State, data: Data, rows: range, size: int, n_rows: int
) -> tuple[Array, Array]:
    """Add these rows' share of the gradient over n_rows rows to v; return their share of the loss, too."""
    shares = np.array([block.stop - block.start for block in blocks(len(rows), size)]) / n_rows
    losses, right = take_steps(layout, COLLECTING, state, data, rows, size, shares)
    return shares @ losses, right.sum(axis=0)
