"""Worker threads that take steps together: each batch is cut into shares of its rows, one per thread.

While they work, each matrix product has one thread. The result does not depend on which thread computes a
share. It does depend on the number of shares, which sets the order in which rows are added up.
"""

from concurrent.futures import ThreadPoolExecutor, wait
from functools import cached_property
from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - Numba's BLAS: loaded here, so that its threads can be limited

from pellucid.backend import Array, aligned_zeros
from pellucid.compiled.first.tiles import orders_in_panels
from pellucid.compiled.layout import Data, RunState, Sizes, UpdateRule, make_layout, stack_layouts
from pellucid.compiled.steps import descend, restore_weights
from pellucid.compiled.threads.blas import n_threads, one_thread_each
from pellucid.compiled.threads.shares import CAN_SHARE, SPINS, any_packed, finish_all, new_counters
from pellucid.losses import Loss
from pellucid.training.many import Model

#: The fewest multiplications in a batch that is shared: in smaller ones, threads wait as long as they work.
MIN_BATCH_WORK = 1 << 19
#: With more weights than this, exchanging gradients takes longer than letting BLAS divide each product.
MAX_WEIGHTS = 1 << 18
#: The same for a sparse first product, which BLAS cannot divide.
MAX_WEIGHTS_SPARSE = 1 << 20
#: With at least this many rows, exchanging gradients pays for any number of weights.
MANY_ROWS = 512
#: The fewest rows in a share.
MIN_SHARE_ROWS = 32


class Workers:
    """Threads that take training steps together.

    Parameters
    ----------
    model : Single or Stack
    loss : Loss
    rows : int
        The most rows in a block.
    n_cuts : int
        The number of shares of rows into which a batch is cut. A model with several sets of networks has
        these sets as shares, and its batches are not cut.
    """

    def __init__(self, model: Model, loss: Loss, rows: int, n_cuts: int) -> None:
        self.model, self.rows, self.n_cuts = model, rows, n_cuts
        sets = model.sets * n_cuts
        self.size = len(sets)
        made = [make_layout(model.nets, loss, rows, own) for own in sets]
        layouts, work_sizes, list_sizes = zip(*made, strict=True)
        self.layout = stack_layouts(layouts)
        self.work = aligned_zeros(self.size * max(work_sizes), model.dtype).reshape(self.size, -1)
        self.lists = np.zeros((self.size, max(list_sizes)), np.int32)
        shapes = [
            (widths[0], k * widths[1]) for widths, k in zip(self.layout.widths, self.layout.k, strict=True)
        ]
        self.order = orders_in_panels(shapes, model.dtype.itemsize)
        more, n = n_cuts - 1, model.theta.size
        self.more_grads = aligned_zeros(more * n, model.dtype).reshape(more, n)

    def take_steps(
        self, rule: UpdateRule, optimizer_state: tuple[Array, Array], data: Data, sizes: Sizes, rates: Array,
        steps_before: int = 0,
    ) -> tuple[Array, Array]:  # fmt: skip
        """Take a step per learning rate; return the mean losses and correct rows, both (steps, k)."""
        model, shape = self.model, (self.size, len(rates), self.model.k)
        losses, right = np.zeros(shape), np.zeros(shape, np.int64)
        own = self.work, self.lists, self.order
        state = RunState(model.theta, model.grad, self.more_grads, *optimizer_state, *own)
        n_threads, counters = min(self.size, max_shares()), new_counters(self.size)
        arguments = (
            self.layout, rule, state, data, sizes, rates, steps_before, losses, right, counters,
            SPINS if n_threads == self.size else 0,
        )  # fmt: skip
        if n_threads == 1 and model.n_weights > MAX_WEIGHTS:
            descend(*arguments)
        else:
            with one_thread_each():
                self._descend_together(arguments, n_threads)
        return losses.sum(axis=0), right.sum(axis=0)

    def begin_accumulating(self) -> None:
        """Set to 0 the gradients to which steps under the rule `ACCUMULATING` add."""
        self.model.grad.fill(0)
        self.more_grads.fill(0)

    def end_accumulating(self) -> None:
        """Add the gradients of all shares to the model's gradient."""
        for grad in self.more_grads:
            self.model.grad += grad

    def _descend_together(self, arguments: tuple[Any, ...], n_threads: int) -> None:
        """Take shares in all threads, this one included, until none is left."""
        layouts, _, state, *_, counters, _ = arguments
        jobs = []
        try:
            for _ in range(1, n_threads):
                jobs.append(self.pool.submit(descend, *arguments))
            descend(*arguments)
        finally:
            # Threads that have not started are cancelled; the others end after their current share.
            finish_all(counters)
            begun = [job for job in jobs if not job.cancel()]
            wait(begun)
            if any_packed(counters):
                restore_weights(layouts, state, counters)
        for job in begun:
            job.result()

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """The threads in addition to the caller's. They end with this object."""
        return ThreadPoolExecutor(self.size - 1, thread_name_prefix="pellucid")


def n_cuts(model: Model, n_rows: int, most: int, *, is_sparse: bool) -> int:
    """Return the number of shares into which the rows of a batch are cut, at most `most`."""
    n_multiplications = n_rows * model.n_weights
    max_weights = MAX_WEIGHTS_SPARSE if is_sparse else MAX_WEIGHTS
    if len(model.sets) > 1 or n_multiplications < MIN_BATCH_WORK:
        return 1
    if model.n_weights > max_weights and n_rows < MANY_ROWS:
        return 1
    return max(1, min(most, 2 * n_multiplications // MIN_BATCH_WORK, n_rows // MIN_SHARE_ROWS))


def max_shares() -> int:
    """Return the largest number of shares of a batch: one per thread."""
    return n_threads() if CAN_SHARE else 1
