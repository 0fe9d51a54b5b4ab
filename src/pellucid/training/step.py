"""Steps of gradient descent by the layers' own forward and backward.

One step is always the same four lines: forward, loss, backward, update. A batch of more rows than a block is
computed block by block: the gradient is the same sum.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np

from pellucid.backend import Array, array_module
from pellucid.losses import Loss
from pellucid.network import blocks
from pellucid.optimizers import Optimizer
from pellucid.training.many import Model


class Descent(Protocol):
    """Takes the steps of training: one of two ways, which give the same numbers to rounding."""

    #: How many steps a call of `steps` should be asked for at most.
    steps_at_a_time: int

    def steps(self, x: Array, y: Array, rows: Array | slice, batch_size: int) -> tuple[Array, Array]:
        """Take a step for each batch of these rows; return losses and right rows, both (steps, k)."""


class PlainDescent:
    """Takes steps by the layers' own forward and backward.

    Parameters
    ----------
    model : Single or Stack
    loss : Loss
    optimizer : Optimizer
    batch_size : int
        The most rows in a batch.
    block_rows : int, optional
        The most rows computed at a time in a larger batch; None: all.
    """

    steps_at_a_time = 1024

    def __init__(
        self, model: Model, loss: Loss, optimizer: Optimizer, batch_size: int, block_rows: int | None
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.batch_size, self.block_rows = batch_size, block_rows
        self.xp = array_module(model.device)
        # "clip" spares NumPy a check that cannot fail; CuPy, which never checks, knows no mode.
        self.take: Callable[..., Array] = partial(np.take, mode="clip") if self.xp is np else self.xp.take
        self.buffers: dict[str, Array] = {}

    def steps(self, x: Array, y: Array, rows: Array | slice, batch_size: int) -> tuple[Array, Array]:
        """Take a step for each batch of these rows; return losses and right rows, both (steps, k)."""
        start, stop = (rows.start, rows.stop) if isinstance(rows, slice) else (0, len(rows))
        batches = [slice(i, min(i + batch_size, stop)) for i in range(start, stop, batch_size)]
        shape = (len(batches), self.model.k)
        losses, right = self.xp.empty(shape, self.model.dtype), self.xp.empty(shape, np.int64)
        for i, batch in enumerate(batches):
            x_batch, y_batch = (
                (x[batch], y[batch])
                if isinstance(rows, slice)
                else (self._gather("x", x, rows[batch]), self._gather("y", y, rows[batch]))
            )
            losses[i], right[i] = self.step(x_batch, y_batch)
        return losses, right

    def step(self, x: Array, y: Array) -> tuple[Any, Any]:
        """Take one step on a batch; return its loss and how many rows were right before it."""
        model = self.model
        one_block = self.block_rows is None or len(x) <= self.block_rows
        value, right = model.gradient(self.loss, x, y) if one_block else self.gradient_in_blocks(x, y)
        self.optimizer.step(model.theta, model.grad, model.n_weights)
        return value, right

    def gradient_in_blocks(self, x: Array, y: Array) -> tuple[Any, Any]:
        """Fill grad block by block: a block's mean times its share of the rows, summed, is the whole's."""
        grad = self.model.grad
        total = self._buffer("total", grad.shape, grad.dtype)
        total.fill(0)
        total_value: Any = 0.0
        total_right: Any = 0
        for rows in blocks(len(x), self.block_rows):
            value, right = self.model.gradient(self.loss, x[rows], y[rows])
            share = (rows.stop - rows.start) / len(x)
            total += self.xp.multiply(grad, share, out=grad)
            total_value, total_right = total_value + value * share, total_right + right
        self.xp.copyto(grad, total)
        return total_value, total_right

    def _gather(self, name: str, values: Array, chosen: Array) -> Array:
        """Copy the chosen rows into a buffer."""
        buffer = self._buffer(name, (self.batch_size, *values.shape[1:]), values.dtype)
        return self.take(values, chosen, axis=0, out=buffer[: len(chosen)])

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        kept = self.buffers.get(name)
        if kept is None or kept.shape != shape or kept.dtype != dtype:
            kept = self.buffers[name] = self.xp.empty(shape, dtype)
        return kept
