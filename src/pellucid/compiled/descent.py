"""Steps of gradient descent as machine code, which `pellucid.train` uses where that saves time.

One call of compiled code takes many steps. A batch too large for one call is cut into parts, and their
gradients are added up.
"""

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.feed import Feed
from pellucid.compiled.first.tiles import DENSE, Method, choose_method
from pellucid.compiled.jit import log_compile_time
from pellucid.compiled.layout import ACCUMULATING, Sizes, make_rule
from pellucid.compiled.program import fused_layers
from pellucid.compiled.steps import descend
from pellucid.compiled.threads.workers import Workers, max_shares, n_cuts
from pellucid.losses import Loss
from pellucid.network import blocks
from pellucid.optimizers import SGD, Adam, Optimizer
from pellucid.training.many import Model

#: The most rows in a block: their activations stay in the cache.
CACHE_ROWS = 256
#: OpenBLAS has a faster path for small matrices, which ends at about this many multiplications.
SMALL_GEMM = 1_000_000
#: Multiplications in a call of compiled code, about a tenth of a second. Ctrl-C takes effect after the call.
CALL = 5e9
#: Entries prepared for a call: random numbers for dropout, and copies of rows.
AHEAD = 2**22


class CompiledDescent:
    """Takes steps by compiled code; see `pellucid.training.epochs.CompiledSteps`.

    Parameters
    ----------
    model : Single or Stack
    loss : Loss
    optimizer : Optimizer
    batch_size : int
        The most rows in a batch; 0 if unknown.
    block_rows : int, optional
        The most rows in a block: larger batches are computed block by block. None: no limit.
    n_shares : int, optional
        The number of shares into which a batch of many rows is cut; None for one share per thread.
    x : array, optional
        The rows, if they are known in advance.
    """

    def __init__(
        self, model: Model, loss: Loss, optimizer: Optimizer, batch_size: int, block_rows: int | None,
        n_shares: int | None = None, x: Array | None = None,
    ) -> None:  # fmt: skip
        self.model, self.loss, self.optimizer, self.n_shares = model, loss, optimizer, n_shares
        self.block_rows, self.feed = block_rows, Feed(model.nets)
        self.n_first = fused_layers(model.nets[0].layers)[0].dense.n_out
        self.steps_at_a_time = max(1, self._rows_per_call(x) // max(1, batch_size))
        self.workers: Workers | None = None

    def steps(self, x: Array, y: Array, rows: Array | slice, batch_size: int) -> tuple[Array, Array]:
        """Take a step for each batch of these rows; return losses and correct rows, both (steps, k)."""
        chosen = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        is_sparse = self.feed.is_sparse(x)
        with log_compile_time(descend):
            if batch_size <= self._rows_per_call(x, self._max_threads()):
                return self._steps(x, y, chosen, batch_size, is_sparse)
            found = [self._step(x, y, chosen[batch], is_sparse) for batch in blocks(len(chosen), batch_size)]
        return np.array([losses for losses, _ in found]), np.array([right for _, right in found])

    def _steps(
        self, x: Array, y: Array, rows: Array, batch_size: int, is_sparse: bool
    ) -> tuple[Array, Array]:
        """Take all steps in one call of compiled code."""
        model, optimizer = self.model, self.optimizer
        workers, method, sizes = self._workers_for(batch_size, is_sparse)
        before, n_steps = optimizer.step_number, -(-len(rows) // batch_size)
        rates = np.array([optimizer.rate(before + i) for i in range(n_steps)], np.float64)
        rule = make_rule(optimizer, model.n_weights)
        data = self.feed.data(x, y, rows, method)
        state = state_of(optimizer, model.theta)
        # Counted before the call: Ctrl-C during the call takes effect after all of its steps.
        optimizer.step_number += n_steps
        return workers.take_steps(rule, state, data, sizes, rates, before)

    def _step(self, x: Array, y: Array, rows: Array, is_sparse: bool) -> tuple[Array, Array]:
        """Take one step in several calls of compiled code; return losses and correct rows, both (k,)."""
        model, max_rows = self.model, self._rows_per_call(x, self._max_threads())
        workers, method, sizes = self._workers_for(max_rows, is_sparse)
        losses, right = np.zeros(model.k), np.zeros(model.k, int)
        workers.begin_accumulating()
        no_state = model.theta[:0], model.theta[:0]
        for part in blocks(len(rows), max_rows):
            data, share = self.feed.data(x, y, rows[part], method), (part.stop - part.start) / len(rows)
            (part_losses,), (part_right,) = workers.take_steps(
                ACCUMULATING, no_state, data, sizes, np.array([share])
            )
            losses += share * part_losses
            right += part_right
        workers.end_accumulating()
        self.optimizer.step(model.theta, model.grad, model.n_weights)
        return losses, right

    def _rows_per_call(self, x: Array | None, n_threads: int = 1) -> int:
        """Return how many rows one call of compiled code may compute, at least one."""
        rows = n_threads * CALL / (3 * self.model.n_weights)
        return max(1, int(min(rows, AHEAD / max(1, self.feed.entries_per_row(x)))))

    def _max_shares(self) -> int:
        """Return the most shares into which a batch is cut."""
        return self.n_shares or max_shares()

    def _max_threads(self) -> int:
        """Return the largest number of threads for a batch: one per share, or one per set of networks."""
        return self._max_shares() if len(self.model.sets) == 1 else len(self.model.sets)

    def _workers_for(self, batch_size: int, is_sparse: bool) -> tuple[Workers, Method, Sizes]:
        """Return the threads for batches of this size, and the method and sizes by which they compute one.

        The method and the sizes do not depend on earlier batches, so a resumed run computes the same bits.
        """
        model = self.model
        cuts = n_cuts(model, batch_size, self._max_shares(), is_sparse=is_sparse)
        rows = -(-batch_size // cuts)
        if self.block_rows is not None:
            rows = min(rows, self.block_rows, CACHE_ROWS)
        n_in, itemsize = model.nets[0].n_in, model.dtype.itemsize
        n_outs = [len(own) * self.n_first for own in model.sets]
        method = choose_method(rows, n_in, n_outs, itemsize, is_sparse=is_sparse)
        if method == DENSE and self.block_rows is not None:
            rows = min(rows, best_block(n_in * max(n_outs)))
        if self.workers is None or rows > self.workers.rows or cuts != self.workers.n_cuts:
            self.workers = Workers(model, self.loss, rows, cuts)
        return self.workers, method, Sizes(batch_size, rows)


def best_block(n_first: int) -> int:
    """Return how many rows BLAS should multiply by n_first weights in one call.

    Few, if that makes the product small enough for OpenBLAS's faster path.

    Examples
    --------
    >>> [best_block(n_in * n_out) for n_in, n_out in ((784, 10), (784, 500))]
    [96, 256]
    """
    few = SMALL_GEMM // n_first // 32 * 32
    return min(few, CACHE_ROWS) if few >= 64 else CACHE_ROWS


def state_of(optimizer: Optimizer, theta: Array) -> tuple[Array, Array]:
    """Return the optimizer's state, m and v, each empty if the optimizer does not use it."""
    optimizer.check(theta)
    none, is_adam = np.empty(0, theta.dtype), isinstance(optimizer, Adam)
    has_v = is_adam or (isinstance(optimizer, SGD) and optimizer.momentum > 0)
    return optimizer.kept("m", theta) if is_adam else none, optimizer.kept("v", theta) if has_v else none
