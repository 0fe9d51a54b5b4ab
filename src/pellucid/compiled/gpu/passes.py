"""The forward and the backward pass on the GPU, as launches that are made once and repeated in each step."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import ModuleType

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.gpu.kernels import CHUNK, Kernels, Launch, make_stages, n_chunks
from pellucid.compiled.program import ACTIVATIONS, Group
from pellucid.layers import LeakyReLU


class Buffers:
    """The arrays of a pass of up to so many rows, by layer: a layer is a Dense with what follows it.

    Parameters
    ----------
    xp : module
        CuPy.
    parts : sequence of Group
    rows : int
    dtype : numpy.dtype

    Attributes
    ----------
    x : array, shape (rows, n_in)
    y, dy : list of array, shape (rows, n_out)
        Outputs of the activations, and the gradients by them.
    dropped : list of array
        The next layer's input: y itself where there is no dropout.
    """

    def __init__(
        self, xp: ModuleType, parts: Sequence[Group], rows: int, dtype: np.dtype[np.generic]
    ) -> None:
        self.rows = rows
        shapes = [(rows, part.dense.n_out) for part in parts]
        self.x = xp.empty((rows, parts[0].dense.n_in), dtype)
        self.y, self.dy = ([xp.empty(shape, dtype) for shape in shapes] for _ in range(2))
        self.dropped = [
            xp.empty_like(y) if part.dropout else y for y, part in zip(self.y, parts, strict=True)
        ]


def entries_a_row(parts: Sequence[Group]) -> int:
    """Return about how many entries the buffers have for a row.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> net = pl.Network([pl.Dense(30), pl.ReLU(), pl.Dropout(0.1), pl.Dense(10)])
    >>> from pellucid.compiled.program import groups
    >>> entries_a_row(groups(net.build(784, rng=np.random.default_rng(0)).layers))
    897
    """
    widths = [part.dense.n_out for part in parts]
    dropped = sum(part.dense.n_out for part in parts if part.dropout)
    # Sums over chunks of rows, over chunks of these, and so on, come to a fifteenth of the widths.
    return parts[0].dense.n_in + dropped + 2 * sum(widths) + -(-sum(widths) // (CHUNK - 1))


class Pass:
    """Forward and backward for n rows, on the first n rows of the buffers.

    Parameters
    ----------
    kernels : Kernels
    matmul : callable
    parts : sequence of Group
    buffers : Buffers
    n : int

    Attributes
    ----------
    x, outputs, gradient : array
        What the pass begins with, what forward ends with, and what backward begins with.
    forward, backward : list of Launch
    """

    def __init__(
        self, kernels: Kernels, matmul: Callable[..., Array], parts: Sequence[Group], buffers: Buffers, n: int
    ) -> None:
        self.kernels, self.matmul, self.parts, self.n = kernels, matmul, parts, n
        self.x = buffers.x[:n]
        self.y, self.dy, self.dropped = (
            [array[:n] for array in arrays] for arrays in (buffers.y, buffers.dy, buffers.dropped)
        )
        self.inputs = [self.x, *self.dropped]
        self.outputs, self.gradient = self.y[-1], self.dy[-1]
        self.masks: dict[int, Array] = {}
        self.forward = [launch for i in range(len(parts)) for launch in self._forward(i)]
        self.backward = [launch for i in reversed(range(len(parts))) for launch in self._backward(i)]

    def _forward(self, i: int) -> Iterator[Launch]:
        """Yield the launches of a layer: y = f(x W + b), and its dropout."""
        dense, y = self.parts[i].dense, self.y[i]
        yield partial(self.matmul, self.inputs[i], dense.W, out=y)
        activation = activation_of(self.parts[i])
        yield self.kernels.launch("activate", y.size, dense.b, y, dense.n_out, *activation)
        if self.parts[i].dropout:
            yield partial(self._draw_and_drop, i)

    def _backward(self, i: int) -> Iterator[Launch]:
        """Yield the launches of a layer: dy through dropout and activation, db, dW and dx."""
        dense, dy = self.parts[i].dense, self.dy[i]
        if self.parts[i].dropout:
            yield partial(self._drop, i, dy, dy)
        stages, activation = make_stages(dense.db, self.n), activation_of(self.parts[i])
        first = stages[0]
        yield self.kernels.launch(
            "derive", first.size, self.y[i], dy, first, self.n, dense.n_out, *activation
        )
        yield from self.kernels.sum_rows("sum_rows", first, n_chunks(self.n), stages[1:])
        yield partial(self.matmul, self.inputs[i].T, dy, out=dense.dW)
        if i > 0:
            yield partial(self.matmul, dy, dense.W.T, out=self.dy[i - 1])

    def _draw_and_drop(self, i: int) -> None:
        """Draw a mask on the host, send it, and drop entries of y."""
        dropout = self.parts[i].dropout
        assert dropout is not None
        self.masks[i] = dropout.training_mask(self.n)
        self._drop(i, self.y[i], self.dropped[i])

    def _drop(self, i: int, x: Array, out: Array) -> None:
        """Keep the entries that the mask keeps, scaled up."""
        dropout, mask = self.parts[i].dropout, self.masks[i]
        assert dropout is not None
        self.kernels.launch("drop", x.size, x, mask, out, mask.size, 1 / (1 - dropout.drop_prob))()


def activation_of(part: Group) -> tuple[int, float]:
    """Return the number of a layer's activation in the kernels, and its slope.

    Examples
    --------
    >>> import pellucid as pl
    >>> activation_of(Group(pl.Dense(3))), activation_of(Group(pl.Dense(3), pl.LeakyReLU(0.1)))
    ((0, 0.0), (2, 0.1))
    """
    if part.activation is None:
        return 0, 0.0
    slope = part.activation.slope if isinstance(part.activation, LeakyReLU) else 0.0
    return ACTIVATIONS.index(type(part.activation)), slope
