"""What can be compiled, and when it pays.

A network is compiled if it is ``[Rescale,] Dense [, activation] [, Dropout], …, Dense [, activation]``, with
an activation other than Softmax, one of pellucid's own losses and optimizers, and class numbers for labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from pellucid import layers, losses, optimizers
from pellucid.backend import Array
from pellucid.compiled.first.sparsity import is_sparse
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
#: The packages of the extra ``fast``: Numba calls SciPy's BLAS.
NEEDED = ("numba", "scipy", "threadpoolctl")
#: Those of them that set the number of threads.
THREADS_NEEDED = ("scipy", "threadpoolctl")
#: Into how many shares batches are cut where the number of threads must not matter.
FIXED_SHARES = 4
#: Seconds that compiled code saves in a step, for a row, for a weight in a step, and, where it leaves zeros
#: out, for a weight of the first layer and a row.
A_STEP, A_ROW, A_WEIGHT, A_PRODUCT = 30e-6, 0.6e-6, 0.5e-9, 15e-12
#: The fewest outputs of a first layer that gains by that.
WIDE = 17
#: Seconds that a training should save: importing Numba takes half a second, compiling once several.
COST = 2.0


@dataclass(frozen=True)
class Group:
    """A Dense with the activation and the dropout that follow it."""

    dense: Dense
    activation: Layer | None = None
    dropout: Dropout | None = None

    def followed_by(self, layer: Layer) -> "Group | None":
        """Return the group with the layer taken in, or None if it cannot stand there."""
        if self.dropout is not None:
            return None
        if type(layer) in ACTIVATIONS and self.activation is None:
            return replace(self, activation=layer)
        if type(layer) is Dropout and layer.mask is None:
            return replace(self, dropout=layer)
        return None


def groups(network: Sequence[Layer]) -> list[Group]:
    """Return the layers group by group.

    Raises
    ------
    ValueError
        If the layers cannot be compiled; the message names the first that cannot.

    Examples
    --------
    >>> import pellucid as pl
    >>> len(groups([pl.Rescale(1 / 255), pl.Dense(30), pl.Tanh(), pl.Dropout(0.1), pl.Dense(10)]))
    2
    >>> groups([pl.Dropout(0.1), pl.Dense(3)])
    Traceback (most recent call last):
    ...
    ValueError: Dropout in layers[0]: only Rescale and Dense can be compiled there
    """
    found: list[Group] = []
    for i, layer in enumerate(network):
        grown = found[-1].followed_by(layer) if found else None
        if type(layer) is Dense:
            found.append(Group(layer))
        elif grown is not None:
            found[-1] = grown
        elif not (i == 0 and type(layer) is Rescale):
            raise ValueError(
                f"{type(layer).__name__} in layers[{i}]: {_allowed(found)} can be compiled there"
            )
    if not found or found[-1].dropout is not None:
        raise ValueError("a network without a Dense, or with a Dropout at its end, cannot be compiled")
    return found


def _allowed(found: Sequence[Group]) -> str:
    """Return what may stand behind these groups."""
    if not found:
        return "only Rescale and Dense"
    if found[-1].dropout is not None:
        return "only Dense"
    dropout = "Dropout without a fixed mask and Dense"
    return f"only {dropout}" if found[-1].activation else f"only activations other than Softmax, {dropout}"


def pays(n_weights: int, n_rows: int, n_steps: int, n_sparse: int = 0) -> bool:
    """Whether compiled training saves more time than importing Numba and the machine code costs.

    An estimate from the data and the sizes alone, so that the same call always takes the same path: what the
    plain layers spend on calls in each step, on passes over the rows, on passes over the parameters, and on
    products of `n_sparse` weights with zeros.

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
    """Return how many weights compiled code does not multiply with zeros; none where x is not mostly zero.

    Parameters
    ----------
    nets : sequence of Network
        Alike, and such as can be compiled.
    x : array or None
        None where it is not known beforehand.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> net = pl.Network([pl.Dense(20)]).build(n_in=16, rng=np.random.default_rng(0))
    >>> n_sparse([net], np.eye(16)), n_sparse([net], np.ones((16, 16))), n_sparse([net], None)
    (320, 0, 0)
    """
    first = groups(nets[0].layers)[0].dense
    n_out = len(nets) * first.n_out
    return 0 if x is None or n_out < WIDE or not is_sparse(x) else first.n_in * n_out


def is_installed() -> bool:
    """Whether the packages of the extra ``fast`` are there; nothing is imported."""
    return all(find_spec(name) for name in NEEDED)


def check_installed(what: str, needed: Sequence[str]) -> None:
    """Raise ImportError, naming the extra, if a package that something needs is missing."""
    missing = [name for name in needed if not find_spec(name)]
    if missing:
        raise ImportError(
            f"{what} needs {', '.join(missing)}, which the extra fast installs: pip install 'pellucid[fast]'"
        )


def why_not(nets: Sequence[Network], loss: Loss, optimizer: Optimizer, labels: Array | None) -> str | None:
    """Return why this training cannot be compiled, or None.

    Parameters
    ----------
    nets : sequence of Network
        Alike but for their parameters and dropout masks.
    loss : Loss
    optimizer : Optimizer
    labels : array or None
        None where they are not known beforehand.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> net = pl.Network([pl.Dense(2), pl.Softmax()]).build(n_in=3, rng=np.random.default_rng(0))
    >>> why_not([net], pl.MeanSquaredError(), pl.SGD(0.1), np.array([0, 1])).split(":")[0]
    'Softmax in layers[1]'
    """
    for part, known in ((loss, LOSSES), (optimizer, OPTIMIZERS)):
        if type(part) not in known:
            return f"{type(part).__name__} is not one of pellucid's own"
    try:
        for net in nets:
            groups(net.layers)
    except ValueError as error:
        return str(error)
    return None if labels is None else why_not_labels(labels)


def why_not_labels(labels: Array) -> str | None:
    """Return why training on these labels cannot be compiled, or None."""
    return "the labels are targets, not class numbers" if labels.dtype.kind == "f" else None
