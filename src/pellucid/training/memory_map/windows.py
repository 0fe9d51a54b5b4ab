"""Batches from a memory map larger than memory: windows of the file, read ahead by a thread."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from pellucid.backend import Array, Scratch
from pellucid.checks import check_finite
from pellucid.network import blocks
from pellucid.training.batches import InMemory, Piece
from pellucid.training.memory_map.file_reads import MappedRows

#: Bytes of a window, the part of a file that is read ahead; two windows are in memory.
WINDOW_BYTES = 32 * 2**20
#: Bytes of a run: neighbouring rows that are read together. Each epoch puts the runs into a new order.
RUN_BYTES = 2**19


class FromFile:
    """A memory map, read window by window: a thread reads the next window during training on the current one.

    Shuffling works on runs of neighbouring rows, half a MiB each, because reading single rows from a disk
    takes about a hundred times as long. Each epoch puts the runs into a new order, fills a window of 32 MiB
    with the next 64 runs, and permutes the rows of the window. A file sorted by class is therefore shuffled
    less thoroughly than by a permutation of all rows.

    The numbers of a window are checked when it is read: checking earlier would read the whole file twice.

    Parameters
    ----------
    x : numpy.memmap
    y : array
    batch_size : int
    rng : numpy.random.Generator or None
        None: keep the order of the rows.
    device : str
    dtype : numpy.dtype, optional
        The dtype in which the numbers must be finite; None: that of x.
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
        self.shape, self.scratch = (min(self.window, self.n_rows), *x.shape[1:]), Scratch()

    def epoch(self, steps_at_a_time: int, skip: int = 0) -> Iterator[Piece]:
        """Yield the pieces of one epoch."""
        from concurrent.futures import ThreadPoolExecutor  # a slow import, not needed by most runs

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
        """Advance the generator past the windows that are skipped."""
        for window in windows:
            if self.rng is not None:
                self.rng.permutation(sum(run.stop - run.start for run in window))

    def _windows(self) -> Iterator[list[slice]]:
        """Yield the runs of each window: all runs in a new order, cut where a window is full."""
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
        """Copy the runs of a window into its buffer and return them with their labels.

        The operating system is asked to read the next window meanwhile.
        """
        window, buffer = windows[i], self.scratch.array(f"window {i % 2}", self.shape, self.x.dtype)
        file.expect(windows[i + 1] if i + 1 < len(windows) else ())
        start = 0
        for run in window:
            stop = start + run.stop - run.start
            file.read(run, buffer[start:stop])
            check_finite("x", buffer[start:stop], self.dtype, first_row=run.start)
            start = stop
        return buffer[:start], np.concatenate([self.labels[run] for run in window])
