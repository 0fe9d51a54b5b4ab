"""What training has shown: records for the caller, and the tally that they are made from.

>>> Record(epoch=3, batch=None, loss=0.25, accuracy=0.9).accuracy
0.9
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.backend import Array, to_host
from pellucid.batches import Piece
from pellucid.stack import Model


@dataclass(frozen=True)
class Record:
    """What one epoch, or with ``per_batch=True`` one batch, has shown.

    Attributes
    ----------
    epoch : int
        From 1.
    batch : int or None
        From 1 in a batch's record; None in an epoch's.
    loss, accuracy : float
        Means over the rows of the training passes, before each update and with dropout on. The accuracy is a
        fraction.
    validation_loss, validation_accuracy : float or None
        Measured after the epoch with ``train=False``; None without validation data.

    Examples
    --------
    >>> Record(epoch=3, batch=None, loss=0.25, accuracy=0.9)  # doctest: +NORMALIZE_WHITESPACE
    Record(epoch=3, batch=None, loss=0.25, accuracy=0.9,
           validation_loss=None, validation_accuracy=None)
    """

    epoch: int
    batch: int | None
    loss: float
    accuracy: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


class Tally:
    """Losses and right rows of an epoch, batch by batch, for each network."""

    def __init__(self, model: Model, before: Array, epoch: int) -> None:
        self.model, self.before, self.epoch = model, before, epoch
        self.losses: list[Array] = []
        self.right: list[Array] = []
        self.sizes: list[int] = []
        self.checked = 0

    def add(self, piece: Piece, losses: Array, right: Array) -> None:
        """Take in the steps on a piece: losses and right rows have the shape (steps, k)."""
        self.sizes += piece.sizes
        self.losses.append(losses)
        self.right.append(right)

    def check(self) -> None:
        """Raise, with theta put back, if a loss since the last check or the parameters are not finite."""
        for parts in (self.losses, self.right):
            parts[self.checked :] = [to_host(part) for part in parts[self.checked :]]
        losses = np.concatenate([np.empty((0, self.model.k)), *self.losses[self.checked :]])
        self.checked = len(self.losses)
        finite = np.isfinite(losses)
        # Both ends finite: all is, NaN included, and no array of theta's size is made.
        theta = self.model.theta
        ends = [to_host(end) for end in ((theta.min(), theta.max()) if theta.size else ())]
        if finite.all() and np.isfinite(ends).all():
            return
        where = f"after batch {len(self.sizes)} the parameters are"
        if not finite.all():
            i, j = np.argwhere(~finite)[0]
            network = "" if self.model.k == 1 else f" of nets[{j}]"
            batch = len(self.sizes) - len(losses) + i + 1
            where = f"in batch {batch} the loss{network} is {losses[i, j]:g},"
        theta[...] = self.before
        self.model.scatter()
        raise FloatingPointError(
            f"epoch {self.epoch}: {where} not finite; theta is as it was before this epoch, the optimizer "
            "is not: make a new one. A smaller learning rate, rescaled input or another initializer usually "
            "helps"
        )

    def of_last_batch(self) -> list[Record]:
        """Return a record of the last batch for each network; call `check` before."""
        losses, right, n = self.losses[-1][-1], self.right[-1][-1], self.sizes[-1]
        return [
            Record(self.epoch, len(self.sizes), float(value), float(count / n))
            for value, count in zip(losses, right, strict=True)
        ]

    def of_epoch(self, measured: Sequence[tuple[float, float] | tuple[None, None]]) -> list[Record]:
        """Return a record of the epoch for each network; call `check` before."""
        n = sum(self.sizes)
        losses = np.array(self.sizes) @ np.concatenate(self.losses).astype(np.float64) / n
        right = np.concatenate(self.right).sum(axis=0) / n
        return [
            Record(self.epoch, None, float(value), float(share), *validation)
            for value, share, validation in zip(losses, right, measured, strict=True)
        ]
