"""PyTorch's counterparts of our losses and optimizers.

>>> import pellucid as pl
>>> type(torch_optimizer(pl.Adam(0.01), torch.nn.Linear(2, 1)))
<class 'torch.optim.adam.Adam'>
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import torch
from torch.nn import functional

from pellucid.losses import Loss, MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy
from pellucid.optimizers import SGD, Adam, Optimizer

T = TypeVar("T")


def counterpart(table: Mapping[type[Any], T], ours: object) -> T:
    """Look up the counterpart of an object by its exact type, because a subclass may behave differently."""
    if type(ours) not in table:
        raise TypeError(f"{type(ours).__name__} has no counterpart in PyTorch: {ours!r}")
    return table[type(ours)]


def criterion(loss: Loss) -> Callable[[Any, Any], Any]:
    """Return a loss as a function of PyTorch tensors: outputs (n, k) and class numbers (n,).

    Like pellucid's losses, it sums over outputs and averages over rows. PyTorch's ``MSELoss`` and
    ``BCEWithLogitsLoss`` also average over outputs, and ``MSELoss`` has no factor 1/2.

    Raises
    ------
    TypeError
        If the loss has no counterpart in PyTorch.

    Examples
    --------
    >>> import pellucid as pl
    >>> criterion(pl.MeanSquaredError())(torch.zeros(2, 4), torch.tensor([0, 3])).item()
    0.5
    """
    return partial(counterpart(CRITERIA, loss), label_smoothing=loss.label_smoothing)


def _sigmoid_cross_entropy(outputs: Any, labels: Any, label_smoothing: float) -> Any:
    targets = _targets(outputs, labels, label_smoothing)
    return functional.binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / len(outputs)


def _mean_squared_error(outputs: Any, labels: Any, label_smoothing: float) -> Any:
    return (outputs - _targets(outputs, labels, label_smoothing)).square().sum() / (2 * len(outputs))


def _targets(outputs: Any, labels: Any, label_smoothing: float) -> Any:
    """Return class numbers as smoothed targets of the outputs' shape."""
    k = outputs.shape[1]
    certain = labels[:, None] if k == 1 else functional.one_hot(labels, k)
    return (1 - label_smoothing) * certain.to(outputs.dtype) + label_smoothing / max(k, 2)


CRITERIA: dict[type[Loss], Callable[..., Any]] = {
    SoftmaxCrossEntropy: functional.cross_entropy,
    SigmoidCrossEntropy: _sigmoid_cross_entropy,
    MeanSquaredError: _mean_squared_error,
}
#: Functions that make PyTorch's optimizer from its parameter groups and our optimizer. PyTorch's Adam uses
#: epsilon as ours does.
OPTIMIZERS: dict[type[Optimizer], Callable[[Any, Any], torch.optim.Optimizer]] = {
    SGD: lambda groups, ours: torch.optim.SGD(
        groups, lr=ours.rate(0), momentum=ours.momentum, nesterov=ours.nesterov
    ),
    Adam: lambda groups, ours: torch.optim.Adam(
        groups, lr=ours.rate(0), betas=(ours.beta_1, ours.beta_2), eps=ours.epsilon
    ),
}


def torch_optimizer(optimizer: Optimizer, model: torch.nn.Module) -> torch.optim.Optimizer:
    """Return PyTorch's optimizer for a model's parameters, with our settings.

    Weight decay applies to matrices only, as in ours. The learning rate is that of the first step; with a
    schedule, set the rate before each step as `Twin` does.

    Raises
    ------
    TypeError
        If the optimizer has no counterpart in PyTorch.
    """
    groups = [
        {"params": [p for p in model.parameters() if p.ndim == 2], "weight_decay": optimizer.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    return counterpart(OPTIMIZERS, optimizer)(groups, optimizer)
