"""Where the rows of training come from, and in which order.

A source yields an epoch in pieces, which the descent cuts into batches: arrays that fit into memory as they
are, a file on disk window by window, an iterable batch by batch.

>>> import numpy as np
>>> source = InMemory(np.eye(5), np.arange(5), batch_size=2, rng=None)
>>> [piece.rows for piece in source.epoch(steps_at_a_time=2)]
[slice(0, 4, None), slice(4, 5, None)]
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from pellucid.backend import Array, to_device
from pellucid.checks import check_finite
from pellucid.network import blocks
from pellucid.training.memory_map.file_reads import MappedRows

#: Bytes of a window of a file that is read ahead; two are kept in memory.
WINDOW_BYTES = 32 * 2**20
#: Bytes of a run of rows that are read together, and in each epoch from another place among the others.
RUN_BYTES = 2**19


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


class FromFile:
    """A memory map; windows of it are read ahead by a thread while the one before is trained on.

    Where batches are shuffled, rows that stand together in the file are read together, as reading single rows
    from a disk would take a hundred times as long: each epoch puts the file's runs of rows, half a MiB each,
    into a new order, fills a window of 32 MiB with the next ones, and permutes the window's rows. A file
    sorted by class is mixed less than by a permutation of all rows: its windows hold 64 runs.

    A window's numbers are checked when it is read: to do it beforehand, the file would be read once more.

    Parameters
    ----------
    x : numpy.memmap
    y : array
    batch_size : int
    rng : numpy.random.Generator or None
        None: the rows in their order.
    device : str
    dtype : numpy.dtype, optional
        In which the numbers must be finite; None: in their own.
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        batch_size: int,
        rng: np.random.Generator | None,
        device: str = "cpu",
        dtype: np.dtype[Any] | None = None,
    ) -> None:
        self.x, self.labels, self.rng, self.device = x, y, rng, device
        self.dtype = x.dtype if dtype is None else dtype
        self.n_rows, self.batch_size = len(x), min(batch_size, len(x))
        self.n_steps = -(-self.n_rows // self.batch_size)
        row_bytes = x[:1].nbytes
        self.run = max(1, RUN_BYTES // row_bytes)
        # Whole batches, so that only the last batch of the epoch is smaller.
        self.window = max(1, WINDOW_BYTES // row_bytes // self.batch_size) * self.batch_size
        shape = (min(self.window, self.n_rows), *x.shape[1:])
        self.buffers = [np.empty(shape, x.dtype) for _ in range(2)]

    def epoch(self, steps_at_a_time: int, skip: int = 0) -> Iterator[Piece]:
        """Yield the pieces of one epoch."""
        from concurrent.futures import ThreadPoolExecutor  # here, since it would slow down every start

        n_skipped, skip = divmod(skip, self.window // self.batch_size)
        windows = list(self._windows())
        self._draw_orders(windows[:n_skipped])
        windows = windows[n_skipped:]
        if not windows:
            return
        with MappedRows(self.x) as file, ThreadPoolExecutor(1, thread_name_prefix="pellucid-read") as pool:
            file.expect(windows[0])
            ahead = pool.submit(self._read, file, windows, 0)
            for i in range(len(windows)):
                x, y = ahead.result()
                if i + 1 < len(windows):
                    ahead = pool.submit(self._read, file, windows, i + 1)
                in_memory = InMemory(x, y, self.batch_size, self.rng, self.device)
                yield from in_memory.epoch(steps_at_a_time, skip if i == 0 else 0)

    def _draw_orders(self, windows: list[list[slice]]) -> None:
        """Draw the random numbers of windows that are not read."""
        for window in windows:
            if self.rng is not None:
                self.rng.permutation(sum(run.stop - run.start for run in window))

    def _windows(self) -> Iterator[list[slice]]:
        """Yield the runs of rows of each window: all runs in a new order, cut where a window is full."""
        runs = list(blocks(self.n_rows, self.run))
        order = range(len(runs)) if self.rng is None else self.rng.permutation(len(runs))
        window: list[slice] = []
        room = self.window
        for run in (runs[i] for i in order):
            rest = run
            while rest.stop - rest.start >= room:
                window.append(slice(rest.start, rest.start + room))
                rest = slice(rest.start + room, rest.stop)
                yield window
                window, room = [], self.window
            if rest.stop > rest.start:
                window.append(rest)
                room -= rest.stop - rest.start
        if window:
            yield window

    def _read(self, file: MappedRows, windows: list[list[slice]], i: int) -> tuple[Array, Array]:
        """Copy the runs of a window into its buffer, one behind the other; return them with their labels.

        The disk is to read the next window's meanwhile.

        Raises
        ------
        ValueError
            At a number that is not finite; it names the row of the file.
        """
        window, buffer = windows[i], self.buffers[i % 2]
        file.expect(windows[i + 1] if i + 1 < len(windows) else ())
        start = 0
        for run in window:
            stop = start + run.stop - run.start
            file.read(run, buffer[start:stop])
            check_finite("x", buffer[start:stop], self.dtype, first_row=run.start)
            start = stop
        return buffer[:start], np.concatenate([self.labels[run] for run in window])


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

    def epoch(self, steps_at_a_time: int, skip: int = 0) -> Iterator[Piece]:
        """Yield the batches of one epoch.

        Raises
        ------
        ValueError
            If there is none, or a batch is not a pair or cannot be trained on; it names the batch.
        """
        number = 0
        for number, batch in enumerate(self.batches, start=1):
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
