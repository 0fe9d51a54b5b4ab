"""pellucid by itself: several networks at once, start-up, peak memory, data on disk.

`pellucid bench --own` writes what `measure` returns.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pellucid as pl
from bench import disk
from bench.ours import ENDLESS, loss_of, optimizer_of
from bench.problem import Problem
from bench.process import keeping_bytecode
from bench.table import markdown_table
from bench.workloads import WORKLOADS, Workload

#: How many networks are trained at once, and how many times one alone each such training may take.
N_NETS, BARS = 10, {"A": None, "B": 5.0, "D": 4.0}
START_UPS = {
    "import numpy": ["-c", "import numpy"],
    "import pellucid": ["-c", "import pellucid"],
    "pellucid --help": ["-m", "pellucid", "--help"],
}
#: Trains report C's net and prints the process's peak memory in MiB.
MEMORY = """
import numpy as np, pellucid as pl
from bench.memory import peak_memory
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
    """Return all of it, as JSON values.

    Parameters
    ----------
    rounds : int
        Samples of each; the medians count.
    folder : Path
        Where a file of 2 GiB may be written for a while.
    progress : callable
        Told what is measured next.
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
    found["disk"] = disk.measure(folder)
    return found


def markdown(found: dict[str, Any]) -> str:
    """Return what `measure` returned as a Markdown table."""
    rows = [
        (
            f"{each['networks']} networks at once, {name}: {each['title']}",
            f"{each['ratio']:.2f} times one alone",
            "shown" if each["bar"] is None else f"≤ {each['bar']:g} times",
        )
        for name, each in found["many"].items()
    ]
    start, memory, on_disk = found["start-up"], found["memory"], found["disk"]
    for name, bar in start["bars"].items():
        over = 1000 * start["over numpy"][name]
        rows.append((f"`{name}`, over `import numpy`", f"{over:.0f} ms", f"≤ {1000 * bar:.0f} ms"))
    for name, mebibytes in memory.items():
        megabytes = mebibytes * 2**20 / 1e6
        rows.append((f"peak memory of training C's net on MNIST, {name}", f"{megabytes:.0f} MB", "≤ 250 MB"))
    gigabytes = on_disk["bytes"] / 1e9
    rows.append(
        (
            f"speed from a cold file of {gigabytes:.1f} GB, over that from memory",
            f"{100 * on_disk['ratio']:.0f} %",
            "≥ 70 %",
        )
    )
    reading = f"{100 * on_disk['reading']:.0f} %"
    rows.append(("reading that file and nothing else, of the time of training from it", reading, "shown"))
    return markdown_table(["what", "measured", "bar"], rows)


def many(work: Workload, rounds: int) -> dict[str, Any]:
    """Return the seconds of an iteration or epoch of one network and of several, in turn."""
    trainings = {k: _training(work, k) for k in (1, N_NETS)}
    samples: dict[int, list[float]] = {k: [] for k in trainings}
    for sample in range(rounds + 2):
        for k, training in trainings.items():
            seconds = _seconds(partial(next, training))
            samples[k] += [seconds] if sample > 1 else []
    one, several = median(samples[1]), median(samples[N_NETS])
    return {"title": work.title, "one": one, "several": several, "ratio": several / one, "networks": N_NETS}


def _training(work: Workload, k: int) -> Iterator[Any]:
    """Return a training of k networks without end, two epochs of which compile and warm it."""
    problem = Problem(work)
    nets = [Problem(work, seed=seed).network_on_bytes() for seed in range(k)]
    return pl.train_many(
        nets,
        loss_of(work),
        optimizer_of(work),
        *problem.data,
        epochs=ENDLESS,
        batch_size=work.batch_size,
        rng=problem.rng(),
        compiled=True,
    )


def start_up(rounds: int) -> dict[str, Any]:
    """Return the seconds of short commands, in turn, and what they take over importing NumPy."""
    samples: dict[str, list[float]] = {name: [] for name in START_UPS}
    run = partial(subprocess.run, check=True, capture_output=True, env=keeping_bytecode())
    for sample in range(2 * rounds + 1):
        for name, arguments in START_UPS.items():
            seconds = _seconds(partial(run, [sys.executable, *arguments]))
            samples[name] += [seconds] if sample else []  # the first run only writes the bytecode
    medians = {name: median(found) for name, found in samples.items()}
    over = {name: seconds - medians["import numpy"] for name, seconds in medians.items()}
    return {
        "seconds": medians,
        "over numpy": over,
        "bars": {"import pellucid": 0.06, "pellucid --help": 0.25},
    }


def peak_memory(*, compiled: bool) -> float:
    """Return the MiB that a process needs at most to train report C's net on MNIST."""
    command = [sys.executable, "-c", MEMORY.format(compiled)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start
