"""The twin run: the same network in PyTorch, from the same starting weights and on the same batches.

`train_twin` stands where `pellucid.train` stands and yields the same records; after each epoch the trained
parameters are copied back into the pellucid network, so that whatever measures it measures the twin.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import torch

from pellucid.backend import Array
from pellucid.layers import Dense, Identity, Layer, LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from pellucid.losses import Loss, MeanSquaredError, SoftmaxCrossEntropy
from pellucid.network import Network, blocks
from pellucid.optimizers import SGD, Adam, Optimizer
from pellucid.records import Record

MODULES: dict[type[Layer], Any] = {
    Identity: lambda layer: torch.nn.Identity(),
    ReLU: lambda layer: torch.nn.ReLU(),
    LeakyReLU: lambda layer: torch.nn.LeakyReLU(layer.slope),
    Tanh: lambda layer: torch.nn.Tanh(),
    Sigmoid: lambda layer: torch.nn.Sigmoid(),
    Softmax: lambda layer: torch.nn.Softmax(dim=1),
    Dense: lambda layer: torch.nn.Linear(layer.n_in, layer.n_out),
}
#: From our loss; PyTorch's MSELoss would average over the outputs and leave out the 1/2.
CRITERIA: dict[type[Loss], Callable[[Any], Callable[[Any, Any], Any]]] = {
    SoftmaxCrossEntropy: lambda ours: torch.nn.CrossEntropyLoss(label_smoothing=ours.label_smoothing),
    MeanSquaredError: lambda ours: (
        lambda outputs, labels: (
            (outputs - _targets(outputs, labels, ours.label_smoothing)).square().sum() / (2 * len(outputs))
        )
    ),
}
#: From groups of parameters and our settings; PyTorch's Adam places epsilon as ours does.
OPTIMIZERS: dict[type[Optimizer], Callable[[Any, Any], torch.optim.Optimizer]] = {
    SGD: lambda groups, ours: torch.optim.SGD(
        groups, lr=ours.learning_rate, momentum=ours.momentum, nesterov=ours.nesterov
    ),
    Adam: lambda groups, ours: torch.optim.Adam(
        groups, lr=ours.learning_rate, betas=(ours.beta_1, ours.beta_2), eps=ours.epsilon
    ),
}
T = TypeVar("T")


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
    model = torch.nn.Sequential(*(_counterpart(MODULES, layer)(layer) for layer in net.layers))
    model.to(torch.float64 if net.dtype == np.float64 else torch.float32)
    with torch.no_grad():
        for mine, theirs in _pairs(net, model):
            theirs.copy_(torch.from_numpy(np.ascontiguousarray(mine)))
    return model


def criterion(loss: Loss) -> Callable[[Any, Any], Any]:
    """Return the loss as a function of PyTorch's outputs and class numbers, by our definition.

    Raises
    ------
    TypeError
        If the loss has no counterpart here.

    Examples
    --------
    >>> import pellucid as pl
    >>> criterion(pl.MeanSquaredError())(torch.zeros(2, 4), torch.tensor([0, 3])).item()
    0.5
    """
    return _counterpart(CRITERIA, loss)(loss)


def _targets(outputs: Any, labels: Any, share: float) -> Any:
    certain = torch.nn.functional.one_hot(labels, outputs.shape[1]).to(outputs.dtype)
    return (1 - share) * certain + share / outputs.shape[1]


def torch_optimizer(optimizer: Optimizer, model: torch.nn.Module) -> torch.optim.Optimizer:
    """Return the optimizer for a model's parameters, weight decay on matrices only as ours has it.

    Raises
    ------
    TypeError
        If the optimizer has no counterpart here, or its learning rate is a schedule.

    Examples
    --------
    >>> import pellucid as pl
    >>> type(torch_optimizer(pl.Adam(0.01), torch.nn.Linear(2, 1)))
    <class 'torch.optim.adam.Adam'>
    """
    if callable(optimizer.learning_rate):
        raise TypeError("the twin run takes a constant learning rate, not a schedule")
    groups = [
        {"params": [p for p in model.parameters() if p.ndim == 2], "weight_decay": optimizer.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    return _counterpart(OPTIMIZERS, optimizer)(groups, optimizer)


def _counterpart(table: Mapping[type[Any], T], ours: object) -> T:
    """Look up the counterpart by exact type: a subclass may do anything."""
    if type(ours) not in table:
        raise TypeError(f"{ours!r} has no counterpart in the twin run")
    return table[type(ours)]


def train_twin(
    net: Network,
    loss: Loss,
    optimizer: Optimizer,
    x: Array,
    y: Array,
    *,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator | None,
) -> Iterator[Record]:
    """Train the twin; the arguments mean what they mean in `pellucid.train`.

    Parameters
    ----------
    net : Network
        Gives the starting parameters, and gets the trained ones back after each epoch.
    loss : Loss
    optimizer : Optimizer
        Only its settings are taken.
    x : array, shape (n, n_in)
        Of the network's dtype.
    y : array, shape (n,)
        Class numbers.
    epochs, batch_size : int
    rng : numpy.random.Generator or None
        Draws the same permutations as `pellucid.train` does; None: batches in the order of the rows.

    Yields
    ------
    Record
        One a batch and one an epoch.
    """
    model = sequential(net)
    steps, measure = torch_optimizer(optimizer, model), criterion(loss)
    inputs, labels = torch.from_numpy(np.array(x)), torch.from_numpy(np.array(y))
    for epoch in range(1, epochs + 1):
        order = torch.arange(len(y)) if rng is None else torch.from_numpy(rng.permutation(len(y)))
        sums = np.zeros(3)
        for i, rows in enumerate(blocks(len(y), batch_size)):
            chosen = order[rows]
            targets = labels[chosen]
            outputs = model(inputs[chosen])
            value = measure(outputs, targets)
            steps.zero_grad()
            value.backward()
            steps.step()
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
