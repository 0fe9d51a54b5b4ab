"""PyTorch on the processor, operation by operation; `torch_compiled` compiles forward pass and loss.

Its best form here: fused Adam, plain SGD, batches by index_select, numbers too small for full precision
taken for 0, as many threads as the worker has cores.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.problem import Options, Parameters, Prepared, Problem
from bench.workloads import Workload
from pellucid.backend import Array


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return a training; there are no options."""
    training = Training(problem)
    return Prepared(training.epoch, training.parameters)


class Training:
    """Model, loss, optimizer and data as tensors."""

    def __init__(self, problem: Problem) -> None:
        import torch

        torch.set_flush_denormal(True)
        self.problem, self.work = problem, problem.workload
        self.tensor: Callable[[Array], Any] = torch.from_numpy
        self.x, self.y = torch.from_numpy(problem.pixels()), torch.from_numpy(problem.labels)
        self.orders, self.rates = problem.orders(), problem.rates()
        self.model = _model(problem)
        self.optimizer = _optimizer(self.work, self.model)
        measure = torch.nn.CrossEntropyLoss(label_smoothing=self.work.label_smoothing)
        self.loss: Callable[[Any, Any], Any] = lambda x, y: measure(self.model(x), y)

    def epoch(self) -> None:
        """Carry out one unit: an iteration in full batch, else an epoch."""
        if self.work.batch_size is None:
            self.step(self.x, self.y)
            return
        for rows in self.tensor(next(self.orders)).split(self.work.batch_size):
            self.step(self.x.index_select(0, rows), self.y.index_select(0, rows))

    def step(self, x: Any, y: Any) -> None:
        """Take one step."""
        if self.work.cycle_epochs is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = next(self.rates)
        self.loss(x, y).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def parameters(self) -> Parameters:
        """Return the weights in our orientation."""
        arrays = [each.detach().numpy() for each in self.model.parameters()]
        return [(W.T.copy(), b.copy()) for W, b in zip(arrays[::2], arrays[1::2], strict=True)]


def _model(problem: Problem) -> Any:
    """Return the network with the starting weights."""
    import torch

    activations = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}
    modules: list[Any] = []
    for W, b in problem.weights():
        linear = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(np.ascontiguousarray(W.T)))
            linear.bias.copy_(torch.from_numpy(b))
        modules += [linear, activations[problem.workload.activation]()]
    return torch.nn.Sequential(*modules[:-1])


def _optimizer(work: Workload, model: Any) -> Any:
    """Return the rule in the form that is the fastest for it."""
    import torch

    if work.rule == "sgd":
        return torch.optim.SGD(model.parameters(), foreach=False, **sgd_settings(work))
    return torch.optim.Adam(model.parameters(), lr=work.rate, fused=True)


def sgd_settings(work: Workload) -> dict[str, Any]:
    """Return rate and momentum as PyTorch's SGD takes them.

    Examples
    --------
    >>> from bench.workloads import WORKLOADS
    >>> sgd_settings(WORKLOADS["D"])
    {'lr': 0.1, 'momentum': 0.0, 'nesterov': False}
    """
    return {"lr": work.rate, "momentum": work.momentum, "nesterov": work.momentum > 0}
