"""The first layer for raw data: pixels stay uint8 in memory until their block is used.

>>> Rescale(1 / 255)
Rescale(scale=0.00392156862745098)
"""

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.backend import Array
from pellucid.layers.base import Layer


class Rescale(Layer):
    """Multiply by a constant, add another, and convert to the network's dtype.

    Forward:  y = scale · x + shift
    Backward: dx = scale · dy

    Takes input of any real dtype, so a network that begins with it trains on integers; it is saved with
    the model, which therefore predicts on raw data too.

    Parameters
    ----------
    scale : float or array, shape (n_in,)
        One number for all columns, or one for each. Finite and not 0.
    shift : float or array, shape (n_in,)
        Likewise; finite.

    Raises
    ------
    ValueError
        If a number is not allowed; when the network is built, if there is not one for each column.

    Notes
    -----
    Columns with mean m and standard deviation s become mean 0 and deviation 1 by ``Rescale(1 / s, -m / s)``.
    Where scale · x and shift almost cancel, float32 would lose digits that float64 input still has: input
    with more digits than the network's dtype has is shifted in float64.

    Examples
    --------
    >>> layer = Rescale(0.5, [0, -100])
    >>> layer.connect(2, dtype=np.dtype("float32"), xp=np)
    >>> layer.forward(np.array([[2, 255]], dtype=np.uint8), train=False)
    array([[ 1. , 27.5]], dtype=float32)
    """

    casts = True

    def __init__(self, scale: ArrayLike, shift: ArrayLike = 0) -> None:
        self.scale, self.shift = _checked("scale", scale), _checked("shift", shift)
        self._shifts = bool(np.any(self.shift))

    def connect(self, n_in: int, *, dtype: np.dtype[np.floating], xp: ModuleType) -> None:
        """Learn the width, which numbers for each column must match."""
        for name, numbers in (("scale", self.scale), ("shift", self.shift)):
            if np.shape(numbers) not in ((), (n_in,)):
                raise ValueError(f"{name} has {np.size(numbers)} numbers, but the input has {n_in} columns")
        super().connect(n_in, dtype=dtype, xp=xp)

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y = scale · x + shift."""
        y = self.buffer("y", len(x), self.n_out)
        if not self._shifts:
            return self.xp.multiply(x, self._numbers("scale", self.dtype), out=y)  # type: ignore[no-any-return]
        product = y if fits(x.dtype, self.dtype) else self.buffer("product", len(x), self.n_out, np.float64)
        self.xp.multiply(x, self._numbers("scale", product.dtype), out=product)
        return self.xp.add(product, self._numbers("shift", product.dtype), out=y)  # type: ignore[no-any-return]

    def backward(self, dy: Array) -> Array:
        """Return dx = scale · dy."""
        dy *= self._numbers("scale", dy.dtype)
        return dy

    def _numbers(self, name: str, dtype: np.dtype[np.floating]) -> Array:
        """Return scale or shift as an array of the device, made once for each dtype."""
        key = name + dtype.char
        if key not in self._buffers:
            self._buffers[key] = self.xp.asarray(getattr(self, name), dtype)
        return self._buffers[key]

    def settings(self) -> dict[str, Any]:
        """Return scale and, where it is not 0, shift: each a number or a list."""
        numbers = {"scale": self.scale, "shift": self.shift}
        told = {name: np.asarray(value).tolist() for name, value in numbers.items()}
        return told if self._shifts else {"scale": told["scale"]}

    def __repr__(self) -> str:
        # Hundreds of numbers, one for each column, would bury the rest of a network.
        told = {
            name: f"<{len(value)} numbers>" if isinstance(value, list) else value
            for name, value in self.settings().items()
        }
        return f"Rescale({', '.join(f'{name}={value}' for name, value in told.items())})"


def fits(x: np.dtype[np.generic], dtype: np.dtype[np.floating]) -> bool:
    """Whether numbers of one dtype have all their digits in another, in which they may then be shifted.

    Examples
    --------
    >>> f = np.dtype("float32")
    >>> fits(np.dtype("uint8"), f), fits(np.dtype("int64"), f), fits(np.dtype("float64"), f)
    (True, False, False)
    """
    return np.can_cast(x, dtype)


def _checked(name: str, numbers: ArrayLike) -> float | NDArray[np.float64]:
    """Return a float, or a vector of them, all finite."""
    array = np.array(numbers, np.float64)
    if array.ndim > 1:
        raise ValueError(f"{name} must be a number or one for each column, got shape {array.shape}")
    wrong = ~np.isfinite(array) | ((array == 0) & (name == "scale"))
    if wrong.any():
        wanted = "finite and not 0" if name == "scale" else "finite"
        raise ValueError(f"{name} must be {wanted}, got {array[wrong][0]}")
    return array if array.ndim else float(array)
