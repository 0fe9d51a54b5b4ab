"""The model that is trained: one network, or several of one shape on the same batches, computed as one.

Networks that share their batches share x: their k first products x W become one wide product, or two if the
networks are split into two sets. The later layers see the rows of all networks in one array, where row i of
network j is row i k + j. Every layer except Dense and Dropout works on such rows unchanged.

>>> import numpy as np, pellucid as pl
>>> nets = [
...     pl.Network([pl.Dense(2)]).build(3, rng=np.random.default_rng(seed)) for seed in range(10)
... ]
>>> Stack(nets).theta.size
80
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, TypeAlias

import numpy as np

from pellucid.backend import Array, aligned_zeros
from pellucid.layers import Dense, Dropout, Identity, Layer, LeakyReLU, ReLU, Rescale, Sigmoid, Softmax, Tanh
from pellucid.layers.base import bind_parameters
from pellucid.losses import Loss
from pellucid.metrics import count_correct, right_rows
from pellucid.network import Network

#: Layers that treat each row separately, without parameters or random numbers.
BY_ROW = (Rescale, Identity, ReLU, LeakyReLU, Tanh, Sigmoid, Softmax)


class Single:
    """One network."""

    k = 1
    sets = (range(1),)

    def __init__(self, net: Network) -> None:
        self.net, self.nets = net, [net]
        self.theta, self.grad, self.n_weights = net.theta, net.grad, net.n_weights
        self.dtype, self.device = net.dtype, net.device

    def forward(self, x: Array, *, train: bool) -> Array:
        """Run the network forward."""
        return self.net.forward(x, train=train)

    def backward(self, dy: Array) -> None:
        """Fill ``grad`` from the gradient of the mean loss."""
        self.net.backward(dy)

    def scatter(self) -> None:
        """Do nothing: training updates the network's own parameters."""


