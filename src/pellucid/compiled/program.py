"""Which training runs can be compiled, and when that pays. Nothing here imports Numba.

A network can be compiled if it is ``[Rescale,] Dense [, activation] [, Dropout], …, Dense [, activation]``
with any activation but Softmax. Loss and optimizer must be pellucid's own, and the labels class numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np

from pellucid import layers, losses, optimizers
from pellucid.backend import Array
from pellucid.layers import Dense, Dropout, Layer, Rescale
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import Optimizer

ACTIVATIONS: tuple[type[Layer], ...] = (
    layers.Identity,
    layers.ReLU,
    layers.LeakyReLU,
    layers.Sigmoid,
    layers.Tanh,
)
LOSSES: tuple[type[Loss], ...] = (
    losses.SoftmaxCrossEntropy,
    losses.SigmoidCrossEntropy,
    losses.MeanSquaredError,
)
OPTIMIZERS: tuple[type[Optimizer], ...] = (optimizers.SGD, optimizers.Adam)
#: The packages of the extra ``fast``. SciPy provides the BLAS that Numba calls.
NEEDED = ("numba", "scipy", "threadpoolctl")
#: The packages that deterministic training needs, compiled or not.
THREADS_NEEDED = ("scipy", "threadpoolctl")
#: Shares of a batch in deterministic training, whatever the number of threads.
FIXED_SHARES = 4
#: Seconds that compiled code saves per step, per row, per weight and step, and, where it skips zeros, per
#: weight of the first layer and row.
A_STEP, A_ROW, A_WEIGHT, A_PRODUCT = 30e-6, 0.6e-6, 0.5e-9, 15e-12
#: The fewest outputs of a first layer for which skipping zeros pays.
WIDE = 17
#: Compiled code must save this many seconds. Importing Numba takes half a second, the first
#: compilation several.
COST = 2.0
#: Columns in a group. A sparse product skips a group in the rows where all its columns are zero.
GROUP = 4
#: The largest share of nonzero groups for which sparse products pay.
MAX_GROUPS = 0.5
#: Number of rows in which nonzero groups are counted.
SAMPLE = 64


@dataclass(frozen=True)
class FusedLayer:
    """A Dense with the activation and the dropout that follow it, computed together."""

    dense: Dense
    activation: Layer | None = None
    dropout: Dropout | None = None

    def followed_by(self, layer: Layer) -> "FusedLayer | None":
        """Return this fused layer with one more layer in it, or None if that layer cannot follow."""
        if self.dropout is not None:
            return None
        if type(layer) in ACTIVATIONS and self.activation is None:
            return replace(self, activation=layer)
        if type(layer) is Dropout and layer.mask is None:
            return replace(self, dropout=layer)
        return None


def fused_layers(network: Sequence[Layer]) -> list[FusedLayer]:
    """Return the layers of a network, each Dense together with what follows it.

    Raises
    ------
    ValueError
        If the layers cannot be compiled; the message names the first that cannot.

    Examples
    --------
    >>> import pellucid as pl
    >>> len(fused_layers([pl.Rescale(1 / 255), pl.Dense(30), pl.Tanh(), pl.Dropout(0.1), pl.Dense(10)]))
    2
    >>> fused_layers([pl.Dropout(0.1), pl.Dense(3)])
    Traceback (most recent call last):
    ...
    ValueError: Dropout in layers[0]: only Rescale and Dense can be compiled there
    """
    found: list[FusedLayer] = []
    for i, layer in enumerate(network):
        grown = found[-1].followed_by(layer) if found else None
        if type(layer) is Dense:
            found.append(FusedLayer(layer))
        elif grown is not None:
            found[-1] = grown
        elif not (i == 0 and type(layer) is Rescale):
            raise ValueError(
                f"{type(layer).__name__} in layers[{i}]: {_allowed(found)} can be compiled there"
            )
    if not found or found[-1].dropout is not None:
        raise ValueError("a network without a Dense, or with a Dropout at its end, cannot be compiled")
    return found


def _allowed(found: Sequence[FusedLayer]) -> str:
    """Return which layers may follow the layers found so far."""
    if not found:
        return "only Rescale and Dense"
    if found[-1].dropout is not None:
        return "only Dense"
    dropout = "Dropout without a fixed mask and Dense"
    return f"only {dropout}" if found[-1].activation else f"only activations other than Softmax, {dropout}"


def pays(n_weights: int, n_rows: int, n_steps: int, n_sparse: int = 0) -> bool:
    """Return whether compiled training saves more time than importing Numba and compiling take.

    The estimate depends only on the data and the sizes, so the same call always takes the same path. It adds
    up what the plain layers spend on function calls per step, on passes over the rows, on passes over the
    parameters, and on multiplying `n_sparse` weights by zeros.

    Examples
    --------
    >>> pays(7840, n_rows=30_000, n_steps=938), pays(7840, n_rows=3_000_000, n_steps=93_800)
    (False, True)
    >>> pays(470_000, n_rows=20 * 60_000, n_steps=20, n_sparse=392_000)
    True
    """
    a_row = A_ROW + A_PRODUCT * n_sparse
    return A_STEP * n_steps + a_row * n_rows + A_WEIGHT * n_steps * n_weights > COST


def n_sparse(nets: Sequence[Network], x: Array | None) -> int:
    """Return the number of first-layer weights whose products with zeros in x compiled code skips."""
    first = fused_layers(nets[0].layers)[0].dense
    n_out = len(nets) * first.n_out
    return 0 if x is None or n_out < WIDE or not is_sparse(x) else first.n_in * n_out


def is_sparse(x: Array) -> bool:
    """Return whether a sample of the rows of x has so many zeros that sparse products pay."""
    sample = np.asarray(x[:: max(1, len(x) // SAMPLE)]) != 0
    n_columns = sample.shape[1] // GROUP * GROUP
    # Ten times as fast as `any` along an axis of four entries.
    groups = np.logical_or.reduce([sample[:, q:n_columns:GROUP] for q in range(GROUP)])
    return bool(groups.size) and float(groups.mean()) <= MAX_GROUPS


def is_installed() -> bool:
    """Return whether the packages of the extra ``fast`` are installed, without importing them."""
    return all(find_spec(name) for name in NEEDED)


def check_installed(what: str, needed: Sequence[str]) -> None:
    """Raise ImportError, naming the extra ``fast``, if a needed package is missing."""
    missing = [name for name in needed if not find_spec(name)]
    if missing:
        raise ImportError(
            f"{what} needs {', '.join(missing)}, which the extra fast installs: pip install 'pellucid[fast]'"
        )


def why_not(nets: Sequence[Network], loss: Loss, optimizer: Optimizer, labels: Array | None) -> str | None:
    """Return why this training cannot be compiled, or None if it can."""
    for part, known in ((loss, LOSSES), (optimizer, OPTIMIZERS)):
        if type(part) not in known:
            return f"{type(part).__name__} is not one of pellucid's own"
    try:
        for net in nets:
            fused_layers(net.layers)
    except ValueError as error:
        return str(error)
    return None if labels is None else why_not_labels(labels)


def why_not_labels(labels: Array) -> str | None:
    """Return why training on these labels cannot be compiled, or None if it can."""
    return "the labels are targets, not class numbers" if labels.dtype.kind == "f" else None
