"""Dropout: random noise in training that reduces overfitting.

>>> import numpy as np
>>> Dropout(0.5)
Dropout(drop_prob=0.5)
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pellucid.backend import Array
from pellucid.layers.base import Layer


class Dropout(Layer):
    """Inverted dropout: in training, set each entry to 0 with probability drop_prob.

    Forward:  y = x · m / (1 - drop_prob)    m_ij = 1 with probability 1 - drop_prob, else 0
    Backward: dx = dy · m / (1 - drop_prob)

    Kept entries are scaled up so that E[y] = x; prediction (``train=False``) is the identity. Masks are drawn
    row by row, so they do not depend on how a batch is split into blocks.

    Parameters
    ----------
    drop_prob : float
        Probability that an entry is dropped, in [0, 1).

    Raises
    ------
    ValueError
        If drop_prob is out of range.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014), Dropout: a simple way to prevent neural
    networks from overfitting, sections 4 and 10.

    Examples
    --------
    >>> layer = Dropout(0.5)
    >>> layer.connect(4, dtype=np.dtype("float64"), xp=np)
    >>> layer.fix_mask([1, 0, 1, 1])
    >>> layer.forward(np.ones((1, 4)), train=True)
    array([[2., 0., 2., 2.]])
    """

    draws = True
    mask: Array | None = None
    kept: Array | None = None

    def __init__(self, drop_prob: float) -> None:
        if not 0 <= drop_prob < 1:
            raise ValueError(f"drop_prob must be in [0, 1), got {drop_prob}")
        self.drop_prob = float(drop_prob)

    def fix_mask(self, mask: ArrayLike | None) -> None:
        """Use the same mask in every training pass, or None to draw a new mask each time.

        Parameters
        ----------
        mask : array_like of 0 and 1, or None
            Shape (n_in,), the same for all rows, or (n, n_in).

        Raises
        ------
        ValueError
            If it holds values other than 0 and 1.

        Examples
        --------
        >>> Dropout(0.2).fix_mask([[0, 1], [1, 1]])
        """
        if mask is not None and not np.isin(mask, (0, 1)).all():
            raise ValueError("a dropout mask must hold 0 and 1 only, or be None")
        self.mask = None if mask is None else np.asarray(mask, dtype=bool)

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y = x · m / (1 - drop_prob) in training, else x."""
        y = self.buffer("y", len(x), self.n_out)
        if not train:
            self.kept = None
            y[...] = x
            return y
        self.kept = self.training_mask(len(x))
        self.xp.multiply(x, self.kept, out=y)
        y *= 1 / (1 - self.drop_prob)
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx = dy · m / (1 - drop_prob), or dy after a forward pass without dropout."""
        if self.kept is None:
            return dy
        dy *= self.kept
        dy *= 1 / (1 - self.drop_prob)
        return dy

    def training_mask(self, n_rows: int) -> Array:
        """Return the mask m, shape (n_rows, n_in): the fixed mask if there is one, else a new one."""
        return self._draw_mask(n_rows) if self.mask is None else self._fixed_mask(n_rows)

    def draw_numbers(self, out: Array) -> None:
        """Fill `out` with random numbers from [0, 1), row by row. Entries >= drop_prob are kept.

        The numbers are float32 even in a float64 network: half the cost, and the same masks for both.
        """
        if self.rng is None:
            raise RuntimeError(
                "Dropout has no random generator to train with: pass rng= to Network.build or Network.load"
            )
        self.rng.random(out=out, dtype=np.float32)

    def _fixed_mask(self, n_rows: int) -> Array:
        mask: Array = self.xp.asarray(self.mask)
        if mask.shape not in ((self.n_in,), (n_rows, self.n_in)):
            shapes = f"({self.n_in},) or ({n_rows}, {self.n_in})"
            raise ValueError(f"the fixed dropout mask must have shape {shapes}, got {mask.shape}")
        return mask

    def _draw_mask(self, n_rows: int) -> Array:
        # Always on the CPU, so that both devices get the same masks.
        drawn = self.buffer("drawn", n_rows, self.n_in, dtype=np.float32, xp=np)
        kept = self.buffer("kept", n_rows, self.n_in, dtype=bool, xp=np)
        self.draw_numbers(drawn)
        np.greater_equal(drawn, self.drop_prob, out=kept)
        return self.xp.asarray(kept)  # type: ignore[no-any-return]

    def settings(self) -> dict[str, Any]:
        """Return drop_prob."""
        return {"drop_prob": self.drop_prob}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "kept"}
