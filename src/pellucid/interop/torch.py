"""The twin run: the same network in PyTorch, from the same starting weights and on the same batches.

`train_twin` stands where `pellucid.train` stands and yields the same records; after each epoch the trained
parameters are copied back into the pellucid network, so that whatever measures it measures the twin.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from pellucid.backend import Array
from pellucid.layers import Dense, Identity, Layer, LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from pellucid.network import Network, blocks
from pellucid.training import Record

MODULES: dict[type[Layer], Any] = {
    Identity: lambda layer: torch.nn.Identity(),
    ReLU: lambda layer: torch.nn.ReLU(),
    LeakyReLU: lambda layer: torch.nn.LeakyReLU(layer.slope),
    Tanh: lambda layer: torch.nn.Tanh(),
    Sigmoid: lambda layer: torch.nn.Sigmoid(),
    Softmax: lambda layer: torch.nn.Softmax(dim=1),
    Dense: lambda layer: torch.nn.Linear(layer.n_in, layer.n_out),
}


def sequential(net: Network) -> torch.nn.Sequential:
    """Return the network as `torch.nn.Sequential`, with a copy of its parameters and its dtype.

    Raises
    ------
    TypeError
        If a layer has no counterpart here.

    Examples
    --------
    >>> import pellucid as pl
    >>> sequential(pl.Network([pl.Dense(2), pl.Tanh()]).build(3, rng=np.random.default_rng(0)))
    Sequential(
      (0): Linear(in_features=3, out_features=2, bias=True)
      (1): Tanh()
    )
    """
    for layer in net.layers:
        if type(layer) not in MODULES:
            raise TypeError(f"{layer!r} has no counterpart in the twin run")
    model = torch.nn.Sequential(*(MODULES[type(layer)](layer) for layer in net.layers))
    model.to(torch.float64 if net.dtype == np.float64 else torch.float32)
    with torch.no_grad():
        for mine, theirs in _pairs(net, model):
            theirs.copy_(torch.from_numpy(np.ascontiguousarray(mine)))
    return model


def train_twin(
    net: Network,
    x: Array,
    y: Array,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    rng: np.random.Generator | None,
) -> Iterator[Record]:
    """Train the twin with softmax cross-entropy and plain gradient descent.

    Parameters
    ----------
    net : Network
        Gives the starting parameters, and gets the trained ones back after each epoch.
    x : array, shape (n, n_in)
        Of the network's dtype.
    y : array, shape (n,)
        Class numbers.
    epochs, batch_size : int
    learning_rate : float
    rng : numpy.random.Generator or None
        Draws the same permutations as `pellucid.train` does; None: batches in the order of the rows.

    Yields
    ------
    Record
        One a batch and one an epoch.
    """
    model = sequential(net)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    criterion = torch.nn.CrossEntropyLoss()
    inputs, labels = torch.from_numpy(np.array(x)), torch.from_numpy(np.array(y))
    for epoch in range(1, epochs + 1):
        order = torch.arange(len(y)) if rng is None else torch.from_numpy(rng.permutation(len(y)))
        sums = np.zeros(3)
        for i, rows in enumerate(blocks(len(y), batch_size)):
            chosen = order[rows]
            targets = labels[chosen]
            outputs = model(inputs[chosen])
            value = criterion(outputs, targets)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            n, correct = len(targets), int((outputs.argmax(1) == targets).sum())
            sums += (n, n * value.item(), correct)
            yield Record(epoch, i + 1, value.item(), correct / n)
        for mine, theirs in _pairs(net, model):
            mine[...] = theirs.detach().numpy()
        yield Record(epoch, None, float(sums[1] / sums[0]), float(sums[2] / sums[0]))


def _pairs(net: Network, model: torch.nn.Sequential) -> Iterator[tuple[Array, Any]]:
    """Yield each parameter as a view in PyTorch's orientation, and its counterpart."""
    for layer, module in zip(net.layers, model, strict=True):
        if isinstance(layer, Dense):
            yield layer.W.T, module.weight
            yield layer.b, module.bias
