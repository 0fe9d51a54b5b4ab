"""PyTorch with forward pass and loss compiled by torch.compile; the rest is as in `torch_eager`."""

from bench.peers.torch_eager import Training
from bench.problem import Options, Prepared, Problem


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return a training that has compiled both its batch sizes; there are no options."""
    import torch

    training = Training(problem)
    training.loss = torch.compile(training.loss, dynamic=False)
    for rows in sorted(set(problem.workload.batches)):
        training.loss(training.x[:rows], training.y[:rows]).backward()
    training.optimizer.zero_grad()
    return Prepared(training.epoch, training.parameters)
