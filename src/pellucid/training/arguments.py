"""The arguments of `train` and `train_many`: declared once, checked once, passed on as one object."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from pellucid.checks import check_count, check_ending, check_kind
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import Optimizer
from pellucid.training.checkpoint import Checkpoint


@dataclass(kw_only=True)
class Arguments:
    """The arguments of `pellucid.train_many`; `pellucid.train` passes a list of one network.

    `pellucid.train` describes each of them. The numbers in x, y and validation are checked where they are
    opened, in `pellucid.training.setup`.
    """

    nets: Sequence[Network]
    loss: Loss
    optimizer: Optimizer
    x: Any
    y: Any
    epochs: int
    batch_size: int | None
    block_rows: int | None
    shuffle: bool
    validation: Any
    rng: np.random.Generator | None
    per_batch: bool
    compiled: bool | None
    deterministic: bool
    checkpoint: str | PathLike[str] | Checkpoint | None
    every: int | None
    resume: bool

    def __post_init__(self) -> None:
        self._check_networks()
        check_count("epochs", self.epochs, may_be_none=False)
        for name in ("batch_size", "block_rows", "every"):
            check_count(name, getattr(self, name), may_be_none=True)
        for name in ("deterministic", "resume"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, got {getattr(self, name)!r}")
        self._check_data()
        self._check_checkpoint()
        if self.deterministic and self.net.device != "cpu":
            raise ValueError(f"deterministic=True is for the CPU, got a network on {self.net.device!r}")

    @property
    def net(self) -> Network:
        """The first network; the others have its shape."""
        return self.nets[0]

    @property
    def order_rng(self) -> np.random.Generator | None:
        """The generator of permutations; None if rows keep their order."""
        return self.rng if self.shuffle else None

    def _check_networks(self) -> None:
        if not self.nets:
            raise ValueError("nets must hold at least one network, got an empty list")
        for j, net in enumerate(self.nets):
            check_kind(f"nets[{j}]", net, Network)
        check_kind("loss", self.loss, Loss)
        check_kind("optimizer", self.optimizer, Optimizer)
        for net in self.nets:
            net.check_built()
        check_ending(self.net, self.loss)
        if len(self.nets) > 1 and not self.loss.by_rows:
            raise ValueError(
                "several networks need a loss that is computed row by row, with a method `rows`, got "
                f"{self.loss!r}"
            )

    def _check_data(self) -> None:
        """Check that x, y, batch_size, rng and validation can be used together."""
        validation, is_array = self.validation, isinstance(self.x, np.ndarray)
        if validation is not None and not (isinstance(validation, tuple | list) and len(validation) == 2):
            raise TypeError(f"validation must be a pair (x, y), got {type(validation).__name__}")
        if self.shuffle and self.batch_size is not None and not isinstance(self.rng, np.random.Generator):
            raise TypeError(
                f"rng must be a generator such as numpy.random.default_rng(0) to shuffle, got {self.rng!r}"
            )
        if self.y is None and self.batch_size is not None:
            raise ValueError(f"without y, x must yield whole batches: leave out batch_size={self.batch_size}")
        if self.y is None and (is_array or not isinstance(self.x, Iterable)):
            kind = type(self.x).__name__
            raise TypeError(f"without y, x must be an iterable of batches (x, y), got {kind}")

    def _check_checkpoint(self) -> None:
        """Turn the path of a checkpoint into a `Checkpoint`, and check that it can be written."""
        if self.checkpoint is None:
            if self.every is not None or self.resume:
                named = f"every={self.every}" if self.every is not None else "resume=True"
                raise ValueError(f"{named} needs a checkpoint: give its path as checkpoint=")
            return
        if not isinstance(self.checkpoint, Checkpoint):
            self.checkpoint = Checkpoint(self.checkpoint)
        self.checkpoint.check_place(resume=self.resume)
