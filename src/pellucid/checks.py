"""Checks of arguments that several functions share, such as data, networks and counts.

Each raises an error that names the argument, its value and what is allowed.
"""

from os import PathLike
from typing import Any

import numpy as np

from pellucid.backend import Array, as_array, on_gpu, to_host
from pellucid.files.npy import open_npy
from pellucid.layers import Sigmoid, Softmax
from pellucid.losses import Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy, check_labels
from pellucid.network import Network, blocks

#: Bytes per block in `check_finite`, which reads each block twice: small enough for the processor's cache.
BLOCK_BYTES = 2**19


def check_data(net: Network, x: Any, y: Any, *, what: str = "") -> tuple[Array, Array]:
    """Return x and y as arrays that `net` can be trained on, or raise: `check_form`, and x must be finite."""
    x, y = check_form(net, x, y, what=what)
    check_finite(f"{what}x", x, kept_as(net, x))
    return x, y


def check_form(net: Network, x: Any, y: Any, *, what: str = "") -> tuple[Array, Array]:
    """Return x and y as arrays, or raise. Checks the shape and dtype of x, and y completely.

    `what` is a prefix of the names in messages, such as "validation ".
    """
    x, y = opened("x", x), opened("y", y)
    check_rows(f"{what}x", x, net.n_in)
    if x.dtype.kind in "bui" and not net.layers[0].casts:
        raise ValueError(
            f"{what}x holds {x.dtype}, which is never rescaled silently: begin the network with "
            "pellucid.Rescale(1 / 255), or convert x to floats"
        )
    labels = check_labels(y, len(x), net.n_out)
    check_finite(f"{what}y", y, net.dtype)
    return x, labels.astype(net.dtype, copy=False) if labels.dtype.kind == "f" else labels


def check_rows(name: str, x: Array, n_in: int | None = None) -> None:
    """Raise unless x is a matrix of real numbers with at least one row, and n_in columns if that is given.

    Examples
    --------
    >>> check_rows("x", np.zeros((2, 3)), n_in=4)
    Traceback (most recent call last):
    ...
    ValueError: x must have shape (n, 4) with n >= 1, got (2, 3)
    """
    if x.ndim != 2 or x.size == 0 or n_in not in (None, x.shape[1]):
        raise ValueError(f"{name} must have shape (n, {n_in or 'n_in'}) with n >= 1, got {x.shape}")
    if x.dtype.kind not in "buif":
        raise ValueError(f"{name} must hold real numbers, got dtype {x.dtype}")


def check_finite(name: str, values: Array, dtype: np.dtype[Any], first_row: int = 0) -> None:
    """Raise if a number is NaN, infinite or too large for a dtype. Nothing is copied.

    Parameters
    ----------
    name : str
        Name of the values in the message.
    values : array
    dtype : numpy.dtype
        The dtype that the values will be cast to.
    first_row : int
        Row number of ``values[0]``, if the values are part of a larger array.

    Examples
    --------
    >>> check_finite("x", np.array([[1.0, np.nan]]), np.dtype("float32"), first_row=17)
    Traceback (most recent call last):
    ...
    ValueError: x[17, 1] is nan: data must be finite; leave the row out, or put a number there
    """
    if values.dtype.kind != "f":
        return
    largest = min(np.finfo(dtype).max, np.finfo(values.dtype).max)
    block_rows = None if on_gpu(values) else max(1, BLOCK_BYTES // max(1, values[:1].nbytes))
    for rows in blocks(len(values), block_rows):
        block = values[rows]
        # NaN makes min and max NaN, and comparisons with NaN are false.
        if not (-largest <= to_host(block.min()) and to_host(block.max()) <= largest):
            _refuse(name, to_host(block), largest, dtype, first_row + rows.start)


def _refuse(name: str, block: Array, largest: Any, dtype: np.dtype[Any], first_row: int) -> None:
    """Raise an error that names the first number of a block beyond the limits."""
    row, *column = np.argwhere(~(abs(block) <= largest))[0]
    value, where = float(block[row, *column]), ", ".join(map(str, (first_row + row, *column)))
    wanted = f"at most {largest:.3g}, the largest {dtype}" if np.isfinite(value) else "finite"
    raise ValueError(
        f"{name}[{where}] is {value:g}: data must be {wanted}; leave the row out, or put a number there"
    )


def kept_as(net: Network, x: Array) -> np.dtype[Any]:
    """Return the dtype that x is cast to before the first layer: its own if that layer casts."""
    return x.dtype if net.layers[0].casts else net.dtype


def opened(name: str, values: Any) -> Array:
    """Return values as an array; open the path of an .npy file as a memory map."""
    if not isinstance(values, str | PathLike):
        return as_array(values)
    try:
        return open_npy(values)
    except ValueError as error:
        raise ValueError(f"{name}={str(values)!r} is not a whole .npy file of numbers: {error}") from error


def check_kind(name: str, value: Any, kind: type) -> None:
    """Raise unless a value is an instance of a public class of pellucid."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a pellucid.{kind.__name__}, an instance of it, got {value!r}")


def check_count(name: str, number: Any, *, may_be_none: bool) -> None:
    """Raise unless a number is a whole number >= 1, or None if that is allowed."""
    if number is None and may_be_none:
        return
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {number!r}")


def check_ending(net: Network, loss: Loss) -> None:
    """Raise if the network has too few outputs for the loss, or ends in a Softmax that the loss applies."""
    if isinstance(loss, SoftmaxCrossEntropy) and net.n_out == 1:
        raise ValueError("SoftmaxCrossEntropy needs at least 2 outputs, got 1: use SigmoidCrossEntropy")
    for layer, fused in ((Softmax, SoftmaxCrossEntropy), (Sigmoid, SigmoidCrossEntropy)):
        if isinstance(net.layers[-1], layer) and isinstance(loss, fused):
            raise ValueError(
                f"{fused.__name__} applies the {layer.__name__} itself, and the network ends in one: "
                "leave the last layer out"
            )
