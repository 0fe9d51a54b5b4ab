"""Rows of a memory map, read by system calls from the file behind it.

Reading through a map stops at every page that is not in memory yet. Announcing the rows with
``posix_fadvise`` and reading them with ``preadv`` is about 1.5 times as fast. This needs the file behind the
map, which Linux names in ``/proc/self/maps``. On other systems, and for maps with private changes, rows are
copied from the map.

>>> with MappedRows(np.eye(3)) as rows:
...     into = np.empty((2, 3))
...     rows.read(slice(1, 3), into)
>>> into.tolist()
[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
"""

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from pellucid.backend import Array

#: The list of this process's memory maps on Linux.
MAPS = Path("/proc/self/maps")


class MappedRows:
    """The rows of an array, read within a ``with`` block."""

    def __init__(self, x: Array) -> None:
        self.x, self.row_bytes = x, x[:1].nbytes

    def __enter__(self) -> Self:
        self._file = open_behind(self.x)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file[0])

    def expect(self, runs: Sequence[slice]) -> None:
        """Ask the operating system to start reading these rows, without waiting for them."""
        if self._file is None:
            return
        file, start = self._file
        for run in runs:
            size = (run.stop - run.start) * self.row_bytes
            os.posix_fadvise(file, start + run.start * self.row_bytes, size, os.POSIX_FADV_WILLNEED)

    def read(self, run: slice, into: Array) -> None:
        """Copy rows into a contiguous array of their shape and dtype."""
        if self._file is None:
            np.copyto(into, self.x[run])
            return
        file, start = self._file
        place, rest = start + run.start * self.row_bytes, into.reshape(-1).view(np.uint8)
        while len(rest):
            n = os.preadv(file, [rest.data], place)
            if n == 0:
                raise OSError(f"{self.x.filename} became shorter during training")  # type: ignore[attr-defined]
            place, rest = place + n, rest[n:]


def open_behind(x: Array) -> tuple[int, int] | None:
    """Open the file behind a memory map; return its descriptor and the position of the map's first byte.

    Return None if the file cannot be identified for certain: x is no map or not contiguous, its file was
    moved or replaced, or the map is private.
    """
    name = getattr(x, "filename", None)
    if name is None or not x.flags.c_contiguous or not MAPS.exists():
        return None
    first = x.ctypes.data
    for line in MAPS.read_bytes().strip().split(b"\n"):  # bytes: names need not be valid text
        span, flags, offset, device, inode, *_ = line.split()
        start, stop = (int(address, 16) for address in span.split(b"-"))
        if start <= first and first + x.nbytes <= stop:
            major, minor = (int(number, 16) for number in device.split(b":"))
            file = _open_same(name, os.makedev(major, minor), int(inode)) if flags.endswith(b"s") else None
            return None if file is None else (file, int(offset, 16) + first - start)
    return None


def _open_same(name: str | os.PathLike[str], device: int, inode: int) -> int | None:
    """Open a file if it has this device and inode; return its descriptor, or None."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    found = os.fstat(file)
    if (found.st_dev, found.st_ino) == (device, inode):
        return file
    os.close(file)
    return None
