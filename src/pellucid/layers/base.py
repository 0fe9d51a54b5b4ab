"""What a layer is.

A layer maps a batch ``x`` (n, n_in) to ``y`` (n, n_out) in `forward`, and the gradient of the loss
``dy`` (n, n_out) to ``dx`` (n, n_in) in `backward`, filling the gradients of its own parameters on the way.
Arrays that it returns are its own buffers, valid until it runs again; one `backward` follows one `forward`.
`backward` may overwrite ``dy`` and the layer's own ``y``, never ``x``.
"""

from types import ModuleType
from typing import Any

import numpy as np

from pellucid.backend import Array


class Layer:
    """Base of all layers. A subclass writes `forward` and `backward`, and what else it needs of the rest.

    Attributes
    ----------
    n_in, n_out : int
        Widths, known once `connect` has run.
    dtype : numpy.dtype
        float32 or float64.
    xp : module
        The array module of the device.
    rng : numpy.random.Generator or None
        Where a layer that `draws` takes its random numbers from while it trains.

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

    #: True where `forward` converts its input to the layer's dtype itself.
    casts = False
    #: True where training takes random numbers.
    draws = False
    #: True where `forward` may write its result over its input: `Network.build` decides.
    in_place = False

    n_in: int
    n_out: int
    dtype: np.dtype[np.floating]
    xp: ModuleType
    rng: np.random.Generator | None = None
    _buffers: dict[str, Array]

    def forward(self, x: Array, *, train: bool) -> Array:
        """Map x (n, n_in) to y (n, n_out)."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, dy: Array) -> Array | None:
        """Map dy (n, n_out) to dx (n, n_in); fill the gradients of the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that make an equal layer and are plain numbers."""
        return {}

    def width(self, n_in: int) -> int:
        """Return n_out for a given n_in."""
        return n_in

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter: matrices are weights, vectors are biases."""
        return {}

    def draw(self, rng: np.random.Generator) -> None:
        """Fill the parameters with starting values."""

    def connect(self, n_in: int, *, dtype: np.dtype[np.floating], xp: ModuleType) -> None:
        """Learn the input's width and where arrays live; forget all buffers."""
        self.n_in, self.n_out = n_in, self.width(n_in)
        self.dtype, self.xp = dtype, xp
        self._buffers = {}

    def buffer(
        self, name: str, n_rows: int, width: int, dtype: object = None, xp: ModuleType | None = None
    ) -> Array:
        """Return this layer's scratch array `name` of shape (n_rows, width), made once and kept.

        It grows to the most rows ever asked for; fewer rows are a view of its first ones. It lives on the
        layer's device unless another array module is named.
        """
        kept = self._buffers.get(name)
        if kept is None or len(kept) != n_rows:
            whole = kept if kept is None or kept.base is None else kept.base
            if whole is None or len(whole) < n_rows:
                whole = (xp or self.xp).empty((n_rows, width), dtype or self.dtype)
            kept = self._buffers[name] = whole[:n_rows]
        return kept

    def __getstate__(self) -> dict[str, Any]:
        # Buffers can be made again, and parameters are views that the network binds again.
        names = [*self.parameter_shapes()] if hasattr(self, "n_in") else []
        left_out = {"_buffers", "xp", *names, *("d" + name for name in names)}
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.settings().items())
        return f"{type(self).__name__}({arguments})"
