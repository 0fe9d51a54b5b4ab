"""The slips that people make in a gradient, as a table: in which class, and what is done instead.

``wrong(right, layer, dy)`` does what `backward` should do, ``wrong(right, loss, outputs, labels)`` what
`value_and_grad` should; ``right`` is the method as it stands in the class.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import pellucid as pl


@dataclass(frozen=True)
class Slip:
    """One way to get a gradient wrong.

    Attributes
    ----------
    cls : type
        A layer or a loss.
    what : str
    wrong : callable
    gradient : str
        Which gradient is wrong: ``"dx"`` and ``"dW"`` of layers, ``"dy"`` of losses.
    """

    cls: type
    what: str
    wrong: Callable[..., Any]
    gradient: str = "dx"

    @property
    def method(self) -> str:
        """The method that is exchanged."""
        return "value_and_grad" if issubclass(self.cls, pl.Loss) else "backward"

    def __str__(self) -> str:
        return f"{self.cls.__name__}: {self.what}"


def dw_of(product: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Return a backward of Dense whose dW is another product of x and dy."""

    def wrong(right: Callable[..., Any], layer: Any, dy: Any) -> Any:
        dx = right(layer, dy)
        layer.dW[...] = product(layer.x, dy)
        return dx

    return wrong


def db_of(total: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a backward of Dense whose db is another function of dy."""

    def wrong(right: Callable[..., Any], layer: Any, dy: Any) -> Any:
        dx = right(layer, dy)
        layer.db[...] = total(dy)
        return dx

    return wrong


def dx_by_w(right: Callable[..., Any], layer: Any, dy: Any) -> Any:
    """Return dy W, not dy Wᵀ, which has the same shape where W is square."""
    right(layer, dy)
    return dy @ layer.W


def sigmoid_of_x(right: Callable[..., Any], layer: Any, dy: Any) -> Any:
    """Return dy x (1 - x): y's formula with x in it."""
    x = np.log(layer.y / (1 - layer.y))
    return dy * x * (1 - x)


def of_grad(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a value_and_grad whose gradient is changed: change(dy, loss, outputs, labels)."""

    def wrong(right: Callable[..., Any], loss: Any, outputs: Any, labels: Any) -> Any:
        value, dy = right(loss, outputs, labels)
        return value, change(dy.copy(), loss, outputs, labels)

    return wrong


def unsmoothed(dy: Any, loss: Any, outputs: Any, labels: Any) -> Any:
    """Return the gradient without label smoothing."""
    return type(loss)().value_and_grad(outputs, labels)[1]


def rolled(dy: Any, loss: Any, outputs: Any, labels: Any) -> Any:
    """Return the gradient for the labels of the next row."""
    targets = np.eye(outputs.shape[1])
    return dy + ((targets[labels] - targets[np.roll(labels, 1)]) * (1 - loss.label_smoothing)) / len(labels)


def minus(right: Callable[..., Any], layer: Any, dy: Any) -> Any:
    """Return dx with the wrong sign."""
    return -right(layer, dy)


def unchanged(right: Callable[..., Any], layer: Any, dy: Any) -> Any:
    """Return dy as if the layer were not there."""
    return dy


def nothing(right: Callable[..., Any], layer: Any, dy: Any) -> Any:
    """Return no gradient at all."""
    return np.zeros_like(dy)


def targetless(dy: Any, loss: Any, outputs: Any, labels: Any) -> Any:
    """Return the gradient as if all targets were 0."""
    return dy + loss.targets(outputs, labels) / len(outputs)


def linear(dy: Any, loss: Any, outputs: Any, labels: Any) -> Any:
    """Return z - t."""
    return (outputs - loss.targets(outputs, labels)) / len(outputs)


def _for_every_loss(cls: type[pl.Loss]) -> tuple[Slip, ...]:
    return (
        Slip(cls, "the wrong sign", of_grad(lambda dy, *_: -dy), "dy"),
        Slip(cls, "not divided by the rows", of_grad(lambda dy, *_: dy * len(dy)), "dy"),
        Slip(cls, "divided by the outputs too", of_grad(lambda dy, *_: dy / dy.shape[1]), "dy"),
        Slip(cls, "label smoothing in the value alone", of_grad(unsmoothed), "dy"),
        Slip(cls, "the targets of another row", of_grad(rolled), "dy"),
        Slip(cls, "the targets left out", of_grad(targetless), "dy"),
    )


SLIPS = (
    Slip(pl.Dense, "dW with the wrong sign", dw_of(lambda x, dy: -x.T @ dy), "dW"),
    Slip(pl.Dense, "dW averaged over rows twice", dw_of(lambda x, dy: x.T @ dy / len(x)), "dW"),
    Slip(pl.Dense, "dW transposed", dw_of(lambda x, dy: dy.T @ x), "dW"),
    Slip(pl.Dense, "dW by another row's x", dw_of(lambda x, dy: np.roll(x, 1, axis=0).T @ dy), "dW"),
    Slip(pl.Dense, "dW without the last row", dw_of(lambda x, dy: x[:-1].T @ dy[:-1]), "dW"),
    Slip(pl.Dense, "dW by the signs of x", dw_of(lambda x, dy: np.sign(x).T @ dy), "dW"),
    Slip(pl.Dense, "db with the wrong sign", db_of(lambda dy: -dy.sum(axis=0)), "db"),
    Slip(pl.Dense, "db left out", db_of(lambda dy: 0), "db"),
    Slip(pl.Dense, "db averaged, not summed, over rows", db_of(lambda dy: dy.mean(axis=0)), "db"),
    Slip(pl.Dense, "dx with the wrong sign", minus),
    Slip(pl.Dense, "dx by W, not its transpose", dx_by_w),
    Slip(pl.Dropout, "the wrong sign", minus),
    Slip(pl.Dropout, "the scale left out", lambda right, layer, dy: right(layer, dy) * (1 - layer.drop_prob)),
    Slip(pl.Dropout, "the scale twice", lambda right, layer, dy: right(layer, dy) / (1 - layer.drop_prob)),
    Slip(pl.Dropout, "the mask left out", lambda right, layer, dy: dy / (1 - layer.drop_prob)),
    Slip(
        pl.Dropout, "the mask turned round", lambda right, layer, dy: dy * ~layer.kept / (1 - layer.drop_prob)
    ),
    Slip(pl.Identity, "the wrong sign", minus),
    Slip(pl.Identity, "no gradient", nothing),
    Slip(pl.Identity, "twice the gradient", lambda right, layer, dy: 2 * dy),
    Slip(pl.LeakyReLU, "the wrong sign", minus),
    Slip(pl.LeakyReLU, "the derivative left out", unchanged),
    Slip(pl.LeakyReLU, "the slope left out", lambda right, layer, dy: dy * (layer.y > 0)),
    Slip(
        pl.LeakyReLU,
        "the slope on the other side",
        lambda right, layer, dy: dy * np.where(layer.y > 0, layer.slope, 1),
    ),
    Slip(pl.ReLU, "the wrong sign", minus),
    Slip(pl.ReLU, "the derivative left out", unchanged),
    Slip(pl.ReLU, "the other side of the kink", lambda right, layer, dy: dy * (layer.y <= 0)),
    Slip(pl.ReLU, "y for its derivative", lambda right, layer, dy: dy * layer.y),
    Slip(pl.ReLU, "the sign of dy, not of y", lambda right, layer, dy: dy * (dy > 0)),
    Slip(pl.Rescale, "the wrong sign", minus),
    Slip(pl.Rescale, "the scale left out", unchanged),
    Slip(pl.Rescale, "divided by the scale", lambda right, layer, dy: dy / layer.scale),
    Slip(pl.Rescale, "shifted too", lambda right, layer, dy: right(layer, dy) + layer.shift),
    Slip(pl.Sigmoid, "the wrong sign", minus),
    Slip(pl.Sigmoid, "the derivative left out", unchanged),
    Slip(pl.Sigmoid, "y for its derivative", lambda right, layer, dy: dy * layer.y),
    Slip(pl.Sigmoid, "x (1 - x), not y (1 - y)", sigmoid_of_x),
    Slip(pl.Softmax, "the wrong sign", minus),
    Slip(pl.Softmax, "the sum left out", lambda right, layer, dy: dy * layer.y),
    Slip(pl.Softmax, "the diagonal alone", lambda right, layer, dy: dy * layer.y * (1 - layer.y)),
    Slip(
        pl.Softmax,
        "the sum over rows",
        lambda right, layer, dy: layer.y * (dy - (dy * layer.y).sum(axis=0)),
    ),
    Slip(pl.Tanh, "the wrong sign", minus),
    Slip(pl.Tanh, "the derivative left out", unchanged),
    Slip(pl.Tanh, "1 - y, not 1 - y²", lambda right, layer, dy: dy * (1 - layer.y)),
    Slip(pl.Tanh, "1 - x², not 1 - y²", lambda right, layer, dy: dy * (1 - np.arctanh(layer.y) ** 2)),
    *_for_every_loss(pl.SoftmaxCrossEntropy),
    *_for_every_loss(pl.SigmoidCrossEntropy),
    Slip(pl.SigmoidCrossEntropy, "z - t, not σ(z) - t", of_grad(linear), "dy"),
    *_for_every_loss(pl.MeanSquaredError),
    Slip(pl.MeanSquaredError, "the 2 of the square kept", of_grad(lambda dy, *_: 2 * dy), "dy"),
)
