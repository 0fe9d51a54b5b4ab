"""The first layer for raw data: pixels stay uint8 in memory until their block is used.

>>> Rescale(1 / 255)
Rescale(scale=0.00392156862745098)
"""

from typing import Any

import numpy as np

from pellucid.backend import Array
from pellucid.layers.base import Layer


class Rescale(Layer):
    """Multiply by a constant and convert to the network's dtype.

    Forward:  y = scale · x
    Backward: dx = scale · dy

    Takes input of any real dtype, so a network that begins with it trains on integers; it is saved with
    the model, which therefore predicts on raw data too.

    Parameters
    ----------
    scale : float
        Finite and not 0.

    Examples
    --------
    >>> layer = Rescale(0.5)
    >>> layer.connect(2, dtype=np.dtype("float32"), xp=np)
    >>> layer.forward(np.array([[2, 255]], dtype=np.uint8), train=False)
    array([[  1. , 127.5]], dtype=float32)
    """

    casts = True

    def __init__(self, scale: float) -> None:
        if not np.isfinite(scale) or scale == 0:
            raise ValueError(f"scale must be finite and not 0, got {scale}")
        self.scale = float(scale)

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y = scale · x."""
        y = self.buffer("y", len(x), self.n_out)
        return self.xp.multiply(x, self.dtype.type(self.scale), out=y)  # type: ignore[no-any-return]

    def backward(self, dy: Array) -> Array:
        """Return dx = scale · dy."""
        dy *= self.scale
        return dy

    def settings(self) -> dict[str, Any]:
        """Return the scale."""
        return {"scale": self.scale}
