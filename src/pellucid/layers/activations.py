"""Activation functions. Each computes its derivative from its output y, so x need not be kept.

Directly after a `Dense`, an activation overwrites that layer's output (``in_place``), which Dense does not
need again. Elsewhere it writes to its own buffer.

>>> import numpy as np
>>> relu = ReLU()
>>> relu.connect(3, dtype=np.dtype("float64"), xp=np)
>>> relu.forward(np.array([[-1.0, 0.0, 2.0]]), train=False)
array([[0., 0., 2.]])
>>> relu.backward(np.array([[5.0, 5.0, 5.0]]))
array([[0., 0., 5.]])
"""

from typing import Any

import numpy as np

from pellucid.backend import Array
from pellucid.layers.base import Layer


class Activation(Layer):
    """Base class of layers that keep their output ``y`` for the backward pass."""

    y: Array

    def output(self, x: Array) -> Array:
        """Return the array for y: x itself directly after Dense, else the layer's buffer."""
        self.y = x if self.in_place else self.buffer("y", len(x), self.n_out)
        return self.y

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "y"}


class Identity(Activation):
    """Identity function.

    Forward:  y = x
    Backward: dx = dy

    Examples
    --------
    >>> Identity()
    Identity()
    """

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y = x."""
        y = self.output(x)
        if y is not x:
            y[...] = x
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx = dy."""
        return dy


class ReLU(Activation):
    """Rectified linear unit.

    Forward:  y = max(x, 0)
    Backward: dx = dy · [y > 0]     y > 0 exactly where x > 0; at x = 0 the derivative is taken to be 0

    References
    ----------
    Nair, Hinton (2010), Rectified linear units improve restricted Boltzmann machines.

    Examples
    --------
    >>> ReLU()
    ReLU()
    """

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y = max(x, 0)."""
        return self.xp.maximum(x, 0, out=self.output(x))  # type: ignore[no-any-return]

    def backward(self, dy: Array) -> Array:
        """Return dx = dy if y > 0, else 0."""
        positive = self.buffer("positive", len(dy), self.n_out, dtype=bool)
        dy *= self.xp.greater(self.y, 0, out=positive)
        return dy


class LeakyReLU(Activation):
    """Leaky rectified linear unit: small slope for negative inputs.

    Forward:  y = x if x > 0, else slope · x
    Backward: dx = dy if y > 0, else slope · dy      y has the sign of x, since slope > 0

    Parameters
    ----------
    slope : float
        In (0, 1).

    Raises
    ------
    ValueError
        If slope is out of range.

    References
    ----------
    Maas, Hannun, Ng (2013), Rectifier nonlinearities improve neural network acoustic models.

    Examples
    --------
    >>> LeakyReLU()
    LeakyReLU(slope=0.01)
    """

    def __init__(self, slope: float = 0.01) -> None:
        if not 0 < slope < 1:
            raise ValueError(f"slope must be in (0, 1), got {slope}; a slope of 0 is ReLU, of 1 Identity")
        self.slope = float(slope)

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y = max(x, slope · x), which is the definition above since slope < 1."""
        scaled = self.buffer("scaled", len(x), self.n_out)
        self.xp.multiply(x, self.slope, out=scaled)
        return self.xp.maximum(x, scaled, out=self.output(x))  # type: ignore[no-any-return]

    def backward(self, dy: Array) -> Array:
        """Return dx = dy if y > 0, else slope · dy."""
        derivative = self.buffer("scaled", len(dy), self.n_out)
        self.xp.greater(self.y, 0, out=derivative)
        self.xp.maximum(derivative, self.slope, out=derivative)
        dy *= derivative
        return dy

    def settings(self) -> dict[str, Any]:
        """Return the slope."""
        return {"slope": self.slope}


class Tanh(Activation):
    """Hyperbolic tangent.

    Forward:  y = tanh(x)
    Backward: dx = dy · (1 - y²)

    Examples
    --------
    >>> Tanh()
    Tanh()
    """

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y = tanh(x)."""
        return self.xp.tanh(x, out=self.output(x))  # type: ignore[no-any-return]

    def backward(self, dy: Array) -> Array:
        """Return dx = dy · (1 - y²), overwriting y with the derivative."""
        y = self.y
        y *= y
        self.xp.subtract(1, y, out=y)
        dy *= y
        return dy


class Sigmoid(Activation):
    """Logistic function.

    Forward:  y = 1 / (1 + exp(-x))
    Backward: dx = dy · y (1 - y)

    Examples
    --------
    >>> Sigmoid()
    Sigmoid()
    """

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y = 1 / (1 + exp(-x))."""
        y = self.output(x)
        self.xp.negative(x, out=y)
        # Beyond the limit exp would overflow; there y is 0 to working precision.
        self.xp.minimum(y, LARGEST_EXPONENT[self.dtype.char], out=y)
        self.xp.exp(y, out=y)
        y += 1
        return self.xp.reciprocal(y, out=y)  # type: ignore[no-any-return]

    def backward(self, dy: Array) -> Array:
        """Return dx = dy · y (1 - y), overwriting y with the derivative."""
        rest = self.buffer("rest", len(dy), self.n_out)
        self.xp.subtract(1, self.y, out=rest)
        self.y *= rest
        dy *= self.y
        return dy


class Softmax(Activation):
    """Softmax over the columns: each row becomes a probability distribution.

    Forward:  y_j = exp(x_j) / Σ_k exp(x_k)
    Backward: dx_j = Σ_k dy_k ∂y_k/∂x_j = y_j (dy_j - Σ_k dy_k y_k)
              since ∂y_k/∂x_j = y_k ([j = k] - y_j), the full Jacobian

    Correct with any loss. With cross-entropy, leave this layer out and use `SoftmaxCrossEntropy`, which is
    faster and exact for any logits.

    References
    ----------
    Bridle (1990), Probabilistic interpretation of feedforward classification network outputs.

    Examples
    --------
    >>> Softmax()
    Softmax()
    """

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y = exp(x - max x) / Σ exp(x - max x): equal to the definition, and never overflows."""
        y = self.output(x)
        self.xp.subtract(x, x.max(axis=1, keepdims=True), out=y)
        self.xp.exp(y, out=y)
        y /= y.sum(axis=1, keepdims=True)
        return y

    def backward(self, dy: Array) -> Array:
        """Return dx = y (dy - Σ dy y)."""
        product = self.xp.multiply(dy, self.y, out=self.buffer("product", len(dy), self.n_out))
        dy -= product.sum(axis=1, keepdims=True)
        dy *= self.y
        return dy


#: The largest x whose exp(x) is finite, by dtype character.
LARGEST_EXPONENT = {
    dtype.char: dtype.type(np.floor(np.log(np.finfo(dtype).max)))
    for dtype in (np.dtype(np.float32), np.dtype(np.float64))
}
