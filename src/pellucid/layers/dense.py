"""The fully connected layer, y = x W + b.

>>> import numpy as np, pellucid as pl
>>> net = pl.Network([pl.Dense(2)]).build(n_in=3, rng=np.random.default_rng(0))
>>> net.layers[0].W.shape, net.layers[0].b.shape
((3, 2), (2,))
"""

from typing import Any

import numpy as np

from pellucid.backend import Array
from pellucid.initializers import Initializer, glorot_uniform, initializer_name, zeros
from pellucid.layers.base import Layer


class Dense(Layer):
    """Fully connected layer.

    Forward:  y = x W + b       x (n, n_in), W (n_in, n_out), b (n_out,), y (n, n_out)

    Backward: dW = xᵀ dy        since ∂y_ij/∂W_kj = x_ik
              db = Σ_rows dy    since ∂y_ij/∂b_j = 1
              dx = dy Wᵀ        since ∂y_ij/∂x_ik = W_kj

    Parameters
    ----------
    n_out : int
        Number of units, at least 1.
    init, bias_init : callable
        Initializers of ``W`` and ``b``, functions ``f(rng, shape, n_in, n_out) -> array``.

    Attributes
    ----------
    W, b, dW, db : array
        Views of the network's ``theta`` and ``grad``.

    Raises
    ------
    ValueError
        If n_out is not a whole number >= 1.
    TypeError
        If an initializer is not callable.

    Notes
    -----
    The forward pass takes 2 n n_in n_out floating-point operations, the backward pass twice as many. The
    first layer with parameters does not compute dx, the gradient of the data.

    References
    ----------
    Rumelhart, Hinton, Williams (1986), Learning representations by back-propagating errors,
    equations 1 and 6-7.

    Examples
    --------
    >>> Dense(10)
    Dense(10)
    """

    #: False in the first layer with parameters, where dx is not needed.
    needs_dx = True
    W: Array
    b: Array
    dW: Array  # noqa: N815 - d is the gradient of the loss
    db: Array

    def __init__(
        self, n_out: int, *, init: Initializer = glorot_uniform, bias_init: Initializer = zeros
    ) -> None:
        if isinstance(n_out, bool) or not isinstance(n_out, int | np.integer) or n_out < 1:
            raise ValueError(f"n_out must be a whole number >= 1, got {n_out!r}")
        for name, function in (("init", init), ("bias_init", bias_init)):
            if not callable(function):
                raise TypeError(f"{name} must be a function such as pellucid.he_normal, got {function!r}")
        self.n_units = int(n_out)
        self.init, self.bias_init = init, bias_init

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y = x W + b."""
        self.x = x
        y = self.buffer("y", len(x), self.n_out)
        self.xp.matmul(x, self.W, out=y)
        y += self.b
        return y

    def backward(self, dy: Array) -> Array | None:
        """Fill dW and db, return dx."""
        self.xp.matmul(self.x.T, dy, out=self.dW)
        self.xp.matmul(self._ones(len(dy)), dy, out=self.db)
        if not self.needs_dx:
            return None
        dx = self.buffer("dx", len(dy), self.n_in)
        return self.xp.matmul(dy, self.W.T, out=dx)  # type: ignore[no-any-return]

    def _ones(self, n_rows: int) -> Array:
        """Return a vector of ones: its product with dy is db, several times faster than sum(axis=0)."""
        return self.scratch.array("ones", (n_rows,), self.dtype, self.xp, self.xp.ones)

    def width(self, n_in: int) -> int:
        """Return the number of units."""
        return self.n_units

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of W and b."""
        return {"W": (self.n_in, self.n_out), "b": (self.n_out,)}

    def draw(self, rng: np.random.Generator) -> None:
        """Draw W, then b, in float64 on the CPU, and cast them to the network's dtype."""
        for name, init in (("W", self.init), ("b", self.bias_init)):
            parameter = getattr(self, name)
            values = np.asarray(init(rng, parameter.shape, self.n_in, self.n_out))
            if values.shape != parameter.shape:
                raise ValueError(
                    f"the initializer {initializer_name(init)} must return shape {parameter.shape} "
                    f"for {name}, got {values.shape}"
                )
            parameter[...] = self.xp.asarray(values)

    def settings(self) -> dict[str, Any]:
        """Return the number of units; a saved network no longer needs the initializers."""
        return {"n_out": self.n_units}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "x"}

    def __repr__(self) -> str:
        init = "" if self.init is glorot_uniform else f", init={initializer_name(self.init)}"
        bias = "" if self.bias_init is zeros else f", bias_init={initializer_name(self.bias_init)}"
        return f"Dense({self.n_units}{init}{bias})"
