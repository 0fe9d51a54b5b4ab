"""pellucid without peers: several networks at once, start-up time, peak memory, training from a file.

``python -m bench --own`` writes what `measure` returns.
"""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

import pellucid as pl
from bench.ours import ENDLESS, loss_of, optimizer_of
from bench.problem import Problem
from bench.result_tables import markdown_table
from bench.system import child_environment
from bench.workloads import WORKLOADS, Workload
from pellucid.files.npy import open_npy
from pellucid.training.memory_map.windows import FromFile

#: Networks trained at once, and the limit of their time relative to one network, by workload.
N_NETS, BARS = 10, {"A": None, "B": 5.0, "D": 4.0}
BATCH_SIZE = 32
START_UPS = {
    "import numpy": ["-c", "import numpy"],
    "import pellucid": ["-c", "import pellucid"],
    "pellucid --help": ["-m", "pellucid", "--help"],
}
#: Seconds over those of `import numpy`.
START_UP_BARS = {"import pellucid": 0.06, "pellucid --help": 0.25}
#: Trains the network of report C and prints the peak memory of its process in MiB.
MEMORY = """
import numpy as np, pellucid as pl
from bench.system import peak_memory
data = pl.load_dataset("mnist")
layers = [pl.Dense(500), pl.ReLU(), pl.Dense(150), pl.ReLU(), pl.Dense(10)]
net = pl.Network([pl.Rescale(1 / 255), *layers]).build(784, rng=np.random.default_rng(0))
training = pl.train(
    net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), data.x_train, data.y_train, epochs=3, compiled={}
)
for _ in training:
    pass
print(peak_memory() / 2**20)
"""


