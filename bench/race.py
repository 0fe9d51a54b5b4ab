"""The race from the shell to 98 % test accuracy: whole processes, start-up included, one for each seed.

pellucid runs as its command line; each peer runs `bench.peer_run` with the same recipe on its best number of
threads.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.calibration import Variant, enter
from bench.contestants import OURS, Contestant
from bench.effort import Effort, Notify, entry_seconds
from bench.process import WorkerError, last_line
from bench.ratios import fastest, is_measured, ratio
from bench.rounds import spread
from bench.system import MEMORY_UNIT, child_environment, cores, on_cores
from bench.workloads import RACE, Workload

TARGET = 0.98
#: Estimated seconds of one run.
RUN_SECONDS = defaultdict(lambda: 6.0, {OURS: 3.0, "torch.compile": 14.0, "published": 10.0})
#: The line of output with the accuracy.
SCORE = re.compile(r"^test accuracy .*\((\d+) of (\d+)\)", re.MULTILINE)
#: Runs a module as a process; prints its seconds and its peak memory. On Linux the peak memory of a process
#: starts at the memory of its parent, so the parent is this small program.
WATCH = """
import os, sys, time
path, *module = sys.argv[1:]
output = (os.POSIX_SPAWN_OPEN, 1, path, os.O_WRONLY | os.O_CREAT, 0o600)
start = time.perf_counter()
pid = os.posix_spawn(sys.executable, [sys.executable, "-m", *module], os.environ, file_actions=[output])
_, status, usage = os.wait4(pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss)
sys.exit(status != 0)
"""


@dataclass(frozen=True)
class Finish:
    """One run of the race: seconds, peak memory in bytes, and test accuracy from 0 to 1."""

    seconds: float
    peak_memory: int
    accuracy: float


def race(
    contestants: Sequence[Contestant], effort: Effort, notify: Notify, recipe: Workload = RACE
) -> dict[str, Any]:
    """Return time, memory and accuracy of each contestant and seed, as JSON. Floors do not run."""
    recipe = replace(recipe, cycle_epochs=1) if effort.is_smoke else recipe
    runners = {each.name: each for each in contestants if each.role != "floor"}
    found: dict[str, dict[str, Any]] = {}
    variants: dict[str, Variant] = {}
    for name, runner in runners.items():
        try:
            variants[name] = _variant(runner, recipe, variants, effort)
        except WorkerError as error:
            found[name] = {"missing": str(error)}
        notify(f"{recipe.name}: {runner.title}", _search_seconds(runner, recipe, effort))
    finishes: dict[str, list[Finish]] = {name: [] for name in variants}
    for seed in range(effort.seeds):
        for name in [name for name in variants if name not in found]:
            try:
                finishes[name].append(run(runners[name], variants[name], recipe, seed))
            except WorkerError as error:
                found[name] = {"missing": str(error)}
            notify(f"{recipe.name}: {runners[name].title}, seed {seed}", RUN_SECONDS[name])
    found |= {name: _figures(each, variants[name]) for name, each in finishes.items() if name not in found}
    return _summary(recipe, {name: found[name] for name in runners})


def race_seconds(contestants: Sequence[Contestant], effort: Effort) -> float:
    """Return the estimated time of the race."""
    runners = [each for each in contestants if each.role != "floor" and not each.missing()]
    runs = sum(RUN_SECONDS[each.name] for each in runners) * effort.seeds
    return runs + sum(_search_seconds(each, RACE, effort) for each in runners)


def _search_seconds(runner: Contestant, recipe: Workload, effort: Effort) -> float:
    is_searched = effort.calibrate and runner.name != OURS and not runner.threads_like
    return entry_seconds(runner, recipe, effort) if is_searched else 0.0


def _variant(
    runner: Contestant, recipe: Workload, variants: Mapping[str, Variant], effort: Effort
) -> Variant:
    """Return the fastest variant for the recipe; pellucid's command line has only one."""
    if reason := runner.missing():
        raise WorkerError(reason)
    threads, choices = effort.threads, runner.options(recipe)
    if runner.name == OURS:
        return Variant(len(cores()), {})
    if not effort.calibrate:
        return Variant(threads[-1], choices[0])
    like = variants.get(runner.threads_like or "")
    if like is not None:
        return Variant(like.threads, choices[0])
    entrant = enter(runner, recipe, threads, choices)
    entrant.worker.close()
    return entrant.variant


def run(contestant: Contestant, variant: Variant, recipe: Workload, seed: int) -> Finish:
    """Train the recipe once, from the shell to the accuracy; raise a WorkerError if that fails."""
    if contestant.name == OURS:
        return _timed(own_command(recipe, seed), {}, len(cores()))
    command = _peer_command(contestant, variant, recipe, seed)
    return _timed(command, contestant.environment(variant.threads), variant.threads)


def own_command(recipe: Workload, seed: int) -> list[str]:
    """Return the command line of pellucid, a module and its arguments."""
    fewer = [] if recipe == RACE else ["--epochs", str(recipe.cycle_epochs)]
    return ["pellucid", "train", "mnist", "--recipe", "fast", *fewer, "--seed", str(seed)]


def _peer_command(contestant: Contestant, variant: Variant, recipe: Workload, seed: int) -> list[str]:
    about = json.dumps(recipe.to_json()), json.dumps(variant.options), str(seed)
    return ["bench.peer_run", contestant.module, *about]


def _timed(module: list[str], variables: dict[str, str], threads: int) -> Finish:
    """Run a module as a process; return its seconds, its peak memory and the accuracy it prints."""
    with TemporaryDirectory() as folder, Path(folder, "errors").open("w+b") as errors:
        output = Path(folder, "output")
        with (
            on_cores(threads),
            subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", WATCH, str(output), *module],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=child_environment() | variables,
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
        raise WorkerError("the run printed no test accuracy")
    seconds, peak = measured.split()
    return Finish(float(seconds), int(peak) * MEMORY_UNIT, int(score[1]) / int(score[2]))


def _figures(finishes: Sequence[Finish], variant: Variant) -> dict[str, Any]:
    seconds = [each.seconds for each in finishes]
    return {
        **spread(seconds),
        "samples": seconds,
        "accuracy": [each.accuracy for each in finishes],
        "reached": sum(each.accuracy >= TARGET for each in finishes),
        "peak_memory": max(each.peak_memory for each in finishes),
        "variant": variant.to_json(),
    }


def _summary(recipe: Workload, contestants: dict[str, dict[str, Any]]) -> dict[str, Any]:
    ours = contestants[OURS]
    others = {name: each for name, each in contestants.items() if name != OURS and is_measured(each)}
    ratios = {name: ratio(each, ours) for name, each in others.items()} if is_measured(ours) else {}
    return {
        **recipe.to_json(),
        "title": f"{recipe.title}, one-cycle, {recipe.cycle_epochs} epochs",
        "unit": "s",
        "target": TARGET,
        "command": " ".join(own_command(recipe, 0)),
        "contestants": contestants,
        "ratios": {"fastest_peer": fastest(contestants), **ratios},
    }
