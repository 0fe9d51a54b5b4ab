"""Steps of gradient descent, compiled: what `pellucid.train` calls where it pays.

Batches run in one compiled loop, many steps a call. A batch that takes longer than a call may is cut: the
gradients of its parts are added up.
"""

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.feed import Feed
from pellucid.compiled.first.tiles import DENSE, Way, choose_way
from pellucid.compiled.jit import told_if_compiled
from pellucid.compiled.layout import COLLECTING, Sizes, make_rule
from pellucid.compiled.program import groups
from pellucid.compiled.steps import descend
from pellucid.compiled.threads.workers import Crew, most_shares, n_cuts
from pellucid.losses import Loss
from pellucid.network import blocks
from pellucid.optimizers import SGD, Adam, Optimizer
from pellucid.training.many import Model

#: The most rows in a block: their activations stay in the processor's cache.
BLOCK_ROWS = 256
#: Products of fewer multiplications take OpenBLAS's quick way for small matrices.
SMALL_PRODUCT = 1_000_000
#: Multiplications in a call of compiled code, about a tenth of a second: Ctrl-C waits for its end.
CALL = 5e9
#: Entries made ahead of a call: numbers drawn for dropout, and copies of rows.
AHEAD = 2**22


class CompiledDescent:
    """Takes steps by compiled code; see `pellucid.training.epochs.CompiledSteps`.

    Parameters
    ----------
    model : Single or Stack
    loss : Loss
    optimizer : Optimizer
    batch_size : int
        The most rows in a batch; 0 where it is not known.
    block_rows : int, optional
        The most rows that a thread computes at a time in a larger batch; None: all.
    n_shares : int, optional
        Into how many shares a batch of many rows is cut, whatever the number of threads; None: one a thread.
    x : array, optional
        The rows, where they are known beforehand.
    """

    def __init__(
        self,
        model: Model,
        loss: Loss,
        optimizer: Optimizer,
        batch_size: int,
        block_rows: int | None,
        n_shares: int | None = None,
        x: Array | None = None,
    ) -> None:
        self.model, self.loss, self.optimizer, self.n_shares = model, loss, optimizer, n_shares
        self.block_rows, self.feed = block_rows, Feed(model.nets)
        self.n_first = groups(model.nets[0].layers)[0].dense.n_out
        self.steps_at_a_time = max(1, self._rows_a_call(x) // max(1, batch_size))
        self.crew: Crew | None = None

    def steps(self, x: Array, y: Array, rows: Array | slice, batch_size: int) -> tuple[Array, Array]:
        """Take a step for each batch of these rows; return losses and right rows, both (steps, k)."""
        chosen = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        is_sparse = self.feed.is_sparse(x)
        with told_if_compiled(descend):
            if batch_size <= self._rows_a_call(x, self._most_threads()):
                return self._steps(x, y, chosen, batch_size, is_sparse)
            found = [self._step(x, y, chosen[batch], is_sparse) for batch in blocks(len(chosen), batch_size)]
        return np.array([losses for losses, _ in found]), np.array([right for _, right in found])

    def _steps(
        self, x: Array, y: Array, rows: Array, batch_size: int, is_sparse: bool
    ) -> tuple[Array, Array]:
        """Take all steps in one call of compiled code."""
        model, optimizer = self.model, self.optimizer
        crew, way, sizes = self._crew(batch_size, is_sparse)
        before, n_steps = optimizer.step_number, -(-len(rows) // batch_size)
        rates = np.array([optimizer.rate(before + i) for i in range(n_steps)], np.float64)
        rule = make_rule(optimizer, model.n_weights)
        data = self.feed.data(x, y, rows, way)
        remembered = memories(optimizer, model.theta)
        # Counted beforehand: Ctrl-C is heard when all steps have been taken.
        optimizer.step_number += n_steps
        return crew.take_steps(rule, remembered, data, sizes, rates, before)

    def _step(self, x: Array, y: Array, rows: Array, is_sparse: bool) -> tuple[Array, Array]:
        """Take one step, in several calls of compiled code; return losses and right rows, both (k,)."""
        model, most = self.model, self._rows_a_call(x, self._most_threads())
        crew, way, sizes = self._crew(most, is_sparse)
        losses, right = np.zeros(model.k), np.zeros(model.k, int)
        crew.begin_collecting()
        none = model.theta[:0], model.theta[:0]
        for part in blocks(len(rows), most):
            data, share = self.feed.data(x, y, rows[part], way), (part.stop - part.start) / len(rows)
            (part_losses,), (part_right,) = crew.take_steps(COLLECTING, none, data, sizes, np.array([share]))
            losses += share * part_losses
            right += part_right
        crew.end_collecting()
        self.optimizer.step(model.theta, model.grad, model.n_weights)
        return losses, right

    def _rows_a_call(self, x: Array | None, n_threads: int = 1) -> int:
        """Return how many rows so many threads compute in one call of compiled code, one at least."""
        rows = n_threads * CALL / (3 * self.model.n_weights)
        return max(1, int(min(rows, AHEAD / max(1, self.feed.entries_a_row(x)))))

    def _most_shares(self) -> int:
        """Return into how many shares a batch is cut at most."""
        return self.n_shares or most_shares()

    def _most_threads(self) -> int:
        """Return how many threads a batch has at most: one for each share or set of networks."""
        return self._most_shares() if len(self.model.sets) == 1 else len(self.model.sets)

    def _crew(self, batch_size: int, is_sparse: bool) -> tuple[Crew, Way, Sizes]:
        """Return the threads for batches of a size, those there are or new ones, and how they are to work.

        That does not depend on the batches before: a training that is resumed goes on in the same way.
        """
        model = self.model
        cuts = n_cuts(model, batch_size, self._most_shares(), is_sparse=is_sparse)
        rows = -(-batch_size // cuts)
        if self.block_rows is not None:
            rows = min(rows, self.block_rows, BLOCK_ROWS)
        n_in, itemsize = model.nets[0].n_in, model.dtype.itemsize
        n_outs = [len(own) * self.n_first for own in model.sets]
        way = choose_way(rows, n_in, n_outs, itemsize, is_sparse=is_sparse)
        if way == DENSE and self.block_rows is not None:
            rows = min(rows, best_block(n_in * max(n_outs)))
        if self.crew is None or rows > self.crew.rows or cuts != self.crew.n_cuts:
            self.crew = Crew(model, self.loss, rows, cuts)
        return self.crew, way, Sizes(batch_size, rows)


def best_block(n_first: int) -> int:
    """Return how many rows BLAS is to multiply with so many weights at a time: few if they are few.

    Examples
    --------
    >>> [best_block(n_in * n_out) for n_in, n_out in ((784, 10), (784, 500))]
    [96, 256]
    """
    few = SMALL_PRODUCT // n_first // 32 * 32
    return min(few, BLOCK_ROWS) if few >= 64 else BLOCK_ROWS


def memories(optimizer: Optimizer, theta: Array) -> tuple[Array, Array]:
    """Return what the optimizer remembers, m and v; one that it lacks is empty."""
    optimizer.check(theta)
    none, is_adam = np.empty(0, theta.dtype), isinstance(optimizer, Adam)
    has_v = is_adam or (isinstance(optimizer, SGD) and optimizer.momentum > 0)
    return optimizer.kept("m", theta) if is_adam else none, optimizer.kept("v", theta) if has_v else none
