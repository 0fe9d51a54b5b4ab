"""Rescaling of raw data in the network's first layer: pixels stay uint8 until a batch uses them.

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
    """Multiply by a constant, add a constant, and convert to the network's dtype.

    Forward:  y = scale · x + shift
    Backward: dx = scale · dy

    The input may have any real dtype, so a network that begins with this layer trains on integers. The layer
    is saved with the network, which therefore predicts from raw data too.

    Parameters
    ----------
    scale : float or array, shape (n_in,)
        One number for all columns, or one per column. Finite and not 0.
    shift : float or array, shape (n_in,)
        One number for all columns, or one per column. Finite.

    Raises
    ------
    ValueError
        If a number is not allowed. `Network.build` raises if there are several, but not one per column.

    Notes
    -----
    ``Rescale(1 / s, -m / s)`` standardizes columns with mean m and standard deviation s.

    If scale · x and shift almost cancel, the sum in the network's dtype may lose digits that the input has.
    Input with more digits than that dtype is therefore rescaled in float64.

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
        """Set the input width, the dtype and the array module; check the numbers of columns."""
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
        """Return scale or shift as an array on the device, made once per dtype."""
        return self.scratch.once(name + dtype.char, lambda: self.xp.asarray(getattr(self, name), dtype))

    def settings(self) -> dict[str, Any]:
        """Return scale, and shift unless it is 0: each a number or a list of numbers."""
        numbers = {"scale": self.scale, **({"shift": self.shift} if self._shifts else {})}
        return {name: np.asarray(value).tolist() for name, value in numbers.items()}

    def __repr__(self) -> str:
        # One number per column would be too long to print.
        settings = self.settings().items()
        short = {name: f"<{len(v)} numbers>" if isinstance(v, list) else v for name, v in settings}
        return f"Rescale({', '.join(f'{name}={value}' for name, value in short.items())})"


def fits(x: np.dtype[np.generic], dtype: np.dtype[np.floating]) -> bool:
    """Return whether `dtype` holds all numbers of the dtype `x` exactly.

    Examples
    --------
    >>> f = np.dtype("float32")
    >>> fits(np.dtype("uint8"), f), fits(np.dtype("int64"), f), fits(np.dtype("float64"), f)
    (True, False, False)
    """
    return np.can_cast(x, dtype)


def _checked(name: str, numbers: ArrayLike) -> float | NDArray[np.float64]:
    """Return scale or shift as a float or a vector of floats, or raise."""
    array = np.array(numbers, np.float64)
    if array.ndim > 1:
        raise ValueError(f"{name} must be a number or one number per column, got shape {array.shape}")
    wrong = ~np.isfinite(array) | ((array == 0) & (name == "scale"))
    if wrong.any():
        wanted = "finite and not 0" if name == "scale" else "finite"
        raise ValueError(f"{name} must be {wanted}, got {array[wrong][0]}")
    return array if array.ndim else float(array)
