"""Train the same network in PyTorch: same initial weights, same batches, same dropout masks.

`Twin` takes one step at a time. `train_twin` replaces `pellucid.train` and yields the same records. After
each epoch it copies the trained parameters back into the pellucid network, which is then evaluated as usual.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from pellucid.backend import Array
from pellucid.interop.torch.counterparts import criterion, torch_optimizer
from pellucid.interop.torch.modules import parameter_pairs, sequential
from pellucid.losses import Loss
from pellucid.metrics import count_correct
from pellucid.network import Network, blocks
from pellucid.optimizers import Optimizer
from pellucid.training.records import Record


class Twin:
    """A copy of a network in PyTorch that takes the same training steps as the original.

    Parameters
    ----------
    net : Network
        Built, on the CPU. Parameters and the random generators of dropout are copied.
    loss : Loss
    optimizer : Optimizer
        Not yet used: only its settings are copied.

    Attributes
    ----------
    model : torch.nn.Sequential
    step_number : int
        Number of steps taken.

    Raises
    ------
    TypeError
        If a layer, the loss or the optimizer has no counterpart in PyTorch.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.Network([pl.Dense(2, init=pl.zeros)]).build(3, rng=np.random.default_rng(0))
    >>> twin = Twin(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1))
    >>> value, right = twin.step(np.ones((4, 3), np.float32), np.array([0, 0, 0, 1]))
    >>> round(value, 4), right, twin.gradients()["0.bias"].tolist()
    (0.6931, 3, [-0.25, 0.25])
    """

    def __init__(self, net: Network, loss: Loss, optimizer: Optimizer) -> None:
        self.model = sequential(net, same_masks=True)
        self._criterion, self._threshold = criterion(loss), loss.threshold
        self._steps, self._rate = torch_optimizer(optimizer, self.model), optimizer.rate
        self.step_number = 0

    def step(self, x: Array, y: Array) -> tuple[float, int]:
        """Take one step on a batch; return its loss and number of correct rows before the update."""
        for group in self._steps.param_groups:
            group["lr"] = self._rate(self.step_number)
        outputs = self.model(torch.from_numpy(x))
        value = self._criterion(outputs, torch.from_numpy(y))
        self._steps.zero_grad()
        value.backward()
        self._steps.step()
        self.step_number += 1
        return value.item(), int(count_correct(outputs.detach().numpy(), y, self._threshold))

    def parameters(self) -> dict[str, Array]:
        """Return views of the parameters by name, weights as (n_in, n_out)."""
        return {name: _array(each.detach()) for name, each in self.model.named_parameters()}

    def gradients(self) -> dict[str, Array]:
        """Return views of the last step's gradients by name, those of weights as (n_in, n_out)."""
        return {name: _array(each.grad) for name, each in self.model.named_parameters()}


def _array(tensor: Any) -> Array:
    """Return a view as NumPy array, a matrix as (n_in, n_out)."""
    return tensor.numpy().T  # type: ignore[no-any-return]


@contextmanager
def threads(n: int | None) -> Iterator[None]:
    """Set PyTorch's number of threads within the block; None leaves it unchanged.

    PyTorch's threads wait by spinning. If another process uses a core, small steps can take tens of times as
    long with two threads as with one.

    Examples
    --------
    >>> with threads(1):
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(before if n is None else n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
    """Train a copy of the network in PyTorch, like `pellucid.train`.

    Parameters
    ----------
    net : Network
        Provides the initial parameters, and receives the trained ones after each epoch.
    loss : Loss
    optimizer : Optimizer
        Not changed: only its settings are copied.
    x : array, shape (n, n_in)
        Of the network's dtype, or any real dtype if the network begins with `Rescale`.
    y : array, shape (n,)
        Class numbers.
    epochs, batch_size : int
    rng : numpy.random.Generator or None
        Shuffles the rows as in `pellucid.train`. None keeps their order.

    Yields
    ------
    Record
        One per batch and one per epoch.
    """
    twin = Twin(net, loss, optimizer)
    for epoch in range(1, epochs + 1):
        order = np.arange(len(y)) if rng is None else rng.permutation(len(y))
        sums = np.zeros(3)
        for i, rows in enumerate(blocks(len(y), batch_size)):
            chosen = order[rows]
            value, right = twin.step(x[chosen], y[chosen])
            sums += (len(chosen), len(chosen) * value, right)
            yield Record(epoch, i + 1, value, right / len(chosen))
        for mine, theirs in parameter_pairs(net, twin.model):
            mine[...] = theirs.detach().numpy()
        yield Record(epoch, None, float(sums[1] / sums[0]), float(sums[2] / sums[0]))
