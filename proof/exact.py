"""Losses and activations by their definitions, in decimal numbers of 60 digits.

The formulas are the definitions, not the library's numerically stable forms. Decimals hold the given floats
exactly.

>>> value, gradient = softmax_cross_entropy([[Decimal(0), Decimal(0)]], [[Decimal(1), Decimal(0)]])
>>> round(value, 10), [float(each) for each in gradient[0]]
(Decimal('0.6931471806'), [-0.5, 0.5])
"""

from collections.abc import Iterable, Sequence
from decimal import Context, Decimal, localcontext
from functools import wraps
from typing import Any, TypeAlias

Rows: TypeAlias = Sequence[Sequence[Decimal]]
DIGITS = Context(prec=60, Emin=-999_999, Emax=999_999)
ONE = Decimal(1)


def exactly(function: Any) -> Any:
    """Make a function compute with 60 digits."""

    @wraps(function)
    def with_digits(*arguments: Any) -> Any:
        with localcontext(DIGITS):
            return function(*arguments)

    return with_digits


def decimals(rows: Iterable[Iterable[float]]) -> list[list[Decimal]]:
    """Return rows of floats as exact decimals."""
    return [[Decimal(float(each)) for each in row] for row in rows]


@exactly
def targets_of(labels: Sequence[Any], n_outputs: int, share: float) -> list[list[Decimal]]:
    """Return targets from class numbers or rows of targets, smoothed by a share spread over the classes."""
    n_classes, share = max(n_outputs, 2), Decimal(share)
    rows = [_one_hot(label, n_outputs) if isinstance(label, int) else label for label in labels]
    return [[(1 - share) * Decimal(float(t)) + share / n_classes for t in row] for row in rows]


def _one_hot(label: int, n_outputs: int) -> list[int]:
    return [label] if n_outputs == 1 else [int(k == label) for k in range(n_outputs)]


@exactly
def softmax(z: Sequence[Decimal]) -> list[Decimal]:
    """Return exp(z_j) / Σ exp(z_k)."""
    powers = [each.exp() for each in z]
    return [power / sum(powers) for power in powers]


@exactly
def sigmoid(z: Decimal) -> Decimal:
    """Return 1 / (1 + exp(-z))."""
    return ONE / (ONE + (-z).exp())


@exactly
def softmax_cross_entropy(z: Rows, t: Rows) -> tuple[Decimal, Rows]:
    """Return the mean of -Σ t log softmax(z), and its gradient."""
    shares = [softmax(row) for row in z]
    value = -sum(b * a.ln() for p, u in zip(shares, t, strict=True) for a, b in zip(p, u, strict=True))
    gradient = [[sum(u) * a - b for a, b in zip(p, u, strict=True)] for p, u in zip(shares, t, strict=True)]
    return _mean(value, gradient)


@exactly
def sigmoid_cross_entropy(z: Rows, t: Rows) -> tuple[Decimal, Rows]:
    """Return the mean of Σ -t log σ(z) - (1 - t) log σ(-z), and its gradient."""
    value = -sum(
        b * sigmoid(a).ln() + (ONE - b) * sigmoid(-a).ln()
        for row, u in zip(z, t, strict=True)
        for a, b in zip(row, u, strict=True)
    )
    gradient = [[sigmoid(a) - b for a, b in zip(row, u, strict=True)] for row, u in zip(z, t, strict=True)]
    return _mean(value, gradient)


@exactly
def mean_squared_error(z: Rows, t: Rows) -> tuple[Decimal, Rows]:
    """Return the mean of Σ (z - t)² / 2, and its gradient."""
    gradient = [[a - b for a, b in zip(row, u, strict=True)] for row, u in zip(z, t, strict=True)]
    return _mean(sum(a * a for row in gradient for a in row) / 2, gradient)


def _mean(value: Decimal | int, gradient: Rows) -> tuple[Decimal, Rows]:
    n = len(gradient)
    return Decimal(value) / n, [[each / n for each in row] for row in gradient]
