"""One whole process of the race: its command line, its time, the most memory that it held, its accuracy."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pellucid.bench.calibration import Variant
from pellucid.bench.contestants import OURS, Contestant
from pellucid.bench.memory import UNIT
from pellucid.bench.process import WorkerError, cores, keeping_bytecode, last_line, on_cores
from pellucid.bench.workloads import RACE, Workload


@dataclass(frozen=True)
class Finish:
    """How a run ended: seconds, bytes, and a fraction of the test rows."""

    seconds: float
    peak_memory: int
    accuracy: float


def run(contestant: Contestant, variant: Variant, recipe: Workload, seed: int) -> Finish:
    """Train the recipe once, from the shell to the accuracy.

    Raises
    ------
    WorkerError
        If the process fails.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder, "run.json")
        if contestant.name == OURS:
            seconds, peak = _timed(own_command(recipe, seed, file), {}, len(cores()))
        else:
            command = _peer_command(contestant, variant, recipe, seed, file)
            seconds, peak = _timed(command, contestant.environment(variant.threads), variant.threads)
        accuracy = json.loads(file.read_text(encoding="utf-8"))["scores"]["test"]["accuracy"]
    return Finish(seconds, peak, accuracy)


def own_command(recipe: Workload, seed: int, file: Path | str) -> list[str]:
    """Return our command line, its first word left out.

    Examples
    --------
    >>> from pellucid.bench.workloads import RACE
    >>> " ".join(own_command(RACE, 3, "run.json"))
    'pellucid train mnist --recipe fast --seed 3 --run run.json'
    """
    fewer = [] if recipe == RACE else ["--epochs", str(recipe.cycle_epochs)]
    settings = ["--recipe", "fast", *fewer, "--seed", str(seed), "--run", str(file)]
    return ["pellucid", "train", "mnist", *settings]


def _peer_command(
    contestant: Contestant, variant: Variant, recipe: Workload, seed: int, file: Path
) -> list[str]:
    about = json.dumps(recipe.to_json()), json.dumps(variant.options), str(seed), str(file)
    return ["pellucid.bench.finish", contestant.module, *about]


#: Starts a process and tells its seconds and its peak memory. What the system counts for a process begins
#: with its parent's memory: this one is small.
WATCH = """
import os, sys, time
silent = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
start = time.perf_counter()
pid = os.posix_spawn(sys.executable, [sys.executable, "-m", *sys.argv[1:]], os.environ, file_actions=[silent])
_, status, usage = os.wait4(pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss)
sys.exit(status != 0)
"""


def _timed(module: list[str], variables: dict[str, str], threads: int) -> tuple[float, int]:
    """Run a module as a process; return its seconds and its peak memory."""
    with TemporaryDirectory() as folder, Path(folder, "errors").open("w+b") as errors:
        with (
            on_cores(threads),
            subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", WATCH, *module],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=keeping_bytecode() | variables,
                start_new_session=True,
                text=True,
            ) as process,
        ):
            try:
                told, _ = process.communicate()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        if process.returncode:
            raise WorkerError(last_line(errors, process.returncode))
    seconds, peak = told.split()
    return float(seconds), int(peak) * UNIT
