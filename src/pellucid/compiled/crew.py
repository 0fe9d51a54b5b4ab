"""Threads that take steps together: each batch is cut into shares of its rows, one for each thread.

While they work, a matrix product has one thread. Whichever thread computes a share, the numbers are the same;
another number of shares adds the rows up in another order.
"""

from concurrent.futures import ThreadPoolExecutor, wait
from functools import cached_property

import numpy as np

from pellucid.backend import Array, zeros
from pellucid.compiled.layout import DENSE, Data, Rule, Shared, make_layout, of_shares
from pellucid.compiled.steps import descend
from pellucid.compiled.threads import n_threads, one_thread_each
from pellucid.compiled.tickets import CAN_SHARE, PATIENCE, end_all, new_counters
from pellucid.compiled.tiles import plan_tiles
from pellucid.losses import Loss
from pellucid.stack import Model

#: The fewest multiplications in a batch: in smaller ones threads would wait as long as they work.
SMALL_BATCH = 1 << 20
#: The most weights: gradients of more take longer to exchange than to share each product out, as BLAS does.
MANY_WEIGHTS = 1 << 18
#: The same where the first product is sparse, which BLAS knows not and so cannot share.
MANY_WEIGHTS_SPARSE = 1 << 20
#: The fewest rows in a share.
FEW_ROWS = 16


class Crew:
    """Threads that take steps on batches of one size at most.

    Parameters
    ----------
    model : Single or Stack
    loss : Loss
    rows : int
        The most rows in a batch.
    n_cuts : int
        Into how many shares of its rows a batch is cut. A model of two sets of networks has these for shares,
        and its batches are not cut.
    """

    def __init__(self, model: Model, loss: Loss, rows: int, n_cuts: int) -> None:
        self.model, self.rows, self.n_cuts = model, rows, n_cuts
        sets = model.sets * n_cuts
        self.size = len(sets)
        made = [make_layout(model.nets, loss, -(-rows // n_cuts), own) for own in sets]
        layouts, rooms, lengths = zip(*made, strict=True)
        self.layout = of_shares(layouts)
        self.work = zeros(self.size * max(rooms), model.dtype).reshape(self.size, -1)
        self.lists = np.zeros((self.size, max(lengths)), np.int32)
        more, n = n_cuts - 1, model.theta.size
        self.more_grads = zeros(more * n, model.dtype).reshape(more, n)

    def take_steps(
        self, rule: Rule, memories: tuple[Array, Array], data: Data, batch_size: int, rates: Array,
        steps_before: int = 0,
    ) -> tuple[Array, Array]:  # fmt: skip
        """Take a step for each rate; return the steps' mean losses and right rows, both (steps, k)."""
        model, shape = self.model, (self.size, len(rates), self.model.k)
        losses, right = np.zeros(shape), np.zeros(shape, np.int64)
        state = Shared(model.theta, model.grad, self.more_grads, *memories, self.work, self.lists)
        if not self._lists_pay(batch_size):
            data = data._replace(way=DENSE)
        n_threads, counters = min(self.size, most_shares()), new_counters(self.size)
        arguments = (
            self.layout, rule, state, data, batch_size, rates, steps_before, losses, right, counters,
            PATIENCE if n_threads == self.size else 0,
        )  # fmt: skip
        if n_threads == 1 and model.n_weights > MANY_WEIGHTS:
            descend(*arguments)
        else:
            with one_thread_each():
                self._descend_together(arguments, n_threads, counters)
        return losses.sum(axis=0), right.sum(axis=0)

    def _lists_pay(self, batch_size: int) -> bool:
        """Whether sparse products pay in batches of a size, whatever batches there were before.

        Else a training that is resumed, and begins with a smaller batch, would take other ones.
        """
        rows, itemsize = -(-batch_size // self.n_cuts), self.model.dtype.itemsize
        shapes = zip(self.layout.k, self.layout.widths, strict=True)
        return all(plan_tiles(rows, widths[0], k * widths[1], itemsize).lines for k, widths in shapes)

    def begin_collecting(self) -> None:
        """Set the gradients to 0, to which steps under the rule `COLLECTING` add."""
        self.model.grad.fill(0)
        self.more_grads.fill(0)

    def end_collecting(self) -> None:
        """Leave the sum of all shares in the model's gradient."""
        for grad in self.more_grads:
            self.model.grad += grad

    def _descend_together(self, arguments: tuple[object, ...], n_threads: int, counters: Array) -> None:
        """Let threads take shares until none is left; this one, too, which Ctrl-C cannot stop midway."""
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
        for job in begun:
            job.result()

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """The threads beside the caller's own: they end with this object."""
        return ThreadPoolExecutor(self.size - 1, thread_name_prefix="pellucid")


def n_cuts(model: Model, n_rows: int, most: int, *, is_sparse: bool) -> int:
    """Return into how many shares of its rows a batch is cut, `most` at most."""
    n_multiplications, many = n_rows * model.n_weights, MANY_WEIGHTS_SPARSE if is_sparse else MANY_WEIGHTS
    if len(model.sets) > 1 or n_multiplications < SMALL_BATCH or model.n_weights > many:
        return 1
    return max(1, min(most, 2 * n_multiplications // SMALL_BATCH, n_rows // FEW_ROWS))


def most_shares() -> int:
    """Return how many shares a batch of many rows is cut into."""
    return n_threads() if CAN_SHARE else 1
