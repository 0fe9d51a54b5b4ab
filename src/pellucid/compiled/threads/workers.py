"""Threads that take steps together: each batch is cut into shares of its rows, one for each thread.

While they work, a matrix product has one thread. Whichever thread computes a share, the numbers are the same;
another number of shares adds the rows up in another order.
"""

from concurrent.futures import ThreadPoolExecutor, wait
from functools import cached_property
from typing import Any

import numpy as np

from pellucid.backend import Array, aligned_zeros
from pellucid.compiled.first.tiles import orders_in_panels
from pellucid.compiled.layout import Data, Rule, Shared, Sizes, make_layout, of_shares
from pellucid.compiled.steps import descend, put_back
from pellucid.compiled.threads.blas import n_threads, one_thread_each
from pellucid.compiled.threads.shares import CAN_SHARE, PATIENCE, any_moved, end_all, new_counters
from pellucid.losses import Loss
from pellucid.training.many import Model

#: The fewest multiplications in a batch: in smaller ones threads would wait as long as they work.
SMALL_BATCH = 1 << 19
#: The most weights: gradients of more take longer to exchange than to share each product out, as BLAS does.
MANY_WEIGHTS = 1 << 18
#: The same where the first product is sparse, which BLAS knows not and so cannot share.
MANY_WEIGHTS_SPARSE = 1 << 20
#: Rows of a batch for which it pays to exchange gradients, however many weights there are.
MANY_ROWS = 512
#: The fewest rows in a share.
FEW_ROWS = 32


class Crew:
    """Threads that take steps.

    Parameters
    ----------
    model : Single or Stack
    loss : Loss
    rows : int
        The most rows that a thread computes at a time.
    n_cuts : int
        Into how many shares of its rows a batch is cut. A model of two sets of networks has these for shares,
        and its batches are not cut.
    """

    def __init__(self, model: Model, loss: Loss, rows: int, n_cuts: int) -> None:
        self.model, self.rows, self.n_cuts = model, rows, n_cuts
        sets = model.sets * n_cuts
        self.size = len(sets)
        made = [make_layout(model.nets, loss, rows, own) for own in sets]
        layouts, rooms, lengths = zip(*made, strict=True)
        self.layout = of_shares(layouts)
        self.work = aligned_zeros(self.size * max(rooms), model.dtype).reshape(self.size, -1)
        self.lists = np.zeros((self.size, max(lengths)), np.int32)
        shapes = [
            (widths[0], k * widths[1]) for widths, k in zip(self.layout.widths, self.layout.k, strict=True)
        ]
        self.order = orders_in_panels(shapes, model.dtype.itemsize)
        more, n = n_cuts - 1, model.theta.size
        self.more_grads = aligned_zeros(more * n, model.dtype).reshape(more, n)

    def take_steps(
        self, rule: Rule, memories: tuple[Array, Array], data: Data, sizes: Sizes, rates: Array,
        steps_before: int = 0,
    ) -> tuple[Array, Array]:  # fmt: skip
        """Take a step for each rate; return the steps' mean losses and right rows, both (steps, k)."""
        model, shape = self.model, (self.size, len(rates), self.model.k)
        losses, right = np.zeros(shape), np.zeros(shape, np.int64)
        own = self.work, self.lists, self.order
        state = Shared(model.theta, model.grad, self.more_grads, *memories, *own)
        n_threads, counters = min(self.size, most_shares()), new_counters(self.size)
        arguments = (
            self.layout, rule, state, data, sizes, rates, steps_before, losses, right, counters,
            PATIENCE if n_threads == self.size else 0,
        )  # fmt: skip
        if n_threads == 1 and model.n_weights > MANY_WEIGHTS:
            descend(*arguments)
        else:
            with one_thread_each():
                self._descend_together(arguments, n_threads)
        return losses.sum(axis=0), right.sum(axis=0)

    def begin_collecting(self) -> None:
        """Set the gradients to 0, to which steps under the rule `COLLECTING` add."""
        self.model.grad.fill(0)
        self.more_grads.fill(0)

    def end_collecting(self) -> None:
        """Leave the sum of all shares in the model's gradient."""
        for grad in self.more_grads:
            self.model.grad += grad

    def _descend_together(self, arguments: tuple[Any, ...], n_threads: int) -> None:
        """Let threads take shares until none is left; this one, too, which Ctrl-C cannot stop midway."""
        layouts, _, state, *_, counters, _ = arguments
        jobs = []
        try:
            for _ in range(1, n_threads):
                jobs.append(self.pool.submit(descend, *arguments))
            descend(*arguments)
        finally:
            # A thread that has not begun is not needed any more; one that has ends with its share.
            end_all(counters)
            begun = [job for job in jobs if not job.cancel()]
            wait(begun)
            if any_moved(counters):
                put_back(layouts, state, counters)
        for job in begun:
            job.result()

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """The threads beside the caller's own: they end with this object."""
        return ThreadPoolExecutor(self.size - 1, thread_name_prefix="pellucid")


def n_cuts(model: Model, n_rows: int, most: int, *, is_sparse: bool) -> int:
    """Return into how many shares of its rows a batch is cut, `most` at most."""
    n_multiplications, many = n_rows * model.n_weights, MANY_WEIGHTS_SPARSE if is_sparse else MANY_WEIGHTS
    if len(model.sets) > 1 or n_multiplications < SMALL_BATCH:
        return 1
    if model.n_weights > many and n_rows < MANY_ROWS:
        return 1
    return max(1, min(most, 2 * n_multiplications // SMALL_BATCH, n_rows // FEW_ROWS))


def most_shares() -> int:
    """Return how many shares a batch of many rows is cut into."""
    return n_threads() if CAN_SHARE else 1
