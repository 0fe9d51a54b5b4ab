"""Training from a file that is never whole in memory, read cold, beside the same rows in memory."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

import pellucid as pl
from pellucid.files.npy import open_npy
from pellucid.training.batches import FromFile

BATCH_SIZE = 32


def measure(folder: Path, *, gibibytes: float = 2.0, rounds: int = 5) -> dict[str, Any]:
    """Return the time of an epoch of D's net from a cold file and from memory, and of reading alone.

    Reading alone takes as long as the disk does: training from the file cannot take less.

    Parameters
    ----------
    folder : Path
        Where the file is written for as long as it is measured.
    gibibytes : float
        Its size.
    rounds : int
        Epochs of each, in turn; the medians count.
    """
    n = int(gibibytes * 2**30) // 784
    y = np.random.default_rng(0).integers(10, size=n)
    with TemporaryDirectory(dir=folder) as place:
        path = Path(place, "pixels.npy")
        _write(path, n)
        seconds: dict[str, list[float]] = {"file": [], "memory": [], "reading": []}
        whole = np.load(path)
        for _ in range(rounds):
            _forget(path)
            seconds["file"].append(_epoch(path, y))
            seconds["memory"].append(_epoch(whole, y))
            _forget(path)
            seconds["reading"].append(_reading(path, y))
    file, memory, reading = (float(np.median(seconds[name])) for name in ("file", "memory", "reading"))
    return {
        "rows": n,
        "bytes": n * 784,
        "rows_per_second": {"file": n / file, "memory": n / memory},
        "ratio": memory / file,
        "reading": reading / file,
        "seconds": seconds,
    }


def _write(path: Path, n: int) -> None:
    """Write n rows of random pixels, a part at a time."""
    rng = np.random.default_rng(1)
    rows = open_memmap(path, "w+", np.uint8, (n, 784))
    for start in range(0, n, 50_000):
        part = rows[start : start + 50_000]
        part[...] = rng.integers(0, 256, part.shape, dtype=np.uint8)
    rows.flush()


def _forget(path: Path) -> None:
    """Have the system drop what it keeps of the file in memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _epoch(x: Path | NDArray[np.uint8], y: NDArray[np.int64]) -> float:
    """Return the seconds of an epoch."""
    net = pl.Network([pl.Rescale(1 / 255), pl.Dense(10)]).build(784, rng=np.random.default_rng(2))
    loss, optimizer = pl.SoftmaxCrossEntropy(), pl.SGD(0.01)
    rng = np.random.default_rng(3)
    start = perf_counter()
    for _ in pl.train(net, loss, optimizer, x, y, epochs=1, batch_size=BATCH_SIZE, rng=rng, compiled=True):
        pass
    return perf_counter() - start


def _reading(path: Path, y: NDArray[np.int64]) -> float:
    """Return the seconds of reading the file as an epoch reads it."""
    source = FromFile(open_npy(path), y, BATCH_SIZE, np.random.default_rng(3))
    start = perf_counter()
    for _ in source.epoch(steps_at_a_time=len(y)):
        pass
    return perf_counter() - start
