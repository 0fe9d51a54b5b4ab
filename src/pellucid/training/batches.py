"""Batches: the sources of an epoch's rows, and their order.

A source yields an epoch piece by piece, and a piece is cut into batches. `InMemory` holds arrays,
`FromBatches` takes an iterable of batches, and `pellucid.training.memory_map` reads a file window by window.

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

#: Rows whose activations fit the processor's cache: larger batches are computed in blocks of this size.
BLOCK_ROWS = 2048


class Piece(NamedTuple):
    """Rows of x and y, given as a slice or as row numbers, to be cut into batches of ``batch_size`` rows."""

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
        # "clip" skips a bounds check that cannot fail; CuPy never checks and has no such mode.
        take: Callable[..., Array] = partial(np.take, mode="clip") if xp is np else xp.take
        for start in range(0, len(rows), batch_size):
            chosen = rows[start : start + batch_size]
            yield (
                take(x, chosen, axis=0, out=scratch.array("x", (len(chosen), *x.shape[1:]), x.dtype, xp)),
                take(y, chosen, axis=0, out=scratch.array("y", (len(chosen), *y.shape[1:]), y.dtype, xp)),
            )


class Source(Protocol):
    """Where the rows of training come from.

    Attributes
    ----------
    n_rows, n_steps : int
        Rows and batches in an epoch; 0 if unknown.
    batch_size : int
        Rows in the largest batch; 0 if unknown.
    labels : array or None
        All labels; None if unknown.
    rng : numpy.random.Generator or None
        Draws the permutations.
    """

    n_rows: int
    n_steps: int
    batch_size: int

    @property
    def rng(self) -> np.random.Generator | None:
        """The generator of the permutations."""

    @property
    def labels(self) -> Array | None:
        """All labels."""

    @property
    def x(self) -> Array | None:
        """All rows; None if unknown."""

    def epoch(self, steps_at_a_time: int, skip: int = 0) -> Iterator[Piece]:
        """Yield an epoch in pieces of up to ``steps_at_a_time`` batches, after skipping ``skip`` batches."""


class InMemory:
    """Arrays in memory; each epoch draws a new permutation of the rows, or keeps their order.

    Parameters
    ----------
    x, y : array
    batch_size : int or None
        None: all rows in one batch, in the given order.
    rng : numpy.random.Generator or None
        Draws the permutations; None: keep the order.
    device : str
        The device that the arrays are copied to.
    """

    def __init__(
        self, x: Array, y: Array, batch_size: int | None, rng: np.random.Generator | None, device: str = "cpu"
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
    """An iterable of pairs (x, y), each of which is a batch.

    Parameters
    ----------
    batches : iterable of (x, y)
        Iterated once per epoch.
    check : callable
        ``check(x, y)`` returns the batch as checked arrays, or raises.
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
        """Yield the batches of one epoch."""
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
                f"the iterable yields {number} batches, but the interrupted run had used {skip}: resume with "
                "the same batches"
            )
        if number == 0:
            raise ValueError(
                "the iterable of batches is empty: it must start again in every epoch, so pass a list or "
                "another object that can be iterated repeatedly, not a generator"
            )