def measure(rounds: int, folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    """Return medians of all measurements as JSON; the folder holds a temporary file of 2 GiB.

    `progress` is called with a description before each measurement.
    """
    found: dict[str, Any] = {"many": {}}
    for name, bar in BARS.items():
        progress(f"{N_NETS} networks at once, workload {name}")
        found["many"][name] = {**many(WORKLOADS[name], rounds), "bar": bar}
    progress("start-up")
    found["start-up"] = start_up(rounds)
    progress("memory")
    found["memory"] = {"plain": peak_memory(compiled=False), "compiled": peak_memory(compiled=True)}
    progress("a file of 2 GiB, read cold")
    found["disk"] = from_disk(folder)
    return found


def markdown(found: dict[str, Any]) -> str:
    """Return the measurements of `measure` as a Markdown table."""
    rows = [
        (
            f"{each['networks']} networks at once, {name}: {each['title']}",
            f"{each['ratio']:.2f} times one alone",
            "shown" if each["bar"] is None else f"≤ {each['bar']:g} times",
        )
        for name, each in found["many"].items()
    ]
    start, memory, disk = found["start-up"], found["memory"], found["disk"]
    for name, bar in start["bars"].items():
        over = 1000 * start["over numpy"][name]
        rows.append((f"`{name}`, over `import numpy`", f"{over:.0f} ms", f"≤ {1000 * bar:.0f} ms"))
    for name, mebibytes in memory.items():
        size = f"{mebibytes * 2**20 / 1e6:.0f} MB"
        rows.append((f"peak memory of training C's network on MNIST, {name}", size, "≤ 250 MB"))
    file = f"{disk['bytes'] / 1e9:.1f} GB"
    speed, reading = (f"{100 * disk[key]:.0f} %" for key in ("ratio", "reading"))
    rows.append((f"speed of training from a cold file of {file}, relative to memory", speed, "≥ 70 %"))
    rows.append(("time of only reading that file, relative to training from it", reading, "shown"))
    return markdown_table(["what", "measured", "bar"], rows)


def many(work: Workload, rounds: int) -> dict[str, Any]:
    """Return the seconds of an iteration or epoch of one network and of several, measured in turn."""
    trainings = {k: _training(work, k) for k in (1, N_NETS)}
    samples: dict[int, list[float]] = {k: [] for k in trainings}
    for sample in range(rounds + 2):
        for k, training in trainings.items():
            seconds = _seconds(partial(next, training))
            samples[k] += [seconds] if sample > 1 else []  # two epochs compile and warm up
    one, several = median(samples[1]), median(samples[N_NETS])
    return {"title": work.title, "one": one, "several": several, "ratio": several / one, "networks": N_NETS}


def _training(work: Workload, k: int) -> Iterator[Any]:
    """Return an endless training run of k networks."""
    problem = Problem(work)
    nets = [Problem(work, seed=seed).network_on_bytes() for seed in range(k)]
    return pl.train_many(
        nets, loss_of(work), optimizer_of(work), *problem.data, epochs=ENDLESS, batch_size=work.batch_size,
        rng=problem.rng(), compiled=True,
    )  # fmt: skip


def start_up(rounds: int) -> dict[str, Any]:
    """Return the seconds of short commands, measured in turn, also over those of importing NumPy."""
    samples: dict[str, list[float]] = {name: [] for name in START_UPS}
    run = partial(subprocess.run, check=True, capture_output=True, env=child_environment())
    for sample in range(2 * rounds + 1):
        for name, arguments in START_UPS.items():
            seconds = _seconds(partial(run, [sys.executable, *arguments]))
            samples[name] += [seconds] if sample else []  # the first run writes the bytecode
    medians = {name: median(found) for name, found in samples.items()}
    over = {name: seconds - medians["import numpy"] for name, seconds in medians.items()}
    return {"seconds": medians, "over numpy": over, "bars": START_UP_BARS}


def peak_memory(*, compiled: bool) -> float:
    """Return the peak memory, in MiB, of a process that trains the network of report C on MNIST."""
    command = [sys.executable, "-c", MEMORY.format(compiled)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=child_environment())
    return float(done.stdout)


def from_disk(folder: Path, *, gibibytes: float = 2.0, rounds: int = 5) -> dict[str, Any]:
    """Return the time of an epoch of D's network from a cold file and from memory, and of only reading.

    Training from the file cannot be faster than reading it. The three are measured in turn; medians are
    returned.
    """
    n = int(gibibytes * 2**30) // 784
    y = np.random.default_rng(0).integers(10, size=n)
    with TemporaryDirectory(dir=folder) as place:
        path = Path(place, "pixels.npy")
        _write_pixels(path, n)
        seconds: dict[str, list[float]] = {"file": [], "memory": [], "reading": []}
        whole = np.load(path)
        for _ in range(rounds):
            _drop_from_cache(path)
            seconds["file"].append(_epoch_seconds(path, y))
            seconds["memory"].append(_epoch_seconds(whole, y))
            _drop_from_cache(path)
            seconds["reading"].append(_reading_seconds(path, y))
    file, memory, reading = (median(seconds[name]) for name in ("file", "memory", "reading"))
    return {
        "rows": n,
        "bytes": n * 784,
        "rows_per_second": {"file": n / file, "memory": n / memory},
        "ratio": memory / file,
        "reading": reading / file,
        "seconds": seconds,
    }


def _write_pixels(path: Path, n: int) -> None:
    """Write n rows of random pixels in pieces."""
    rng = np.random.default_rng(1)
    rows = open_memmap(path, "w+", np.uint8, (n, 784))
    for start in range(0, n, 50_000):
        part = rows[start : start + 50_000]
        part[...] = rng.integers(0, 256, part.shape, dtype=np.uint8)
    rows.flush()


def _drop_from_cache(path: Path) -> None:
    """Remove the file from the page cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _epoch_seconds(x: Path | NDArray[np.uint8], y: NDArray[np.int64]) -> float:
    """Return the seconds of an epoch."""
    net = pl.Network([pl.Rescale(1 / 255), pl.Dense(10)]).build(784, rng=np.random.default_rng(2))
    loss, optimizer = pl.SoftmaxCrossEntropy(), pl.SGD(0.01)
    rng = np.random.default_rng(3)
    epoch = pl.train(net, loss, optimizer, x, y, epochs=1, batch_size=BATCH_SIZE, rng=rng, compiled=True)
    return _seconds(lambda: list(epoch))


def _reading_seconds(path: Path, y: NDArray[np.int64]) -> float:
    """Return the seconds of reading the file as an epoch reads it."""
    source = FromFile(open_npy(path), y, BATCH_SIZE, np.random.default_rng(3))
    return _seconds(lambda: deque(source.epoch(steps_at_a_time=len(y)), maxlen=0))


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start
