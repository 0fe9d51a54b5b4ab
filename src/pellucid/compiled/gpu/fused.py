"""Steps of gradient descent on the GPU by fused kernels.

With one hidden layer, a step takes 14 kernel launches instead of 50. cuBLAS computes the products; each
formula between them is a kernel of ``kernels.cu``. The host never waits for the device, and losses stay on
the device until they are needed.
"""

from functools import cached_property
from math import sqrt
from typing import NamedTuple

import numpy as np

from pellucid.backend import Array, array_module
from pellucid.compiled.gpu.kernels import Kernels, has_c_type, make_stages
from pellucid.compiled.gpu.passes import Pass, PassBuffers, entries_per_row
from pellucid.compiled.layout import make_scaling
from pellucid.compiled.program import LOSSES, fused_layers, why_not_labels
from pellucid.losses import Loss
from pellucid.network import blocks
from pellucid.optimizers import SGD, Adam, Optimizer
from pellucid.training.many import Model

#: Kernels index the entries of a matrix by 32 bits.
MAX_ENTRIES = 2**31
#: The fraction of free memory that the arrays of a pass may take.
MEMORY_FRACTION = 0.5


class DeviceRows(NamedTuple):
    """The given x, x as the kernels read it, the rows to take, and the labels of those rows."""

    given: Array
    x: Array
    rows: Array | slice
    labels: Array

    @property
    def is_whole(self) -> bool:
        """Whether these are all rows of x in their order."""
        return isinstance(self.rows, slice) and len(self.labels) == len(self.given)


