"""Records of training: what the caller sees, and the tally that they are computed from.

>>> Record(epoch=3, batch=None, loss=0.25, accuracy=0.9).accuracy
0.9
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias, overload

import numpy as np

from pellucid.backend import Array, to_device, to_host
from pellucid.losses import Loss
from pellucid.metrics import count_correct
from pellucid.network import Network, blocks
from pellucid.training.batches import BLOCK_ROWS
from pellucid.training.many import Model

#: Loss and accuracy on the validation rows; (None, None) without validation rows.
Measured: TypeAlias = tuple[float, float] | tuple[None, None]


@dataclass(frozen=True)
class Record:
    """Loss and accuracy of one epoch, or with ``per_batch=True`` of one batch.

    Attributes
    ----------
    epoch : int
        From 1.
    batch : int or None
        From 1 in the record of a batch; None in the record of an epoch.
    loss, accuracy : float
        Means over the rows of the training passes: before each update, with dropout on. The accuracy is a
        fraction.
    validation_loss, validation_accuracy : float or None
        Measured after the epoch, with dropout off; None without validation data.

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
    """Return the records of each epoch, one per network, as numbers.

    Returns
    -------
    array, shape (epochs, k, 2) or, with validation, (epochs, k, 4)
    """
    rows = [
        [[each.loss, each.accuracy, each.validation_loss, each.validation_accuracy] for each in epoch]
        for epoch in records
    ]
    n_numbers = 2 if rows[0][0][2] is None else 4
    return np.array([[numbers[:n_numbers] for numbers in epoch] for epoch in rows], np.float64)


class History(Sequence[list[Record]]):
    """The records of all epochs of a resumed run; those from the checkpoint are stored as an array.

    `Record` objects take about twenty times the memory, so `History` creates them on demand from `table`, an
    array that `as_table` returned.

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
        """Return the records of an epoch, or the history of the first epochs."""
        n_saved = len(self._table)
        if isinstance(i, slice):
            stop = range(len(self))[i].stop if i.start is None and i.step is None else None
            if stop is None:
                raise ValueError(f"a history can be cut to its first epochs only, history[:n], got {i}")
            return type(self)(self._table[:stop], self._more[: max(0, stop - n_saved)])
        epoch = range(len(self))[i]
        if epoch >= n_saved:
            return self._more[epoch - n_saved]
        return [Record(epoch + 1, None, *numbers) for numbers in self._table[epoch].tolist()]

    def append(self, records: list[Record]) -> None:
        """Add the records of another epoch."""
        self._more.append(records)


def as_records(table: Array) -> History:
    """Return the records that `as_table` turned into numbers."""
    if table.ndim != 3 or table.shape[2] not in (2, 4) or table.dtype != np.float64:
        raise ValueError(f"records must be float64 (epochs, k, 2 or 4), got {table.dtype} {table.shape}")
    return History(table)


def measure(
    net: Network, loss: Loss, x: Array, y: Array, *, block_rows: int = BLOCK_ROWS
) -> tuple[float, float]:
    """Return the mean loss and the accuracy on data that `check_data` returned."""
    total, n_correct = 0.0, 0
    for rows in blocks(len(x), block_rows):
        outputs, labels = net.forward(x[rows]), to_device(y[rows], net.device)
        value, _ = loss.value_and_grad(outputs, labels)
        total += float(to_host(value)) * len(outputs)
        n_correct += int(to_host(count_correct(outputs, labels, loss.threshold)))
    return total / len(x), n_correct / len(x)


class Tally:
    """Losses and correct rows of an epoch, batch by batch, for each network."""

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
        """Return losses and correct rows, (steps, k), and sizes of all batches; call `check` first."""
        return np.concatenate(self.losses), np.concatenate(self.n_correct), np.array(self.sizes, np.int64)

    def add(self, sizes: Sequence[int], losses: Array, n_correct: Array) -> None:
        """Add the steps on a piece: losses and correct rows have the shape (steps, k)."""
        self.sizes += sizes
        self.losses.append(losses)
        self.n_correct.append(n_correct)

    def check(self) -> None:
        """Restore theta and raise if a loss since the last check, or a parameter, is not finite."""
        for parts in (self.losses, self.n_correct):
            parts[self.checked :] = [to_host(part) for part in parts[self.checked :]]
        losses = np.concatenate([np.empty((0, self.model.k)), *self.losses[self.checked :]])
        self.checked = len(self.losses)
        finite = np.isfinite(losses)
        # If minimum and maximum are finite, so is every entry. This needs no array of theta's size.
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
            f"epoch {self.epoch}: {where} not finite; theta has been restored to the start of this epoch, "
            "the optimizer has not: make a new one. A smaller learning rate, rescaled input or another "
            "initializer usually helps"
        )

    def of_last_batch(self) -> list[Record]:
        """Return a record of the last batch for each network; call `check` first."""
        losses, n_correct, n = self.losses[-1][-1], self.n_correct[-1][-1], self.sizes[-1]
        return [
            Record(self.epoch, len(self.sizes), float(value), float(count / n))
            for value, count in zip(losses, n_correct, strict=True)
        ]

    def of_epoch(self, measured: Sequence[Measured]) -> list[Record]:
        """Return a record of the epoch for each network; call `check` first."""
        n = sum(self.sizes)
        losses = np.array(self.sizes) @ np.concatenate(self.losses).astype(np.float64) / n
        accuracies = np.concatenate(self.n_correct).sum(axis=0) / n
        return [
            Record(self.epoch, None, float(value), float(accuracy), *validation)
            for value, accuracy, validation in zip(losses, accuracies, measured, strict=True)
        ]
