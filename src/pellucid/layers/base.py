"""The protocol of a layer.

`forward` maps a batch ``x`` (n, n_in) to ``y`` (n, n_out). `backward` maps ``dy`` (n, n_out), the gradient of
the loss with respect to y, to ``dx`` (n, n_in), its gradient with respect to x, and fills the gradients of
the layer's parameters. Call `backward` once after each `forward`. Both return buffers that are valid until
the next call. `backward` may overwrite ``dy`` and the layer's own ``y``, but never ``x``.
"""

from collections.abc import Iterable
from math import prod
from types import ModuleType
from typing import Any

import numpy as np

from pellucid.backend import Array, Scratch


class Layer:
    """Base class of layers. A subclass implements `forward` and `backward`, and overrides the rest as needed.

    Attributes
    ----------
    n_in, n_out : int
        Numbers of input and output columns, set by `connect`.
    dtype : numpy.dtype
        float32 or float64, set by `connect`.
    xp : module
        The array module of the device, NumPy or CuPy, set by `connect`.
    rng : numpy.random.Generator or None
        Source of the random numbers that a layer with ``draws = True`` uses in training.

    Examples
    --------
    >>> class Double(Layer):
    ...     def forward(self, x, *, train):
    ...         return self.xp.multiply(x, 2, out=self.buffer("y", len(x), self.n_out))
    ...     def backward(self, dy):
    ...         dy *= 2
    ...         return dy
    >>> layer = Double()
    >>> layer.connect(3, dtype=np.dtype("float64"), xp=np)
    >>> layer.forward(np.ones((1, 3)), train=False)
    array([[2., 2., 2.]])
    """

    #: Whether `forward` itself converts its input to the layer's dtype.
    casts = False
    #: Whether training uses random numbers.
    draws = False
    #: Whether `forward` may overwrite its input with its output; set by `Network.build`.
    in_place = False

    n_in: int
    n_out: int
    dtype: np.dtype[np.floating]
    xp: ModuleType
    rng: np.random.Generator | None = None
    scratch: Scratch

    def forward(self, x: Array, *, train: bool) -> Array:
        """Map x (n, n_in) to y (n, n_out)."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, dy: Array) -> Array | None:
        """Map dy (n, n_out) to dx (n, n_in); fill the gradients of the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments that a saved file needs: numbers and lists of numbers."""
        return {}

    def width(self, n_in: int) -> int:
        """Return n_out of a layer with n_in inputs."""
        return n_in

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter by name: matrices are weights, vectors are biases."""
        return {}

    def draw(self, rng: np.random.Generator) -> None:
        """Fill the parameters with starting values."""

    def connect(self, n_in: int, *, dtype: np.dtype[np.floating], xp: ModuleType) -> None:
        """Set the input width, the dtype and the array module; drop all buffers."""
        self.n_in, self.n_out = n_in, self.width(n_in)
        self.dtype, self.xp = dtype, xp
        self.scratch = Scratch()

    def buffer(
        self, name: str, n_rows: int, width: int, dtype: object = None, xp: ModuleType | None = None
    ) -> Array:
        """Return the layer's scratch array `name` of shape (n_rows, width), allocated once and reused.

        It grows when more rows are needed; a smaller batch gets a view of the first rows. It is on the
        layer's device unless `xp` names another array module.
        """
        kept = self.scratch.arrays.get(name)
        if kept is not None and len(kept) == n_rows:  # usual, and faster than the checks of `array`
            return kept
        return self.scratch.array(name, (n_rows, width), dtype or self.dtype, xp or self.xp)

    def __getstate__(self) -> dict[str, Any]:
        # Buffers are scratch space, and parameters are views that the network binds again.
        names = [*self.parameter_shapes()] if hasattr(self, "n_in") else []
        left_out = {"scratch", "xp", *names, *("d" + name for name in names)}
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.settings().items())
        return f"{type(self).__name__}({arguments})"


def bind_parameters(
    parameters: Iterable[tuple[Layer, str, tuple[int, ...]]], theta: Array, grad: Array
) -> int:
    """Make parameters consecutive views of theta, and their gradients views of grad; return their total size.

    Parameters
    ----------
    parameters : iterable of (layer, name, shape)
        The layer's attribute ``name`` becomes the parameter, ``"d" + name`` its gradient.
    theta, grad : array, shape (n,)
        n is at least the total size.

    Examples
    --------
    >>> layer, theta = Layer(), np.arange(8)
    >>> bind_parameters([(layer, "W", (3, 2)), (layer, "b", (2,))], theta, np.zeros(8))
    8
    >>> layer.b, layer.db
    (array([6, 7]), array([0., 0.]))
    """
    start = 0
    for layer, name, shape in parameters:
        stop = start + prod(shape)
        setattr(layer, name, theta[start:stop].reshape(shape))
        setattr(layer, "d" + name, grad[start:stop].reshape(shape))
        start = stop
    return start