class Stack:
    """Several networks of one shape.

    Parameters
    ----------
    nets : sequence of Network
        Built networks that differ only in their parameters and start with Dense, or Rescale and Dense.
    n_sets : int
        Number of sets: two threads can compute one set each.

    Attributes
    ----------
    sets : sequence of range
        The networks of each set.
    theta, grad : array
        First the weights, layer by layer: those of the first Dense set by set, (n_in, networks of the set,
        n_out), those of the others as (k, n_in, n_out). Then the biases, layer by layer, (k, n_out).

    Raises
    ------
    ValueError
        If the networks differ, do not start with Dense, or contain a layer that pellucid does not know.
    """

    def __init__(self, nets: Sequence[Network], n_sets: int = 1) -> None:
        _check_alike(nets)
        _check_layers(nets[0])
        self.nets, self.k, self.first = list(nets), len(nets), _first_dense(nets)
        first = nets[0]
        self.sets = tuple(_cut(self.k, n_sets))
        self.dtype, self.device = first.dtype, first.device
        self.n_weights = self.k * first.n_weights
        self.theta = aligned_zeros(self.k * first.theta.size, self.dtype)
        self.grad = aligned_zeros(self.theta.size, self.dtype)
        self.layers = [self._layer(i) for i in range(len(first.layers))]
        self._bind()
        self._copy(to_nets=False)

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return the outputs (n k, n_out): those of network j for row i in row i k + j."""
        outputs = x if self.layers[0].casts else x.astype(self.dtype, copy=False)
        for layer in self.layers:
            outputs = layer.forward(outputs, train=train)
        return outputs

    def backward(self, dy: Array) -> None:
        """Fill ``grad`` from the gradients of the mean losses, dy (n k, n_out)."""
        gradient: Array | None = dy
        for layer in self.layers[self.first :][::-1]:
            assert gradient is not None
            gradient = layer.backward(gradient)

    def scatter(self) -> None:
        """Copy the parameters into the networks."""
        self._copy(to_nets=True)

    def _layer(self, i: int) -> Layer:
        """Return one layer that computes layer i of all networks."""
        alike = [net.layers[i] for net in self.nets]
        layer: Layer
        if isinstance(alike[0], Dense):
            layer = _WideDense(self.sets, alike[0]) if i == self.first else _StackedDense(self.k, alike[0])
        elif isinstance(alike[0], Dropout):
            layer = _StackedDropout(alike)
        else:
            layer = deepcopy(alike[0])
        layer.connect(alike[0].n_in, dtype=self.dtype, xp=np)
        return layer

    def _bind(self) -> None:
        """Make the parameters views of theta and grad: all weights, then all biases."""
        dense = [layer for layer in self.layers if isinstance(layer, _StackedDense)]
        parameters = [(layer, name, layer.parameter_shapes()[name]) for name in ("W", "b") for layer in dense]
        bind_parameters(parameters, self.theta, self.grad)

    def _copy(self, *, to_nets: bool) -> None:
        """Copy all parameters from the stack to the networks, or back."""
        for i, stacked in enumerate(self.layers):
            for j, net in enumerate(self.nets):
                layer = net.layers[i]
                if isinstance(layer, Dense) and isinstance(stacked, _StackedDense):
                    for own, part in ((layer.W, stacked.weights_of(j)), (layer.b, stacked.b[j])):
                        np.copyto(*((own, part) if to_nets else (part, own)))


class _StackedDense(Layer):
    """k fully connected layers: y_j = x_j W_j + b_j. Every k-th row belongs to network j."""

    W: Array
    b: Array
    dW: Array  # noqa: N815 - d is the gradient of the loss
    db: Array

    def __init__(self, k: int, dense: Dense) -> None:
        self.k, self.n_units = k, dense.n_units

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y."""
        self.x = x
        y = self.buffer("y", len(x), self.n_out)
        np.matmul(self.by_net(x), self.W, out=self.by_net(y))
        self.side_by_side(y)[...] += self.b.reshape(-1)
        return y

    def backward(self, dy: Array) -> Array | None:
        """Fill dW and db, return dx."""
        np.sum(self.side_by_side(dy), axis=0, out=self.db.reshape(-1))
        np.matmul(self.by_net(self.x).transpose(0, 2, 1), self.by_net(dy), out=self.dW)
        dx = self.buffer("dx", len(dy), self.n_in)
        np.matmul(self.by_net(dy), self.W.transpose(0, 2, 1), out=self.by_net(dx))
        return dx

    def by_net(self, rows: Array) -> Array:
        """Return rows (n k, width) as one matrix per network, (k, n, width)."""
        return rows.reshape(-1, self.k, rows.shape[1]).transpose(1, 0, 2)

    def side_by_side(self, rows: Array) -> Array:
        """Return rows (n k, width) as (n, k width)."""
        return rows.reshape(-1, self.k * rows.shape[1])

    def weights_of(self, j: int) -> Array:
        """Return network j's W."""
        return self.W[j]  # type: ignore[no-any-return]

    def width(self, n_in: int) -> int:
        """Return the number of units of one network."""
        return self.n_units

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of W and b."""
        return {"W": (self.k, self.n_in, self.n_out), "b": (self.k, self.n_out)}


class _WideDense(_StackedDense):
    """The first Dense of all networks: y = x W + b with one x (n, n_in).

    W holds the columns of the networks of a set side by side.
    """

    def __init__(self, sets: Sequence[range], dense: Dense) -> None:
        super().__init__(sets[-1].stop, dense)
        self.sets = sets

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return y."""
        self.x = x
        y = self.buffer("y", len(x), self.k * self.n_out)
        for W, columns in zip(self.by_set(self.W), self.columns, strict=True):
            np.matmul(x, W, out=y[:, columns])
        y += self.b.reshape(-1)
        return y.reshape(-1, self.n_out)

    def backward(self, dy: Array) -> None:
        """Fill dW and db."""
        dy = self.side_by_side(dy)
        np.sum(dy, axis=0, out=self.db.reshape(-1))
        for dW, columns in zip(self.by_set(self.dW), self.columns, strict=True):
            np.matmul(self.x.T, dy[:, columns], out=dW)

    @property
    def columns(self) -> list[slice]:
        """The columns of each set in y."""
        return [slice(own.start * self.n_out, own.stop * self.n_out) for own in self.sets]

    def by_set(self, W: Array) -> list[Array]:
        """Return the matrix of each set, (n_in, networks of the set * n_out)."""
        parts = [W[own.start : own.stop] for own in self.sets]
        return [part.reshape(self.n_in, -1) for part in parts]

    def weights_of(self, j: int) -> Array:
        """Return network j's W."""
        [(own, W)] = [(own, W) for own, W in zip(self.sets, self.by_set(self.W), strict=True) if j in own]
        return W[:, (j - own.start) * self.n_out : (j - own.start + 1) * self.n_out]


