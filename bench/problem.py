"""A workload with its data, starting weights and orders of rows: the same for every contestant."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

import pellucid as pl
from bench.workloads import Workload
from pellucid.backend import Array

#: Weights and bias of each dense layer, first to last.
Parameters: TypeAlias = list[tuple[Array, Array]]
#: A contestant's choices that the command line does not know, such as the kind of its pixels.
Options: TypeAlias = dict[str, Any]
ACTIVATIONS = {"relu": pl.ReLU, "tanh": pl.Tanh, "sigmoid": pl.Sigmoid}


@dataclass(frozen=True)
class Prepared:
    """A contestant that is ready: `run` carries out one unit, `parameters` returns what it has learnt.

    `report` tells what else the first unit has shown, as JSON.
    """

    run: Callable[[], object]
    parameters: Callable[[], Parameters] = list
    report: Callable[[], dict[str, Any]] = dict


class Problem:
    """What a contestant is given.

    Parameters
    ----------
    workload : Workload
    seed : int
        Draws the starting weights and the orders of the rows.
    data : (images, labels), optional
        uint8 of shape (n, 784) and class numbers; MNIST's training rows otherwise.
    shuffle : bool
        Whether a mini-batch epoch has an order of its own; a test turns it off.

    Attributes
    ----------
    load_seconds : float
        How long reading the data set took, which is no part of preparing.

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
        self.load_seconds = 0.0

    @cached_property
    def data(self) -> tuple[Array, Array]:
        """Images as bytes and class numbers of the workload's rows."""
        if self._data is None:
            start = time.perf_counter()
            mnist = pl.load_dataset("mnist")
            self._data = mnist.x_train, mnist.y_train
            self.load_seconds = time.perf_counter() - start
        return self._data[0][: self.workload.rows], self._data[1][: self.workload.rows]

    @property
    def labels(self) -> Array:
        """Class numbers, shape (rows,), as an array of the caller's own."""
        return self.data[1].astype(np.int64)

    @cached_property
    def components(self) -> pl.PrincipalComponents:
        """What the workload's images become where it has components, by our own function for everyone."""
        images = self.data[0]
        rescale = pl.Rescale(1 / 255, images.sum(axis=0) / (-255 * len(images)))
        return pl.PrincipalComponents(images, self.workload.components, rescale=rescale)

    def pixels(self, dtype: type[np.floating[Any]] = np.float32) -> Array:
        """Return the training images as `scaled` does: what the network takes."""
        return self.scaled(self.data[0], dtype)

    def scaled(self, images: Array, dtype: type[np.floating[Any]] = np.float32) -> Array:
        """Return images from 0 to 1, or their components, as an array (n, n_in) of the caller's own."""
        if self.workload.components:
            return self.components.transform(images).astype(dtype, copy=False)
        return np.multiply(images, dtype(1 / 255), dtype=dtype)

    def network(self, *first: pl.Layer) -> pl.Network:
        """Return the network in float32 with its starting weights, behind the given layers."""
        work, init = self.workload, getattr(pl, self.workload.init)
        layers = list(first)
        for n_out in work.sizes[1:-1]:
            layers += [pl.Dense(n_out, init=init), ACTIVATIONS[work.activation]()]
        layers.append(pl.Dense(work.sizes[-1], init=init))
        return pl.Network(layers).build(work.sizes[0], rng=np.random.default_rng(self.seed))

    def network_on_bytes(self) -> pl.Network:
        """Return the network behind a layer that rescales the images as they are, in `data`."""
        return self.network(pl.Rescale(1 / 255))

    def weights(self) -> Parameters:
        """Return the starting weights and biases of each layer."""
        return parameters(self.network())

    def rng(self) -> np.random.Generator:
        """Return the generator of the orders of the rows."""
        return np.random.default_rng(self.seed + 1)

    def orders(self) -> Iterator[Array]:
        """Yield the order of the rows of one epoch after another; of none in full batch, which needs none."""
        rng, rows = self.rng(), 0 if self.workload.batch_size is None else self.workload.rows
        while True:
            yield rng.permutation(rows) if self.shuffle else np.arange(rows)

    def rates(self) -> Iterator[float]:
        """Yield the learning rate of one step after another."""
        step, rate = 0, self.workload.schedule()
        while True:
            yield rate(step) if callable(rate) else rate
            step += 1


def parameters(net: pl.Network) -> Parameters:
    """Return copies of the weights and biases of a network of pellucid.

    Examples
    --------
    >>> net = pl.Network([pl.Dense(2), pl.ReLU()]).build(3, rng=np.random.default_rng(0))
    >>> [(W.shape, b.shape) for W, b in parameters(net)]
    [((3, 2), (2,))]
    """
    return [(layer.W.copy(), layer.b.copy()) for layer in net.layers if isinstance(layer, pl.Dense)]
