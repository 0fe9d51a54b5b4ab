"""The forward and backward pass on the GPU, as launches that are prepared once and repeated in each step."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import ModuleType

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.gpu.kernels import CHUNK, Kernels, Launch, make_stages, n_chunks
from pellucid.compiled.layout import activation_of
from pellucid.compiled.program import FusedLayer


class PassBuffers:
    """Buffers for a pass over up to `rows` rows.

    Parameters
    ----------
    xp : module
        CuPy.
    layers : sequence of FusedLayer
    rows : int
    dtype : numpy.dtype

    Attributes
    ----------
    x : array, shape (rows, n_in)
    y, dy : list of array, shape (rows, n_out)
        For each layer the output of the activation, and the gradient of the loss with respect to it.
    dropped : list of array
        For each layer the input of the next one: y itself if there is no dropout.
    """

    def __init__(
        self, xp: ModuleType, layers: Sequence[FusedLayer], rows: int, dtype: np.dtype[np.generic]
    ) -> None:
        self.rows = rows
        shapes = [(rows, layer.dense.n_out) for layer in layers]
        self.x = xp.empty((rows, layers[0].dense.n_in), dtype)
        self.y, self.dy = ([xp.empty(shape, dtype) for shape in shapes] for _ in range(2))
        self.dropped = [
            xp.empty_like(y) if layer.dropout else y for y, layer in zip(self.y, layers, strict=True)
        ]


def entries_per_row(layers: Sequence[FusedLayer]) -> int:
    """Return the approximate number of entries per row in all buffers."""
    widths = [layer.dense.n_out for layer in layers]
    dropped = sum(layer.dense.n_out for layer in layers if layer.dropout)
    # Sums over chunks of rows, over chunks of chunks, and so on, add 1/16 + 1/16² + … = 1/15 of the widths.
    return layers[0].dense.n_in + dropped + 2 * sum(widths) + -(-sum(widths) // (CHUNK - 1))


class Pass:
    """Forward and backward for n rows, in the first n rows of the buffers.

    Parameters
    ----------
    kernels : Kernels
    matmul : callable
    layers : sequence of FusedLayer
    buffers : PassBuffers
    n : int

    Attributes
    ----------
    x, outputs, gradient : array
        The inputs, the outputs, and the gradient of the loss with respect to the outputs.
    forward, backward : list of Launch
    """

    def __init__(
        self, kernels: Kernels, matmul: Callable[..., Array], layers: Sequence[FusedLayer],
        buffers: PassBuffers, n: int,
    ) -> None:  # fmt: skip
        self.kernels, self.matmul, self.layers, self.n = kernels, matmul, layers, n
        self.x = buffers.x[:n]
        self.y, self.dy, self.dropped = (
            [array[:n] for array in arrays] for arrays in (buffers.y, buffers.dy, buffers.dropped)
        )
        self.inputs = [self.x, *self.dropped]
        self.outputs, self.gradient = self.y[-1], self.dy[-1]
        self.masks: dict[int, Array] = {}
        self.forward = [launch for i in range(len(layers)) for launch in self._forward(i)]
        self.backward = [launch for i in reversed(range(len(layers))) for launch in self._backward(i)]

    def _forward(self, i: int) -> Iterator[Launch]:
        """Yield the launches of a layer: y = f(x W + b), then dropout."""
        dense, y = self.layers[i].dense, self.y[i]
        yield partial(self.matmul, self.inputs[i], dense.W, out=y)
        activation = activation_of(self.layers[i])
        yield self.kernels.launch("activate", y.size, dense.b, y, dense.n_out, *activation)
        if self.layers[i].dropout:
            yield partial(self._draw_and_drop, i)

    def _backward(self, i: int) -> Iterator[Launch]:
        """Yield the launches of a layer: dy through dropout and activation, then db, dW and dx."""
        dense, dy = self.layers[i].dense, self.dy[i]
        if self.layers[i].dropout:
            yield partial(self._drop, i, dy, dy)
        stages, activation = make_stages(dense.db, self.n), activation_of(self.layers[i])
        first = stages[0]
        yield self.kernels.launch(
            "derive", first.size, self.y[i], dy, first, self.n, dense.n_out, *activation
        )
        yield from self.kernels.sum_rows("sum_rows", first, n_chunks(self.n), stages[1:])
        yield partial(self.matmul, self.inputs[i].T, dy, out=dense.dW)
        if i > 0:
            yield partial(self.matmul, dy, dense.W.T, out=self.dy[i - 1])

    def _draw_and_drop(self, i: int) -> None:
        """Draw a mask on the host, copy it to the device, and drop entries of y."""
        dropout = self.layers[i].dropout
        assert dropout is not None
        self.masks[i] = dropout.training_mask(self.n)
        self._drop(i, self.y[i], self.dropped[i])

    def _drop(self, i: int, x: Array, out: Array) -> None:
        """Write x times the mask, scaled by 1 / (1 - drop_prob), to out."""
        dropout, mask = self.layers[i].dropout, self.masks[i]
        assert dropout is not None
        self.kernels.launch("drop", x.size, x, mask, out, mask.size, 1 / (1 - dropout.drop_prob))()
