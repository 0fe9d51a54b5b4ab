"""What `train` is given: arguments checked once, before anything is trained.

Errors name the argument, its value and what it may be.
"""

from os import PathLike
from typing import Any

import numpy as np

from pellucid.backend import Array, as_array
from pellucid.layers import Sigmoid, Softmax
from pellucid.losses import Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy, check_labels
from pellucid.network import Network
from pellucid.npy import open_npy


def check_data(net: Network, x: Any, y: Any, *, what: str = "") -> tuple[Array, Array]:
    """Return x and y ready to train on, or raise: shapes, dtypes and class numbers, once for all batches."""
    x, y = _opened("x", x), _opened("y", y)
    if x.ndim != 2 or x.shape[1] != net.n_in or len(x) == 0:
        raise ValueError(f"{what}x must have shape (n, {net.n_in}) with n >= 1, got {x.shape}")
    if x.dtype.kind in "bui" and not net.layers[0].casts:
        raise ValueError(
            f"{what}x holds {x.dtype}, which is never rescaled silently: begin the network with "
            "pellucid.Rescale(1 / 255), or convert x to floats"
        )
    if x.dtype.kind not in "buif":
        raise ValueError(f"{what}x must hold real numbers, got dtype {x.dtype}")
    y = check_labels(y, len(x), net.n_out)
    return x, y.astype(net.dtype, copy=False) if y.dtype.kind == "f" else y


def _opened(name: str, values: Any) -> Array:
    """Return values as an array; the path of an .npy file becomes a memory map of it."""
    if not isinstance(values, str | PathLike):
        return as_array(values)
    try:
        return open_npy(values)
    except ValueError as error:
        raise ValueError(f"{name}={str(values)!r} is not a whole .npy file of numbers: {error}") from error


def check_kind(name: str, value: Any, kind: type) -> None:
    """Raise unless a value is an instance of one of pellucid's classes."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a pellucid.{kind.__name__}, an instance of it, got {value!r}")


def check_count(name: str, number: Any, *, may_be_none: bool) -> None:
    """Raise unless a number is whole and at least 1, or None where that is allowed."""
    if number is None and may_be_none:
        return
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {number!r}")


def check_ending(net: Network, loss: Loss) -> None:
    """Raise where the last layer does not fit the loss, or applies what the fused loss applies too."""
    if isinstance(loss, SoftmaxCrossEntropy) and net.n_out == 1:
        raise ValueError("SoftmaxCrossEntropy needs at least 2 outputs, got 1: use SigmoidCrossEntropy")
    for layer, fused in ((Softmax, SoftmaxCrossEntropy), (Sigmoid, SigmoidCrossEntropy)):
        if isinstance(net.layers[-1], layer) and isinstance(loss, fused):
            raise ValueError(
                f"{fused.__name__} applies the {layer.__name__} itself, and the network ends in one: "
                "leave the last layer out"
            )
