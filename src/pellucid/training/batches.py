"""Where the rows of training come from, and in which order.

A source yields an epoch in pieces, which the descent cuts into batches: arrays that fit into memory as they
are, a file on disk window by window, an iterable batch by batch.

>>> import numpy as np
>>> source = InMemory(np.eye(5), np.arange(5), batch_size=2, rng=None)
>>> [piece.rows for piece in source.epoch(steps_at_a_time=2)]
[slice(0, 4, None), slice(4, 5, None)]
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from pellucid.backend import Array, Scratch, module_of, to_device
from pellucid.network import blocks


class Piece(NamedTuple):
    """Rows of x and y, as a slice or as row numbers, to be taken in batches of batch_size."""

    x: Array
    y: Array
    rows: Array | slice
    batch_size: int

    @property
    def sizes(self) -> list[int]:
        """The number of rows in each batch."""
        n = self.rows.stop - self.rows.start if isinstance(self.rows, slice) else len(self.rows)
        return [batch.stop - batch.start for batch in blocks(n, self.batch_size)]

    def batches(self, scratch: Scratch) -> Iterator[tuple[Array, Array]]:
        """Yield x and y of each batch: views of the data, or copies if rows are shuffled."""
        x, y, rows, batch_size = self
        if isinstance(rows, slice):
            for start in range(rows.start, rows.stop, batch_size):
                batch = slice(start, min(start + batch_size, rows.stop))
                yield x[batch], y[batch]
            return
        xp = module_of(x)
        # "clip" spares NumPy a check that cannot fail; CuPy, which never checks, knows no mode.
        take: Callable[..., Array] = partial(np.take, mode="clip") if xp is np else xp.take
        for start in range(0, len(rows), batch_size):
            chosen = rows[start : start + batch_size]
            yield (
                take(x, chosen, axis=0, out=scratch.array("x", (len(chosen), *x.shape[1:]), x.dtype, xp)),
                take(y, chosen, axis=0, out=scratch.array("y", (len(chosen), *y.shape[1:]), y.dtype, xp)),
            )


class Source(Protocol):
    """Rows for training.

    Attributes
    ----------
    n_rows, n_steps : int
        Rows and batches in an epoch; 0 where they are not known beforehand.
    batch_size : int
        The most rows in a batch; 0 where it is not known.
    labels : array or None
        All labels, which tell whether they are class numbers or targets; None where they are not known.
    rng : numpy.random.Generator or None
        Draws the permutations.
    """

    n_rows: int
    n_steps: int
    batch_size: int

    @property
    def rng(self) -> np.random.Generator | None:
        """The generator of permutations."""

    @property
    def labels(self) -> Array | None:
        """All labels."""

    @property
    def x(self) -> Array | None:
        """All rows; None where they are not known."""

    def epoch(self, steps_at_a_time: int, skip: int = 0) -> Iterator[Piece]:
        """Yield the pieces of one epoch, each of so many batches at most, without the first `skip`."""


class InMemory:
    """Arrays; each epoch a fresh permutation of the rows, or with ``rng=None`` the rows in their order.

    Parameters
    ----------
    x, y : array
    batch_size : int or None
        None: all rows in one batch, which are not permuted.
    rng : numpy.random.Generator or None
    device : str
        Where they are copied to, if they are not there.
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        batch_size: int | None,
        rng: np.random.Generator | None,
        device: str = "cpu",
    ) -> None:
        self.x, self.labels, self.n_rows = to_device(x, device), to_device(y, device), len(x)
        self.batch_size = self.n_rows if batch_size is None else min(batch_size, self.n_rows)
        self.n_steps = -(-self.n_rows // self.batch_size)
        self.rng, self.device = None if batch_size is None else rng, device

    def epoch(self, steps_at_a_time: int, skip: int = 0) -> Iterator[Piece]:
        """Yield the pieces of one epoch."""
        order = None if self.rng is None else to_device(self.rng.permutation(self.n_rows), self.device)
        size = steps_at_a_time * self.batch_size
        for start in range(skip * self.batch_size, self.n_rows, size):
            rows = slice(start, min(start + size, self.n_rows))
            yield Piece(self.x, self.labels, rows if order is None else order[rows], self.batch_size)


class FromBatches:
    """An iterable of pairs (x, y): each is a batch, in the order in which they come.

    Parameters
    ----------
    batches : iterable of (x, y)
        Gone through anew in every epoch.
    check : callable
        ``check(x, y)`` returns the batch ready to train on, or raises.
    device : str
    """

    n_rows = n_steps = batch_size = 0
    x = labels = rng = None

    def __init__(
        self, batches: Iterable[Any], check: Callable[[Any, Any], tuple[Array, Array]], device: str = "cpu"
    ) -> None:
        self.batches, self.check, self.device = batches, check, device
        self.errors = np.geterr()

    def _made_by_the_caller(self) -> Iterator[Any]:
        """Yield the batches; the caller's code runs with the caller's settings for floating-point errors."""
        batches, end = iter(self.batches), object()
        while True:
            with np.errstate(**self.errors):
                batch = next(batches, end)
            if batch is end:
                return
            yield batch

    def epoch(self, steps_at_a_time: int, skip: int = 0) -> Iterator[Piece]:
        """Yield the batches of one epoch.

        Raises
        ------
        ValueError
            If there is none, or a batch is not a pair or cannot be trained on; it names the batch.
        """
        number = 0
        for number, batch in enumerate(self._made_by_the_caller(), start=1):
            if number <= skip:
                continue
            if not isinstance(batch, tuple | list) or len(batch) != 2:
                raise ValueError(f"batch {number} must be a pair (x, y), got {type(batch).__name__}")
            try:
                x, y = self.check(*batch)
            except ValueError as error:
                raise ValueError(f"batch {number}: {error}") from error
            yield Piece(to_device(x, self.device), to_device(y, self.device), slice(0, len(x)), len(x))
        if 0 < number < skip:
            raise ValueError(
                f"the iterable gives {number} batches, and training was broken off after {skip}: resume with "
                "the batches that it began with"
            )
        if number == 0:
            raise ValueError(
                "the iterable of batches is empty: it must begin anew for every epoch, as a list does and a "
                "generator does not"
            )
