"""The input of every contestant: a workload with its data, its starting weights and the order of its rows."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

import pellucid as pl
from bench.workloads import Workload
from pellucid.backend import Array

#: Weights and bias of each dense layer, first to last.
Parameters: TypeAlias = list[tuple[Array, Array]]
#: Settings of a contestant that calibration chooses, such as the dtype of its pixels.
Options: TypeAlias = dict[str, Any]
LAYERS = {"relu": pl.ReLU, "tanh": pl.Tanh, "sigmoid": pl.Sigmoid}
#: The activations in plain NumPy.
FORMULAS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}
#: In a run of full-batch iterations, the loss is recorded once every this many.
TRACE_EVERY = 10


@dataclass(frozen=True)
class Prepared:
    """A contestant ready to train: `run` trains one unit, `parameters` returns the trained parameters.

    `report` returns other results of the first unit, as JSON.
    """

    run: Callable[[], object]
    parameters: Callable[[], Parameters] = list
    report: Callable[[], dict[str, Any]] = dict


class Problem:
    """A workload with its data and its random numbers.

    Parameters
    ----------
    workload : Workload
    seed : int
        Seed of the starting weights and of the order of the rows.
    data : (images, labels), optional
        uint8 of shape (n, 784) and class numbers of shape (n,); by default MNIST's training set.
    shuffle : bool
        Whether mini-batches are shuffled in each epoch.

    Examples
    --------
    >>> from bench.workloads import WORKLOADS
    >>> problem = Problem(WORKLOADS["D"], data=(np.zeros((30_000, 784), np.uint8), np.zeros(30_000, int)))
    >>> [W.shape for W, b in problem.weights()]
    [(784, 10)]
    """

    def __init__(
        self,
        workload: Workload,
        *,
        seed: int = 0,
        data: tuple[Array, Array] | None = None,
        shuffle: bool = True,
    ) -> None:
        self.workload, self.seed, self.shuffle = workload, seed, shuffle
        self._data = data
        #: Time spent reading the data set, which does not count as preparation.
        self.load_seconds = 0.0

    @cached_property
    def data(self) -> tuple[Array, Array]:
        """Images (rows, 784) as uint8 and class numbers (rows,)."""
        if self._data is None:
            start = time.perf_counter()
            mnist = pl.load_dataset("mnist")
            self._data = mnist.x_train, mnist.y_train
            self.load_seconds = time.perf_counter() - start
        return self._data[0][: self.workload.rows], self._data[1][: self.workload.rows]

    @property
    def labels(self) -> Array:
        """A new array of class numbers, int64 of shape (rows,)."""
        return self.data[1].astype(np.int64)

    @cached_property
    def components(self) -> pl.PrincipalComponents:
        """The principal components of the images, computed by pellucid for every contestant."""
        images = self.data[0]
        rescale = pl.Rescale(1 / 255, images.sum(axis=0) / (-255 * len(images)))
        return pl.PrincipalComponents(images, self.workload.components, rescale=rescale)

    def pixels(self, dtype: type[np.floating[Any]] = np.float32) -> Array:
        """Return the inputs of the network, as `scaled` makes them from the training images."""
        return self.scaled(self.data[0], dtype)

    def scaled(self, images: Array, dtype: type[np.floating[Any]] = np.float32) -> Array:
        """Return images scaled to 0..1, or their components, as a new array (n, n_in)."""
        if self.workload.components:
            return self.components.transform(images).astype(dtype, copy=False)
        return np.multiply(images, dtype(1 / 255), dtype=dtype)

    def network(self, *first: pl.Layer) -> pl.Network:
        """Return the network in float32 with its starting weights, after the given first layers."""
        work, init = self.workload, getattr(pl, self.workload.init)
        layers = list(first)
        for n_out in work.sizes[1:-1]:
            layers += [pl.Dense(n_out, init=init), LAYERS[work.activation]()]
        layers.append(pl.Dense(work.sizes[-1], init=init))
        return pl.Network(layers).build(work.sizes[0], rng=np.random.default_rng(self.seed))

    def network_on_bytes(self) -> pl.Network:
        """Return the network with a first layer that scales the bytes of the images."""
        return self.network(pl.Rescale(1 / 255))

    def weights(self) -> Parameters:
        """Return the starting weights and biases of each layer."""
        return parameters(self.network())

    def rng(self) -> np.random.Generator:
        """Return the generator that shuffles the rows."""
        return np.random.default_rng(self.seed + 1)

    def orders(self) -> Iterator[Array]:
        """Yield the order of the rows for each epoch; an empty array in full batch."""
        rng, rows = self.rng(), 0 if self.workload.batch_size is None else self.workload.rows
        while True:
            yield rng.permutation(rows) if self.shuffle else np.arange(rows)

    def rates(self) -> Iterator[float]:
        """Yield the learning rate of each step."""
        step, rate = 0, self.workload.schedule()
        while True:
            yield rate(step) if callable(rate) else rate
            step += 1

    def report(self, trace: Sequence[float], weights: Parameters) -> dict[str, Any]:
        """Return recorded losses and the accuracy on MNIST's test set, as JSON; empty without losses."""
        if not trace:
            return {}
        mnist = pl.load_dataset("mnist")
        found = accuracy(weights, self.workload.activation, self.scaled(mnist.x_test), mnist.y_test)
        return {"trace": list(trace), "test_accuracy": found}


def parameters(net: pl.Network) -> Parameters:
    """Return copies of the weights and biases of a network of pellucid."""
    return [(layer.W.copy(), layer.b.copy()) for layer in net.layers if isinstance(layer, pl.Dense)]


def accuracy(weights: Parameters, activation: str, x: Array, labels: Array) -> float:
    """Return the share of scaled images that a network with these weights classifies correctly."""
    *hidden, (W, b) = weights
    for each in hidden:
        x = FORMULAS[activation](x @ each[0] + each[1])
    return pl.accuracy(labels, (x @ W + b).argmax(axis=1))
