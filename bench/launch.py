"""One whole process of the race: its command line, its time, the most memory that it held, its accuracy."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.calibration import Variant
from bench.contestants import OURS, Contestant
from bench.memory import UNIT
from bench.process import WorkerError, cores, keeping_bytecode, last_line, on_cores
from bench.workloads import RACE, Workload


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
    if contestant.name == OURS:
        return _timed(own_command(recipe, seed), {}, len(cores()))
    command = _peer_command(contestant, variant, recipe, seed)
    return _timed(command, contestant.environment(variant.threads), variant.threads)


def own_command(recipe: Workload, seed: int) -> list[str]:
    """Return our command line, its first word left out.

    Examples
    --------
    >>> from bench.workloads import RACE
    >>> " ".join(own_command(RACE, 3))
    'pellucid train mnist --recipe fast --seed 3'
    """
    fewer = [] if recipe == RACE else ["--epochs", str(recipe.cycle_epochs)]
    return ["pellucid", "train", "mnist", "--recipe", "fast", *fewer, "--seed", str(seed)]


def _peer_command(contestant: Contestant, variant: Variant, recipe: Workload, seed: int) -> list[str]:
    about = json.dumps(recipe.to_json()), json.dumps(variant.options), str(seed)
    return ["bench.finish", contestant.module, *about]


#: Starts a process and tells its seconds and its peak memory. What the system counts for a process begins
#: with its parent's memory: this one is small.
WATCH = """
import os, sys, time
told, *module = sys.argv[1:]
output = (os.POSIX_SPAWN_OPEN, 1, told, os.O_WRONLY | os.O_CREAT, 0o600)
start = time.perf_counter()
pid = os.posix_spawn(sys.executable, [sys.executable, "-m", *module], os.environ, file_actions=[output])
_, status, usage = os.wait4(pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss)
sys.exit(status != 0)
"""


#: The line that every run prints.
SCORE = re.compile(r"^test accuracy .*\((\d+) of (\d+)\)", re.MULTILINE)


def _timed(module: list[str], variables: dict[str, str], threads: int) -> Finish:
    """Run a module as a process; return its seconds, its peak memory and the accuracy that it prints."""
    with TemporaryDirectory() as folder, Path(folder, "errors").open("w+b") as errors:
        output = Path(folder, "output")
        with (
            on_cores(threads),
            subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", WATCH, str(output), *module],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=keeping_bytecode() | variables,
                start_new_session=True,
                text=True,
            ) as process,
        ):
            try:
                measured, _ = process.communicate()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        if process.returncode:
            raise WorkerError(last_line(errors, process.returncode))
        score = SCORE.search(output.read_text(encoding="utf-8"))
    if score is None:
        raise WorkerError("it printed no test accuracy")
    seconds, peak = measured.split()
    return Finish(float(seconds), int(peak) * UNIT, int(score[1]) / int(score[2]))
