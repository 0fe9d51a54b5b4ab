"""A short training with checkpoints that ends its own process at one point: for the proof by `proof.crash`.

``python -m proof.victim PATH POINT plain|compiled`` trains, or goes on from the checkpoint, where POINT is
``before:7`` or ``after:7`` a system call, ``byte:2:1000`` (in the third file, after so many bytes) or
``time:0.01`` (after so many seconds).
"""

import os
import signal
import sys
import tempfile
from pathlib import Path
from threading import Timer
from typing import BinaryIO

import numpy as np

import pellucid as pl
from pellucid.files import whole as files
from pellucid.training.checkpoint import generator_state

ROWS, EVERY, EPOCHS = 60, 5, 5


def train(path: Path, *, resume: bool, compiled: bool) -> dict[str, object]:
    """Train to the end, and return all that must come out to the last bit."""
    data = np.random.default_rng(1)
    x, y = data.normal(size=(ROWS, 20)).astype(np.float32), data.integers(4, size=ROWS)
    net = pl.Network([pl.Dense(16), pl.ReLU(), pl.Dropout(0.2), pl.Dense(4)])
    net.build(20, rng=np.random.default_rng(2))
    optimizer, rng = pl.Adam(pl.one_cycle(0.01, steps=30)), np.random.default_rng(3)
    last = None
    for record in pl.train(
        net, pl.SoftmaxCrossEntropy(), optimizer, x, y, epochs=EPOCHS, batch_size=7, rng=rng,
        validation=(x[:9], y[:9]), checkpoint=path, every=EVERY, resume=resume,
        compiled=compiled,
    ):  # fmt: skip
        last = record
    return {
        "weights": net.theta.tobytes(),
        "moments": {name: kept.tobytes() for name, kept in optimizer.state.items()},
        "steps": optimizer.step_number,
        "generators": [generator_state(each) for each in (rng, *net.generators)],
        "last record": last,
    }


def load_compiled() -> None:
    """Train once for nothing: what comes then neither imports nor compiles, so times lie within it."""
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder, "a"), resume=False, compiled=True)


def kill() -> None:
    """End this process as a crash does: nothing is flushed, closed or cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


class Log(files.System):
    """Notes each system call, and how many bytes it writes into the how manieth file."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.sizes: list[int] = []

    def create(self, path: Path) -> BinaryIO:
        """Open a file."""
        self.sizes.append(0)
        return self._call("create", lambda: super(Log, self).create(path))

    def write(self, file: BinaryIO, chunk: bytes | bytearray) -> None:
        """Write a chunk."""
        self._call("write", lambda: self.write_bytes(file, chunk))
        self.sizes[-1] += len(chunk)

    def write_bytes(self, file: BinaryIO, chunk: bytes | bytearray) -> None:
        """Hand a chunk on to the system at once."""
        file.write(chunk)
        file.flush()

    def sync(self, file: BinaryIO) -> None:
        """Wait for the disk."""
        self._call("sync", lambda: super(Log, self).sync(file))

    def rename(self, path: Path, new: Path) -> None:
        """Rename."""
        self._call("rename", lambda: super(Log, self).rename(path, new))

    def sync_folder(self, folder: Path) -> None:
        """Wait for the folder."""
        self._call("sync_folder", lambda: super(Log, self).sync_folder(folder))

    def _call(self, name, call):
        self.reach(f"before:{len(self.calls)}")
        result = call()
        self.reach(f"after:{len(self.calls)}")
        self.calls.append(name)
        return result

    def reach(self, point: str) -> None:
        """Do nothing at any point."""


class Killer(Log):
    """Ends the process at a point."""

    def __init__(self, point: str) -> None:
        super().__init__()
        self.point = point

    def reach(self, point: str) -> None:
        """End the process if this is the point."""
        if point == self.point:
            kill()

    def write_bytes(self, file: BinaryIO, chunk: bytes | bytearray) -> None:
        """Write a chunk, or only as much of it as there is before the point."""
        kind, *numbers = self.point.split(":")
        n_files, n_bytes = len(self.sizes) - 1, self.sizes[-1]
        if kind == "byte" and int(numbers[0]) == n_files and int(numbers[1]) <= n_bytes + len(chunk):
            super().write_bytes(file, chunk[: int(numbers[1]) - n_bytes])
            kill()
        super().write_bytes(file, chunk)


if __name__ == "__main__":
    path, point, way = sys.argv[1:]
    if way == "compiled":
        load_compiled()
    kind, _, number = point.partition(":")
    if kind == "time":
        Timer(float(number), kill).start()
    else:
        files.SYSTEM = Killer(point)
    train(Path(path), resume=True, compiled=way == "compiled")
