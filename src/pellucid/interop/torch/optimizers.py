"""Our optimizers in PyTorch: its own rules, by our settings."""

from collections.abc import Callable
from typing import Any

import torch

from pellucid.interop.torch.counterparts import counterpart
from pellucid.optimizers import SGD, Adam, Optimizer

#: From groups of parameters and our settings; PyTorch's Adam places epsilon as ours does.
OPTIMIZERS: dict[type[Optimizer], Callable[[Any, Any], torch.optim.Optimizer]] = {
    SGD: lambda groups, ours: torch.optim.SGD(
        groups, lr=ours.rate(0), momentum=ours.momentum, nesterov=ours.nesterov
    ),
    Adam: lambda groups, ours: torch.optim.Adam(
        groups, lr=ours.rate(0), betas=(ours.beta_1, ours.beta_2), eps=ours.epsilon
    ),
}


def torch_optimizer(optimizer: Optimizer, model: torch.nn.Module) -> torch.optim.Optimizer:
    """Return the optimizer for a model's parameters, weight decay on matrices only as ours has it.

    Of a schedule it has the first rate: `Twin` sets the rate of each step.

    Raises
    ------
    TypeError
        If the optimizer has no counterpart here.

    Examples
    --------
    >>> import pellucid as pl
    >>> type(torch_optimizer(pl.Adam(0.01), torch.nn.Linear(2, 1)))
    <class 'torch.optim.adam.Adam'>
    """
    groups = [
        {"params": [p for p in model.parameters() if p.ndim == 2], "weight_decay": optimizer.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    return counterpart(OPTIMIZERS, optimizer)(groups, optimizer)
