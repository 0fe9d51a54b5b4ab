"""Typical errors in gradients, as a table: the class and a wrong version of its method.

``wrong(right, layer, dy)`` replaces `backward` of a layer, ``wrong(right, loss, outputs, labels)`` replaces
`value_and_grad` of a loss. ``right`` is the correct method.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import pellucid as pl


@dataclass(frozen=True)
class GradientSlip:
    """One way to get a gradient wrong."""

    #: A layer or a loss.
    cls: type
    what: str
    wrong: Callable[..., Any]
    #: The wrong gradient: ``"dx"``, ``"dW"`` or ``"db"`` of a layer, ``"dy"`` of a loss.
    gradient: str = "dx"

    @property
    def method(self) -> str:
        """Name of the method that is replaced."""
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
    """Return dy W instead of dy Wᵀ; the shapes agree if W is square."""
    right(layer, dy)
    return dy @ layer.W


def sigmoid_of_x(right: Callable[..., Any], layer: Any, dy: Any) -> Any:
    """Return dy x (1 - x) instead of dy y (1 - y)."""
    x = np.log(layer.y / (1 - layer.y))
    return dy * x * (1 - x)


def of_grad(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a value_and_grad whose gradient is `change(dy, loss, outputs, labels)`."""

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
    """Return dy unchanged."""
    return dy


def nothing(right: Callable[..., Any], layer: Any, dy: Any) -> Any:
    """Return zeros."""
    return np.zeros_like(dy)


def targetless(dy: Any, loss: Any, outputs: Any, labels: Any) -> Any:
    """Return the gradient for targets of 0."""
    return dy + loss.targets(outputs, labels) / len(outputs)


def linear(dy: Any, loss: Any, outputs: Any, labels: Any) -> Any:
    """Return z - t."""
    return (outputs - loss.targets(outputs, labels)) / len(outputs)


def _for_every_loss(cls: type[pl.Loss]) -> tuple[GradientSlip, ...]:
    return (
        GradientSlip(cls, "the wrong sign", of_grad(lambda dy, *_: -dy), "dy"),
        GradientSlip(cls, "not divided by the rows", of_grad(lambda dy, *_: dy * len(dy)), "dy"),
        GradientSlip(cls, "divided by the outputs too", of_grad(lambda dy, *_: dy / dy.shape[1]), "dy"),
        GradientSlip(cls, "label smoothing in the value alone", of_grad(unsmoothed), "dy"),
        GradientSlip(cls, "the targets of another row", of_grad(rolled), "dy"),
        GradientSlip(cls, "the targets left out", of_grad(targetless), "dy"),
    )


