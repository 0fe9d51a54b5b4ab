"""Initializers: random starting values of weights and biases.

An initializer is a function ``f(rng, shape, n_in, n_out) -> array`` that returns float64. `Dense` calls one
for ``W`` and one for ``b``, and casts the values to the network's dtype. The LeCun, Glorot and He
initializers derive the variance from the layer's widths, so that activations and gradients keep their scale
from layer to layer; `uniform` and `normal` have a fixed variance.

>>> import numpy as np
>>> he_normal(np.random.default_rng(0), (2, 3), n_in=2, n_out=3).shape
(2, 3)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, ...]
Floats: TypeAlias = NDArray[np.float64]
Initializer: TypeAlias = Callable[[np.random.Generator, Shape, int, int], Floats]


def lecun_uniform(rng: np.random.Generator, shape: Shape, n_in: int, n_out: int) -> Floats:
    """Draw from U(-a, a), a = sqrt(3 / n_in): variance 1 / n_in.

    References
    ----------
    LeCun, Bottou, Orr, Müller (1998), Efficient BackProp, section 4.6, equation 16.

    Examples
    --------
    >>> float(abs(lecun_uniform(np.random.default_rng(0), (3, 50), 3, 50)).max()) <= 1.0
    True
    """
    limit = np.sqrt(3 / n_in)
    return rng.uniform(-limit, limit, shape)


def lecun_normal(rng: np.random.Generator, shape: Shape, n_in: int, n_out: int) -> Floats:
    """Draw from N(0, 1 / n_in).

    References
    ----------
    LeCun, Bottou, Orr, Müller (1998), Efficient BackProp, section 4.6, equation 16.

    Examples
    --------
    >>> lecun_normal(np.random.default_rng(0), (4,), 1, 4).shape
    (4,)
    """
    return rng.normal(0.0, np.sqrt(1 / n_in), shape)


def glorot_uniform(rng: np.random.Generator, shape: Shape, n_in: int, n_out: int) -> Floats:
    """Draw from U(-a, a), a = sqrt(6 / (n_in + n_out)): variance 2 / (n_in + n_out).

    References
    ----------
    Glorot, Bengio (2010), Understanding the difficulty of training deep feedforward neural networks,
    equation 16.

    Examples
    --------
    >>> float(abs(glorot_uniform(np.random.default_rng(0), (3, 3), 3, 3)).max()) <= 1.0
    True
    """
    limit = np.sqrt(6 / (n_in + n_out))
    return rng.uniform(-limit, limit, shape)


def glorot_normal(rng: np.random.Generator, shape: Shape, n_in: int, n_out: int) -> Floats:
    """Draw from N(0, 2 / (n_in + n_out)).

    References
    ----------
    Glorot, Bengio (2010), Understanding the difficulty of training deep feedforward neural networks,
    equation 12.

    Examples
    --------
    >>> glorot_normal(np.random.default_rng(0), (2, 2), 2, 2).dtype
    dtype('float64')
    """
    return rng.normal(0.0, np.sqrt(2 / (n_in + n_out)), shape)


def he_uniform(rng: np.random.Generator, shape: Shape, n_in: int, n_out: int) -> Floats:
    """Draw from U(-a, a), a = sqrt(6 / n_in): variance 2 / n_in.

    References
    ----------
    He, Zhang, Ren, Sun (2015), Delving Deep into Rectifiers, equation 10.

    Examples
    --------
    >>> float(abs(he_uniform(np.random.default_rng(0), (6, 9), 6, 9)).max()) <= 1.0
    True
    """
    limit = np.sqrt(6 / n_in)
    return rng.uniform(-limit, limit, shape)


def he_normal(rng: np.random.Generator, shape: Shape, n_in: int, n_out: int) -> Floats:
    """Draw from N(0, 2 / n_in).

    References
    ----------
    He, Zhang, Ren, Sun (2015), Delving Deep into Rectifiers, equation 10.

    Examples
    --------
    >>> he_normal(np.random.default_rng(0), (2, 2), 2, 2).shape
    (2, 2)
    """
    return rng.normal(0.0, np.sqrt(2 / n_in), shape)


def zeros(rng: np.random.Generator, shape: Shape, n_in: int, n_out: int) -> Floats:
    """Return zeros, and draw nothing from `rng`.

    The usual choice for biases. Not for the weights of hidden layers: units that start equal stay equal.

    Examples
    --------
    >>> zeros(np.random.default_rng(0), (2,), 3, 2)
    array([0., 0.])
    """
    return np.zeros(shape)


@dataclass(frozen=True)
class uniform:  # noqa: N801 - used like a function
    """Initializer that draws from U(low, high).

    Raises
    ------
    ValueError
        Unless low and high are finite and low < high.

    Examples
    --------
    >>> uniform(-0.05, 0.05)
    uniform(low=-0.05, high=0.05)
    >>> uniform(0, 1)(np.random.default_rng(0), (2,), 1, 2).shape
    (2,)
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"uniform needs finite low < high, got low={self.low}, high={self.high}")

    def __call__(self, rng: np.random.Generator, shape: Shape, n_in: int, n_out: int) -> Floats:
        """Draw an array of `shape`."""
        return rng.uniform(self.low, self.high, shape)


@dataclass(frozen=True)
class normal:  # noqa: N801 - used like a function
    """Initializer that draws from N(0, std²).

    Raises
    ------
    ValueError
        Unless std is finite and positive.

    Examples
    --------
    >>> normal(0.01)(np.random.default_rng(0), (2, 3), 2, 3).shape
    (2, 3)
    """

    std: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.std) and self.std > 0):
            raise ValueError(f"std must be finite and > 0, got {self.std}; for zeros use pellucid.zeros")

    def __call__(self, rng: np.random.Generator, shape: Shape, n_in: int, n_out: int) -> Floats:
        """Draw an array of `shape`."""
        return rng.normal(0.0, self.std, shape)


xavier_uniform, xavier_normal = glorot_uniform, glorot_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal


def initializer_name(init: Initializer) -> str:
    """Return an initializer as code: ``he_normal`` or ``uniform(low=-0.05, high=0.05)``.

    Examples
    --------
    >>> initializer_name(xavier_uniform), initializer_name(normal(0.1))
    ('glorot_uniform', 'normal(std=0.1)')
    """
    return getattr(init, "__name__", None) or repr(init)
