"""What training has shown: records for the caller, and the tally that they are made from.

>>> Record(epoch=3, batch=None, loss=0.25, accuracy=0.9).accuracy
0.9
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias, overload

import numpy as np

from pellucid.backend import Array, to_host
from pellucid.training.batches import Piece
from pellucid.training.many import Model

#: Loss and accuracy on validation rows, or None twice without such rows.
Measured: TypeAlias = tuple[float, float] | tuple[None, None]


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


def as_table(records: Sequence[Sequence[Record]]) -> Array:
    """Return the records of each epoch, one for each network, as numbers.

    Returns
    -------
    array, shape (epochs, k, 2) or, with validation, (epochs, k, 4)

    Examples
    --------
    >>> as_table([[Record(1, None, 0.5, 0.75)]])
    array([[[0.5 , 0.75]]])
    """
    rows = [
        [[each.loss, each.accuracy, each.validation_loss, each.validation_accuracy] for each in epoch]
        for epoch in records
    ]
    n_numbers = 2 if rows[0][0][2] is None else 4
    return np.array([[numbers[:n_numbers] for numbers in epoch] for epoch in rows], np.float64)


class History(Sequence[list[Record]]):
    """The records of each epoch of a training that went on: the first as numbers, and made when asked for.

    As objects, records take some twenty times as much.

    Parameters
    ----------
    table : array, optional
        What `as_table` returned; None: no epoch yet.

    Examples
    --------
    >>> history = History(np.array([[[0.5, 0.75]], [[0.25, 1.0]]]))
    >>> history.append([Record(3, None, 0.125, 1.0)])
    >>> [record.loss for [record] in history], history[1][0].epoch, len(history[:2])
    ([0.5, 0.25, 0.125], 2, 2)
    """

    def __init__(self, table: Array | None = None, more: Sequence[list[Record]] = ()) -> None:
        self._table, self._more = np.empty((0, 0, 2)) if table is None else table, list(more)

    def __len__(self) -> int:
        return len(self._table) + len(self._more)

    @overload
    def __getitem__(self, i: int) -> list[Record]: ...
    @overload
    def __getitem__(self, i: slice) -> Self: ...
    def __getitem__(self, i: int | slice) -> list[Record] | Self:
        """Return the records of an epoch; of the first epochs, a history."""
        n_told = len(self._table)
        if isinstance(i, slice):
            stop = range(len(self))[i].stop if i.start is None and i.step is None else None
            if stop is None:
                raise ValueError(f"only the first epochs can be taken, history[:n], got {i}")
            return type(self)(self._table[:stop], self._more[: max(0, stop - n_told)])
        epoch = range(len(self))[i]
        if epoch >= n_told:
            return self._more[epoch - n_told]
        return [Record(epoch + 1, None, *numbers) for numbers in self._table[epoch].tolist()]

    def append(self, records: list[Record]) -> None:
        """Take in the records of another epoch."""
        self._more.append(records)


def as_records(table: Array) -> History:
    """Return the records that `as_table` made numbers of.

    Raises
    ------
    ValueError
        If no records have such numbers.

    Examples
    --------
    >>> as_records(np.array([[[0.5, 0.75]]]))[0][0].accuracy
    0.75
    """
    if table.ndim != 3 or table.shape[2] not in (2, 4) or table.dtype != np.float64:
        raise ValueError(f"records must be float64 (epochs, k, 2 or 4), got {table.dtype} {table.shape}")
    return History(table)


class Tally:
    """Losses and right rows of an epoch, batch by batch, for each network."""

    def __init__(self, model: Model, before: Array, epoch: int) -> None:
        self.model, self.before, self.epoch = model, before, epoch
        self.losses: list[Array] = []
        self.n_correct: list[Array] = []
        self.sizes: list[int] = []
        self.checked = 0

    def continue_with(self, losses: Array, n_correct: Array, sizes: Array) -> None:
        """Start with the batches that `so_far` returned."""
        self.losses, self.n_correct, self.sizes, self.checked = [losses], [n_correct], sizes.tolist(), 1

    def so_far(self) -> tuple[Array, Array, Array]:
        """Return losses and right rows, (steps, k), and sizes of all batches; call `check` before."""
        return np.concatenate(self.losses), np.concatenate(self.n_correct), np.array(self.sizes, np.int64)

    def add(self, piece: Piece, losses: Array, n_correct: Array) -> None:
        """Take in the steps on a piece: losses and right rows have the shape (steps, k)."""
        self.sizes += piece.sizes
        self.losses.append(losses)
        self.n_correct.append(n_correct)

    def check(self) -> None:
        """Raise, with theta put back, if a loss since the last check or the parameters are not finite."""
        for parts in (self.losses, self.n_correct):
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
        losses, n_correct, n = self.losses[-1][-1], self.n_correct[-1][-1], self.sizes[-1]
        return [
            Record(self.epoch, len(self.sizes), float(value), float(count / n))
            for value, count in zip(losses, n_correct, strict=True)
        ]

    def of_epoch(self, measured: Sequence[Measured]) -> list[Record]:
        """Return a record of the epoch for each network; call `check` before."""
        n = sum(self.sizes)
        losses = np.array(self.sizes) @ np.concatenate(self.losses).astype(np.float64) / n
        right = np.concatenate(self.n_correct).sum(axis=0) / n
        return [
            Record(self.epoch, None, float(value), float(share), *validation)
            for value, share, validation in zip(losses, right, measured, strict=True)
        ]
