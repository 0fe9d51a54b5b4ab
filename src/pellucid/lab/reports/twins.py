"""Training runs that a report carries out here and in PyTorch, with the same starting weights and batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.backend import Array


@dataclass(frozen=True, eq=False)
class MiniBatchTraining:
    """A built network with its starting weights, its data, and the settings of mini-batch gradient descent.

    `rng` draws the batches; with `shuffle`, new ones in each epoch.
    """

    net: pl.Network
    loss: pl.Loss
    optimizer: pl.Optimizer
    x: Array
    y: Array
    epochs: int
    batch_size: int
    rng: np.random.Generator
    shuffle: bool = True

    def records(self, library: str, *, per_batch: bool = False) -> Iterator[pl.Record]:
        """Train with "pellucid" or "torch"; PyTorch's records always come with those of each batch."""
        task = self.net, self.loss, self.optimizer, self.x, self.y
        about: dict[str, Any] = {"epochs": self.epochs, "batch_size": self.batch_size}
        if library == "torch":
            from pellucid.interop.torch import train_twin

            drawn = self.rng if self.shuffle else None
            return train_twin(*task, **about, rng=drawn)
        return pl.train(*task, **about, shuffle=self.shuffle, rng=self.rng, per_batch=per_batch)