class _StackedDropout(Dropout):
    """k Dropout layers, each with the generator or mask of its network."""

    def __init__(self, alike: Sequence[Layer]) -> None:
        self.alike = [layer for layer in alike if isinstance(layer, Dropout)]
        super().__init__(self.alike[0].drop_prob)

    def training_mask(self, n_rows: int) -> Array:
        """Return which entries are kept, drawn network by network."""
        kept = self.buffer("kept", n_rows, self.n_in, dtype=bool)
        k = len(self.alike)
        for j, layer in enumerate(self.alike):
            kept[j::k] = layer.training_mask(n_rows // k)
        return kept


Model: TypeAlias = Single | Stack


class StepLoss:
    """A loss for training steps, which skips the check of labels that were checked before training."""

    def __init__(self, loss: Loss, k: int) -> None:
        self.loss, self.k = loss, k

    def value_and_grad(self, outputs: Array, y: Array) -> tuple[Any, Array]:
        """Return the mean loss of each network, () or (k,), and its gradient with respect to the outputs."""
        if not self.loss.by_rows:
            return self.loss.value_and_grad(outputs, y)
        values, dy = self.loss.rows(outputs, self._for_all(y))
        dy /= len(y)
        return values.sum() / len(y) if self.k == 1 else values.reshape(-1, self.k).mean(axis=0), dy

    def count_correct(self, outputs: Array, y: Array) -> Any:
        """Return how many rows each network classifies correctly."""
        if self.k == 1:
            return count_correct(outputs, y, self.loss.threshold)
        correct = right_rows(outputs, self._for_all(y), self.loss.threshold)
        return correct.reshape(-1, self.k).sum(axis=0)

    def _for_all(self, y: Array) -> Array:
        """Return the labels of the rows of all networks."""
        return y if self.k == 1 else np.repeat(y, self.k, axis=0)


def generators_of(model: Model) -> list[np.random.Generator]:
    """Return the generators for dropout, network by network."""
    return [rng for net in model.nets for rng in net.generators]


def _cut(k: int, n_sets: int) -> list[range]:
    """Return which networks belong to each set.

    Examples
    --------
    >>> _cut(5, 2)
    [range(0, 2), range(2, 5)]
    """
    return [range(k * i // n_sets, k * (i + 1) // n_sets) for i in range(n_sets)]


def _first_dense(nets: Sequence[Network]) -> int:
    """Return the index of the first Dense, or raise: only Rescale may precede it."""
    layers = nets[0].layers
    first = 1 if isinstance(layers[0], Rescale) else 0
    if len(layers) <= first or not isinstance(layers[first], Dense):
        raise ValueError(
            f"networks that are trained together must start with Dense, or Rescale and Dense, got {nets[0]}"
        )
    return first


def _check_alike(nets: Sequence[Network]) -> None:
    """Raise unless all networks are built, distinct, on the CPU and of one shape."""
    if len({id(net) for net in nets}) < len(nets):
        raise ValueError("nets must be different networks, got the same one twice")
    for j, net in enumerate(nets):
        for what, own, first in (
            ("layers", _outline(net), _outline(nets[0])),
            ("dtype", net.dtype, nets[0].dtype),
            ("inputs", net.n_in, nets[0].n_in),
            ("device", net.device, nets[0].device),
        ):
            if own != first:
                raise ValueError(
                    f"nets must be alike, but the {what} of nets[{j}] are {own}, those of nets[0] {first}"
                )
    if nets[0].device != "cpu":
        raise ValueError(f"train_many works on the CPU, got networks on {nets[0].device!r}")


def _check_layers(net: Network) -> None:
    """Raise if a layer is of a class that this module does not know."""
    for i, layer in enumerate(net.layers):
        if type(layer) not in (Dense, Dropout, *BY_ROW):
            raise ValueError(
                f"layers[{i}] is a {type(layer).__name__}, which train_many does not know: "
                "train such networks one by one"
            )


def _outline(net: Network) -> list[tuple[str, dict[str, Any], int]]:
    """Return what must be equal in all networks: class, settings and width of each layer."""
    return [(type(layer).__name__, layer.settings(), layer.n_out) for layer in net.layers]
