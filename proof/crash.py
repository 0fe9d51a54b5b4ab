"""Crashes and checkpoints: training runs that are killed and resumed end with the same bits."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pellucid.files import whole as files
from pellucid.training.checkpoint import Checkpoint
from pellucid.wording import counted
from proof import killed_training
from proof.findings import Finding

ROOT = Path(__file__).parent.parent
#: Every 16th run is compiled; those take longer to start.
EACH_COMPILED = 16


@dataclass
class KillTally:
    """Outcomes of the killed processes."""

    #: Processes in all, those killed before they finished, and those running compiled code.
    processes: int = 0
    killed: int = 0
    compiled: int = 0
    #: Points that left a torn checkpoint, and points after which the bits differed.
    torn: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    #: Files other than the checkpoint.
    left_over: list[Path] = field(default_factory=list)


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Kill training runs at n points: each run at one point, and at another after resuming."""
    tally, n_compiled = KillTally(), 2 * (n // (2 * EACH_COMPILED))
    kill_at(n - n_compiled, tally, advance, compiled=False)
    if n_compiled:
        kill_at(n_compiled, tally, advance, compiled=True)
    return findings(tally)


def kill_at(n: int, tally: KillTally, advance: Callable[[int], None], *, compiled: bool) -> None:
    """Kill plain or compiled training runs at n points."""
    with tempfile.TemporaryDirectory() as folder:
        whole, points = survey(Path(folder, "whole"), compiled=compiled)
    chosen = choose(points, n)
    for pair in zip(chosen[::2], chosen[1::2] or chosen, strict=False):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "checkpoint.safetensors")
            for point in pair:
                tally.killed += crash(path, point, compiled=compiled)
                tally.torn += [] if is_whole(path) else [point]
            if not tally.torn and killed_training.train(path, resume=True, compiled=compiled) != whole:
                tally.wrong.append(" and ".join(pair))
            tally.left_over += [each for each in Path(folder).iterdir() if each != path]
        advance(len(pair))
    tally.processes += n
    tally.compiled += compiled * n


def findings(tally: KillTally) -> list[Finding]:
    """Return the findings of a tally."""
    where = (
        f"{tally.killed} of {counted(tally.processes, 'process')} were killed "
        f"({tally.compiled} of all run compiled code)"
    )
    enough = tally.killed >= 0.75 * tally.processes  # the others finished before their random time
    return [
        Finding(
            "No kill leaves a torn checkpoint",
            f"{where}, {failures(tally.torn)}", "0", enough and not tally.torn,
        ),
        Finding(
            "A training killed, resumed, killed and resumed again ends with the bits of one that was not",
            f"{where}, {failures(tally.wrong)}", "0", enough and not tally.wrong,
        ),
        Finding(
            "Nothing but the checkpoint is left in its folder", f"{len(tally.left_over)} other files", "0",
            not tally.left_over,
        ),
    ]  # fmt: skip


def survey(path: Path, *, compiled: bool = False) -> tuple[dict[str, object], list[str]]:
    """Train without interruption; return the result, and points to kill at.

    Points lie before and after each system call, at quarters of each file, and at random times.
    """
    if compiled:
        killed_training.load_compiled()
    log, before = killed_training.SystemLog(), files.SYSTEM
    files.SYSTEM = log
    start = time.perf_counter()
    try:
        whole = killed_training.train(path, resume=False, compiled=compiled)
    finally:
        files.SYSTEM = before
    seconds = time.perf_counter() - start
    points = [f"{when}:{i}" for i in range(len(log.calls)) for when in ("before", "after")]
    points += [f"byte:{i}:{size * k // 4}" for i, size in enumerate(log.sizes) for k in (1, 2, 3)]
    times = np.random.default_rng(0).uniform(0, seconds, len(points) // 5)
    return whole, points + [f"time:{each:.6f}" for each in times]


def choose(points: list[str], n: int) -> list[str]:
    """Return n of the points, evenly spread and shuffled; points are repeated if n is larger."""
    repeated = points * -(-n // len(points))
    chosen = [repeated[i] for i in np.linspace(0, len(repeated) - 1, n).astype(int)]
    return [chosen[i] for i in np.random.default_rng(0).permutation(n)]


def crash(path: Path, point: str, *, compiled: bool) -> bool:
    """Train or resume in a process that kills itself at a point; return False if it finished before that."""
    way = "compiled" if compiled else "plain"
    command = [sys.executable, "-m", "proof.killed_training", path, point, way]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the training ended with status {done.returncode} at {point}: {done.stderr!r}")
    return done.returncode != 0


def is_whole(path: Path) -> bool:
    """Return whether the checkpoint can be read or does not exist yet."""
    try:
        Checkpoint(path).load()
    except ValueError:
        return False
    return True


def failures(points: list[str]) -> str:
    """Return the number of points that failed, and the first of them."""
    return f"{len(points)} failed" + (f", first at {points[0]}" if points else "")
