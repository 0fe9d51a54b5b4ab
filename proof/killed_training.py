"""A short training run with checkpoints that kills its own process at one point, for `proof.crash`.

``python -m proof.killed_training PATH POINT plain|compiled`` trains, or resumes from the checkpoint at PATH.
POINT is ``before:7`` or ``after:7`` for the eighth system call, ``byte:2:1000`` for the third file after
1,000 bytes, or ``time:0.01`` for seconds.
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
    """Train to the end; return everything that must be the same to the last bit."""
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
    """Train once, so that the next run neither imports nor compiles, and its time is that of training."""
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder, "a"), resume=False, compiled=True)


def kill() -> None:
    """End this process as a crash does, without flushing, closing or cleaning up."""
    os.kill(os.getpid(), signal.SIGKILL)


class SystemLog(files.System):
    """Records each system call and the number of bytes written to each file."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.sizes: list[int] = []

    def create(self, path: Path) -> BinaryIO:
        """Create a file."""
        self.sizes.append(0)
        return self._call("create", lambda: super(SystemLog, self).create(path))

    def write(self, file: BinaryIO, chunk: bytes | bytearray) -> None:
        """Write a chunk."""
        self._call("write", lambda: self.write_bytes(file, chunk))
        self.sizes[-1] += len(chunk)

    def write_bytes(self, file: BinaryIO, chunk: bytes | bytearray) -> None:
        """Write a chunk and flush it."""
        file.write(chunk)
        file.flush()

    def sync(self, file: BinaryIO) -> None:
        """Flush a file to the disk."""
        self._call("sync", lambda: super(SystemLog, self).sync(file))

    def rename(self, path: Path, new: Path) -> None:
        """Rename a file."""
        self._call("rename", lambda: super(SystemLog, self).rename(path, new))

    def sync_folder(self, folder: Path) -> None:
        """Flush a folder to the disk."""
        self._call("sync_folder", lambda: super(SystemLog, self).sync_folder(folder))

    def _call(self, name, call):
        self.reach(f"before:{len(self.calls)}")
        result = call()
        self.reach(f"after:{len(self.calls)}")
        self.calls.append(name)
        return result

    def reach(self, point: str) -> None:
        """Do nothing; subclasses may kill the process."""


class KillingSystem(SystemLog):
    """Kills the process at a point."""

    def __init__(self, point: str) -> None:
        super().__init__()
        self.point = point

    def reach(self, point: str) -> None:
        """Kill the process if this is the point."""
        if point == self.point:
            kill()

    def write_bytes(self, file: BinaryIO, chunk: bytes | bytearray) -> None:
        """Write a chunk; if the point lies within it, write up to the point and kill the process."""
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
        files.SYSTEM = KillingSystem(point)
    train(Path(path), resume=True, compiled=way == "compiled")