SLIPS = (
    GradientSlip(pl.Dense, "dW with the wrong sign", dw_of(lambda x, dy: -x.T @ dy), "dW"),
    GradientSlip(pl.Dense, "dW averaged over rows twice", dw_of(lambda x, dy: x.T @ dy / len(x)), "dW"),
    GradientSlip(pl.Dense, "dW transposed", dw_of(lambda x, dy: dy.T @ x), "dW"),
    GradientSlip(pl.Dense, "dW by another row's x", dw_of(lambda x, dy: np.roll(x, 1, axis=0).T @ dy), "dW"),
    GradientSlip(pl.Dense, "dW without the last row", dw_of(lambda x, dy: x[:-1].T @ dy[:-1]), "dW"),
    GradientSlip(pl.Dense, "dW by the signs of x", dw_of(lambda x, dy: np.sign(x).T @ dy), "dW"),
    GradientSlip(pl.Dense, "db with the wrong sign", db_of(lambda dy: -dy.sum(axis=0)), "db"),
    GradientSlip(pl.Dense, "db left out", db_of(lambda dy: 0), "db"),
    GradientSlip(pl.Dense, "db averaged, not summed, over rows", db_of(lambda dy: dy.mean(axis=0)), "db"),
    GradientSlip(pl.Dense, "dx with the wrong sign", minus),
    GradientSlip(pl.Dense, "dx by W, not its transpose", dx_by_w),
    GradientSlip(pl.Dropout, "the wrong sign", minus),
    GradientSlip(
        pl.Dropout, "the scale left out", lambda right, layer, dy: right(layer, dy) * (1 - layer.drop_prob)
    ),
    GradientSlip(
        pl.Dropout, "the scale twice", lambda right, layer, dy: right(layer, dy) / (1 - layer.drop_prob)
    ),
    GradientSlip(pl.Dropout, "the mask left out", lambda right, layer, dy: dy / (1 - layer.drop_prob)),
    GradientSlip(
        pl.Dropout, "the mask turned round", lambda right, layer, dy: dy * ~layer.kept / (1 - layer.drop_prob)
    ),
    GradientSlip(pl.Identity, "the wrong sign", minus),
    GradientSlip(pl.Identity, "no gradient", nothing),
    GradientSlip(pl.Identity, "twice the gradient", lambda right, layer, dy: 2 * dy),
    GradientSlip(pl.LeakyReLU, "the wrong sign", minus),
    GradientSlip(pl.LeakyReLU, "the derivative left out", unchanged),
    GradientSlip(pl.LeakyReLU, "the slope left out", lambda right, layer, dy: dy * (layer.y > 0)),
    GradientSlip(
        pl.LeakyReLU,
        "the slope on the other side",
        lambda right, layer, dy: dy * np.where(layer.y > 0, layer.slope, 1),
    ),
    GradientSlip(pl.ReLU, "the wrong sign", minus),
    GradientSlip(pl.ReLU, "the derivative left out", unchanged),
    GradientSlip(pl.ReLU, "the other side of the kink", lambda right, layer, dy: dy * (layer.y <= 0)),
    GradientSlip(pl.ReLU, "y for its derivative", lambda right, layer, dy: dy * layer.y),
    GradientSlip(pl.ReLU, "the sign of dy, not of y", lambda right, layer, dy: dy * (dy > 0)),
    GradientSlip(pl.Rescale, "the wrong sign", minus),
    GradientSlip(pl.Rescale, "the scale left out", unchanged),
    GradientSlip(pl.Rescale, "divided by the scale", lambda right, layer, dy: dy / layer.scale),
    GradientSlip(pl.Rescale, "shifted too", lambda right, layer, dy: right(layer, dy) + layer.shift),
    GradientSlip(pl.Sigmoid, "the wrong sign", minus),
    GradientSlip(pl.Sigmoid, "the derivative left out", unchanged),
    GradientSlip(pl.Sigmoid, "y for its derivative", lambda right, layer, dy: dy * layer.y),
    GradientSlip(pl.Sigmoid, "x (1 - x), not y (1 - y)", sigmoid_of_x),
    GradientSlip(pl.Softmax, "the wrong sign", minus),
    GradientSlip(pl.Softmax, "the sum left out", lambda right, layer, dy: dy * layer.y),
    GradientSlip(pl.Softmax, "the diagonal alone", lambda right, layer, dy: dy * layer.y * (1 - layer.y)),
    GradientSlip(
        pl.Softmax,
        "the sum over rows",
        lambda right, layer, dy: layer.y * (dy - (dy * layer.y).sum(axis=0)),
    ),
    GradientSlip(pl.Tanh, "the wrong sign", minus),
    GradientSlip(pl.Tanh, "the derivative left out", unchanged),
    GradientSlip(pl.Tanh, "1 - y, not 1 - y²", lambda right, layer, dy: dy * (1 - layer.y)),
    GradientSlip(pl.Tanh, "1 - x², not 1 - y²", lambda right, layer, dy: dy * (1 - np.arctanh(layer.y) ** 2)),
    *_for_every_loss(pl.SoftmaxCrossEntropy),
    *_for_every_loss(pl.SigmoidCrossEntropy),
    GradientSlip(pl.SigmoidCrossEntropy, "z - t, not σ(z) - t", of_grad(linear), "dy"),
    *_for_every_loss(pl.MeanSquaredError),
    GradientSlip(pl.MeanSquaredError, "the 2 of the square kept", of_grad(lambda dy, *_: 2 * dy), "dy"),
)
