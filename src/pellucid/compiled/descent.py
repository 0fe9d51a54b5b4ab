"""Steps of gradient descent, compiled: what `pellucid.train` calls where it pays.

Small batches run in one compiled loop, many steps a call. A batch of more rows than a block is one step: the
gradients of its blocks are added up.
"""

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.crew import Crew, most_shares, n_cuts
from pellucid.compiled.feed import Feed
from pellucid.compiled.kernel import told_if_compiled
from pellucid.compiled.layout import COLLECTING, make_rule
from pellucid.compiled.program import groups
from pellucid.compiled.steps import descend
from pellucid.losses import Loss
from pellucid.network import blocks
from pellucid.optimizers import SGD, Adam, Optimizer
from pellucid.stack import Model

#: The most rows in a block: their activations stay in the processor's cache.
BLOCK_ROWS = 256
#: Products of fewer multiplications take OpenBLAS's quick way for small matrices.
SMALL_PRODUCT = 1_000_000
#: Multiplications in a call of compiled code, about a tenth of a second: Ctrl-C waits for its end.
CALL = 5e9
#: Entries made ahead of a call: numbers drawn for dropout, and copies of rows.
AHEAD = 2**22


class CompiledDescent:
    """Takes steps by compiled code; see `pellucid.descent.PlainDescent`.

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
    """

    def __init__(
        self,
        model: Model,
        loss: Loss,
        optimizer: Optimizer,
        batch_size: int,
        block_rows: int | None,
        n_shares: int | None = None,
    ) -> None:
        self.model, self.loss, self.optimizer, self.n_shares = model, loss, optimizer, n_shares
        self.block_rows = block_rows and min(block_rows, best_block(model))
        self.feed = Feed(model.nets)
        self.steps_at_a_time = max(1, rows_a_call(model, self.feed.entries_a_row()) // max(1, batch_size))
        self.crew: Crew | None = None

    def steps(self, x: Array, y: Array, rows: Array | slice, batch_size: int) -> tuple[Array, Array]:
        """Take a step for each batch of these rows; return losses and right rows, both (steps, k)."""
        chosen = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        is_sparse = self.feed.is_sparse(x)
        with told_if_compiled(descend):
            if self.block_rows is None or batch_size <= self.block_rows:
                return self._steps(x, y, chosen, batch_size, is_sparse)
            found = [self._step(x, y, chosen[batch], is_sparse) for batch in blocks(len(chosen), batch_size)]
        return np.array([losses for losses, _ in found]), np.array([right for _, right in found])

    def _steps(
        self, x: Array, y: Array, rows: Array, batch_size: int, is_sparse: bool
    ) -> tuple[Array, Array]:
        """Take all steps in one call of compiled code."""
        model, optimizer = self.model, self.optimizer
        cuts = n_cuts(model, batch_size, self._most_shares(), is_sparse=is_sparse)
        crew = self._crew(batch_size, cuts)
        before, n_steps = optimizer.step_number, -(-len(rows) // batch_size)
        rates = np.array([optimizer.rate(before + i) for i in range(n_steps)], np.float64)
        rule = make_rule(optimizer, model.n_weights)
        data = self.feed.data(x, y, rows, is_sparse=is_sparse)
        remembered = memories(optimizer, model.theta)
        # Counted beforehand: Ctrl-C is heard when all steps have been taken.
        optimizer.step_number += n_steps
        return crew.take_steps(rule, remembered, data, batch_size, rates, before)

    def _step(self, x: Array, y: Array, rows: Array, is_sparse: bool) -> tuple[Array, Array]:
        """Take one step, block by block; return losses and right rows, both (k,)."""
        model = self.model
        assert self.block_rows is not None
        cuts = self._most_shares() if len(model.sets) == 1 else 1
        at_once = self.block_rows * cuts
        crew = self._crew(at_once, cuts)
        losses, right = np.zeros(model.k), np.zeros(model.k, int)
        crew.begin_collecting()
        steps_a_call = max(1, rows_a_call(model, self.feed.entries_a_row(x), cuts) // at_once)
        none = model.theta[:0], model.theta[:0]
        for part in blocks(len(rows), steps_a_call * at_once):
            sizes = np.array([each.stop - each.start for each in blocks(part.stop - part.start, at_once)])
            shares, data = sizes / len(rows), self.feed.data(x, y, rows[part], is_sparse=is_sparse)
            part_losses, part_right = crew.take_steps(COLLECTING, none, data, at_once, shares)
            losses += shares @ part_losses
            right += part_right.sum(axis=0)
        crew.end_collecting()
        self.optimizer.step(model.theta, model.grad, model.n_weights)
        return losses, right

    def _most_shares(self) -> int:
        """Return into how many shares a batch is cut at most."""
        return self.n_shares or most_shares()

    def _crew(self, rows: int, cuts: int) -> Crew:
        """Return the threads for batches of so many rows: those there are, or new ones."""
        if self.crew is None or rows > self.crew.rows or cuts != self.crew.n_cuts:
            self.crew = Crew(self.model, self.loss, rows, cuts)
        return self.crew


def best_block(model: Model) -> int:
    """Return how many rows to compute at a time: few where that makes the first product a small one."""
    net = model.nets[0]
    first = net.n_in * model.k * groups(net.layers)[0].dense.n_out
    few = SMALL_PRODUCT // first // 32 * 32
    return few if few >= 64 else BLOCK_ROWS


def rows_a_call(model: Model, entries_a_row: int, n_threads: int = 1) -> int:
    """Return how many rows so many threads compute in one call of compiled code."""
    return int(min(n_threads * CALL / (3 * model.n_weights), AHEAD / max(1, entries_a_row)))


def memories(optimizer: Optimizer, theta: Array) -> tuple[Array, Array]:
    """Return what the optimizer remembers, m and v; one that it lacks is empty."""
    optimizer.check(theta)
    none, is_adam = np.empty(0, theta.dtype), isinstance(optimizer, Adam)
    has_v = is_adam or (isinstance(optimizer, SGD) and optimizer.momentum > 0)
    return optimizer.kept("m", theta) if is_adam else none, optimizer.kept("v", theta) if has_v else none
