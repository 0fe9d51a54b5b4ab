"""Steps of gradient descent, compiled: what `pellucid.train` calls where it pays.

Small batches run in one compiled loop; a batch of more rows than a block is shared out over threads.
"""

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.feed import Feed
from pellucid.compiled.kernel import told_if_compiled
from pellucid.compiled.layout import State, make_layout, make_rule
from pellucid.compiled.steps import descend, take_steps
from pellucid.compiled.team import Team, rows_a_call
from pellucid.losses import Loss
from pellucid.network import blocks
from pellucid.optimizers import SGD, Adam, Optimizer
from pellucid.stack import Model


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
        The most rows computed at a time in a larger batch; None: all.
    """

    def __init__(
        self, model: Model, loss: Loss, optimizer: Optimizer, batch_size: int, block_rows: int | None
    ) -> None:
        self.model, self.loss, self.optimizer, self.block_rows = model, loss, optimizer, block_rows
        self.feed = Feed(model.nets)
        self.team = None if block_rows is None else Team(model, loss, self.feed, block_rows)
        self.steps_at_a_time = max(1, rows_a_call(model, self.feed.entries_a_row()) // max(1, batch_size))
        self.largest = 0

    def steps(self, x: Array, y: Array, rows: Array | slice, batch_size: int) -> tuple[Array, Array]:
        """Take a step for each batch of these rows; return losses and right rows, both (steps, k)."""
        chosen = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        with told_if_compiled(descend):
            if self.team is None or batch_size <= self.team.block_rows:
                return self._steps(x, y, chosen, batch_size)
            found = [self._step(self.team, x, y, chosen[batch]) for batch in blocks(len(chosen), batch_size)]
        return np.array([losses for losses, _ in found]), np.array([right for _, right in found])

    def _steps(self, x: Array, y: Array, rows: Array, batch_size: int) -> tuple[Array, Array]:
        """Take all steps in one call of compiled code."""
        model, optimizer = self.model, self.optimizer
        if batch_size > self.largest:
            self.layout, room = make_layout(model.nets, self.loss, batch_size)
            self.work, self.largest = np.empty(room, model.dtype), batch_size
        state = State(model.theta, model.grad, *memories(optimizer, model.theta), self.work)
        before, n_steps = optimizer.step_number, -(-len(rows) // batch_size)
        rates = np.array([optimizer.rate(before + i) for i in range(n_steps)], np.float64)
        rule, data = make_rule(optimizer, model.n_weights), self.feed.data(x, y, rows)
        found = take_steps(self.layout, rule, state, data, range(len(rows)), batch_size, rates, before)
        optimizer.step_number += n_steps
        return found

    def _step(self, team: Team, x: Array, y: Array, rows: Array) -> tuple[Array, Array]:
        """Take one step, its rows shared out; return losses and right rows, both (k,)."""
        found = team.gradient(x, y, rows)
        self.optimizer.step(self.model.theta, self.model.grad, self.model.n_weights)
        return found


def memories(optimizer: Optimizer, theta: Array) -> tuple[Array, Array]:
    """Return what the optimizer remembers, m and v; one that it lacks is empty."""
    optimizer.check(theta)
    none, is_adam = np.empty(0, theta.dtype), isinstance(optimizer, Adam)
    has_v = is_adam or (isinstance(optimizer, SGD) and optimizer.momentum > 0)
    return optimizer.kept("m", theta) if is_adam else none, optimizer.kept("v", theta) if has_v else none