class FusedDescent:
    """Takes steps on the GPU; see `pellucid.training.epochs.CompiledSteps`.

    A batch is computed in one pass, or in as few blocks as memory allows. In full-batch training, the
    rescaled x is kept for the next epoch, so data on the device must not be changed in place between epochs.
    """

    steps_at_a_time = 1024

    def __init__(self, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        self.model, self.loss, self.optimizer, self.net = model, loss, optimizer, model.nets[0]
        self.xp = array_module("gpu", tf32=self.net.tf32)
        self.layers = fused_layers(self.net.layers)
        self.dtypes: tuple[np.dtype[np.generic], ...] = ()
        self.buffers: PassBuffers | None = None
        self.passes: dict[int, Pass] = {}
        #: The x whose rows are all in the buffer, rescaled.
        self.held: Array | None = None

    def steps(self, x: Array, y: Array, rows: Array | slice, batch_size: int) -> tuple[Array, Array]:
        """Take a step for each batch of these rows; return losses and correct rows, both (steps, k)."""
        if obstacle := why_not_labels(y):
            raise ValueError(f"this batch cannot be compiled: {obstacle}")
        dtype = x.dtype if has_c_type(x.dtype) else self.net.dtype
        self._compile(dtype, y.dtype)
        self.optimizer.check(self.model.theta)
        data = self._rows(x, y, rows, dtype)
        n = len(data.labels)
        table = self.xp.zeros((min(batch_size, n), 2 * -(-n // batch_size)), np.float64)
        for step, batch in enumerate(blocks(n, batch_size)):
            self._gradient(data, batch, table, step)
            self._update()
        return self._sums(table)

    def _rows(self, x: Array, y: Array, rows: Array | slice, dtype: np.dtype[np.generic]) -> DeviceRows:
        """Return the rows in the form that kernels read."""
        labels = y[rows] if isinstance(rows, slice) else self.xp.take(y, rows)
        data = DeviceRows(x, x, rows, self.xp.ascontiguousarray(labels))
        is_held = x is self.held and data.is_whole
        return data if is_held else data._replace(x=self.xp.ascontiguousarray(x, dtype))

    def _compile(self, x: np.dtype[np.generic], labels: np.dtype[np.generic]) -> None:
        """Compile the kernels for these dtypes, unless that has been done."""
        if (x, labels) == self.dtypes:
            return
        self.scale, self.shift = (self.xp.asarray(numbers) for numbers in make_scaling(self.net, x))
        self.kernels = Kernels(self.xp, net=self.net.dtype, x=x, scaling=self.scale.dtype, labels=labels)
        self.dtypes = x, labels
        self.passes.clear()

    def _gradient(self, data: DeviceRows, batch: slice, table: Array, step: int) -> None:
        """Fill grad and the columns of this step in the table, in one pass or block by block."""
        n, grad = batch.stop - batch.start, self.model.grad
        if n <= self.max_rows:
            self._run(data, batch, batch, table, step)
            return
        total = self.xp.zeros_like(grad)
        for block in blocks(n, self.max_rows):
            rows = slice(batch.start + block.start, batch.start + block.stop)
            self._run(data, rows, batch, table, step)
            total += grad
        self.xp.copyto(grad, total)

    def _run(self, data: DeviceRows, rows: slice, batch: slice, table: Array, step: int) -> None:
        """Run the forward and backward pass for some rows, and leave their part of the gradient in grad."""
        run = self._pass(rows.stop - rows.start)
        self._load(data, rows, run)
        for launch in run.forward:
            launch()
        n_columns = table.shape[1]
        self.kernels.launch(
            "losses", run.n, run.outputs, data.labels, run.gradient, table, rows.start, self.net.n_out,
            LOSSES.index(type(self.loss)), float(self.loss.threshold), self.loss.label_smoothing,
            batch.stop - batch.start, (rows.start - batch.start) * n_columns + step, n_columns // 2,
        )()  # fmt: skip
        for launch in run.backward:
            launch()

    def _pass(self, n: int) -> Pass:
        """Return the pass for n rows. If the buffers hold fewer rows, allocate larger ones."""
        if self.buffers is None or self.buffers.rows < n:
            self.passes.clear()
            self.buffers = self.held = None
            self.buffers = PassBuffers(self.xp, self.layers, n, self.net.dtype)
        if n not in self.passes:
            self.passes[n] = Pass(self.kernels, self.xp.matmul, self.layers, self.buffers, n)
        return self.passes[n]

    def _load(self, data: DeviceRows, rows: slice, run: Pass) -> None:
        """Rescale these rows into the buffer, unless it already holds all of x."""
        is_whole = data.is_whole and run.n == len(data.given)
        if is_whole and data.given is self.held:
            return
        numbers, first = data.rows, rows.start
        if isinstance(numbers, slice):
            start = numbers.start + rows.start
            numbers, first = self.xp.arange(start, start + run.n, dtype=np.int64), 0
        self.kernels.launch(
            "rescale", run.x.size, data.x, numbers, self.scale, self.shift, run.x, first, self.net.n_in
        )()
        self.held = data.given if is_whole else None

    def _update(self) -> None:
        """Take the optimizer's step in one pass over theta."""
        optimizer, theta, grad = self.optimizer, self.model.theta, self.model.grad
        name, rate, more = update_of(optimizer, theta)
        decay = float(optimizer.weight_decay)
        self.kernels.launch(name, theta.size, theta, grad, rate, decay, self.model.n_weights, *more)()
        optimizer.step_number += 1

    def _sums(self, table: Array) -> tuple[Array, Array]:
        """Return the sums of the columns of the table: mean losses and correct rows, both (steps, 1)."""
        n_rows, n_columns = table.shape
        sums = self.xp.empty(n_columns, np.float64)
        for launch in self.kernels.sum_rows("sum_doubles", table, n_rows, make_stages(sums, n_rows)):
            launch()
        values, right = sums[: n_columns // 2], sums[n_columns // 2 :]
        return values.reshape(-1, 1), right.reshape(-1, 1)

    @cached_property
    def max_rows(self) -> int:
        """The most rows in a pass."""
        free, _ = self.xp.cuda.runtime.memGetInfo()
        fitting = int(MEMORY_FRACTION * free) // (entries_per_row(self.layers) * self.net.dtype.itemsize)
        widest = max(self.net.n_in, *(layer.dense.n_out for layer in self.layers))
        return max(1, min(fitting, MAX_ENTRIES // widest))


def update_of(optimizer: Optimizer, theta: Array) -> tuple[str, float, tuple[Array | float, ...]]:
    """Return the name of the kernel for the optimizer's next step, the rate, and its further arguments.

    Examples
    --------
    >>> update_of(SGD(0.5), np.zeros(3))
    ('sgd', 0.5, ())
    """
    rate = float(optimizer.rate(optimizer.step_number))
    if isinstance(optimizer, Adam):
        t, beta_1, beta_2 = optimizer.step_number + 1, float(optimizer.beta_1), float(optimizer.beta_2)
        m, v = (optimizer.kept(name, theta) for name in "mv")
        betas = beta_1, 1 - beta_1, beta_2, 1 - beta_2
        return (
            "adam",
            rate / (1 - beta_1**t),
            (m, v, *betas, 1 / sqrt(1 - beta_2**t), float(optimizer.epsilon)),
        )
    assert isinstance(optimizer, SGD)
    if optimizer.momentum == 0:
        return "sgd", rate, ()
    name = "nesterov" if optimizer.nesterov else "momentum"
    return name, rate, (optimizer.kept("v", theta), float(optimizer.momentum))
