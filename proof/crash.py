"""Checkpoints against crashes: trainings are killed, and what goes on too, and end in the same bits."""

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
from proof import victim
from proof.finding import Finding

ROOT = Path(__file__).parent.parent


#: One training in so many is compiled: it takes longer to start.
EACH_COMPILED = 16


@dataclass
class Tally:
    """What the kills have led to.

    Attributes
    ----------
    processes, killed, compiled : int
        How many were to be killed, were killed before they were done, and trained by compiled code.
    torn, wrong : list of str
        Points that left a torn checkpoint, and after which other bits came out.
    left_over : list of Path
        Other files than the checkpoint.
    """

    processes: int = 0
    killed: int = 0
    compiled: int = 0
    torn: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    left_over: list[Path] = field(default_factory=list)


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Kill a training at n points: each training at one, and where it goes on at another."""
    tally, n_compiled = Tally(), 2 * (n // (2 * EACH_COMPILED))
    kill_at(n - n_compiled, tally, advance, compiled=False)
    if n_compiled:
        kill_at(n_compiled, tally, advance, compiled=True)
    return findings(tally)


def kill_at(n: int, tally: Tally, advance: Callable[[int], None], *, compiled: bool) -> None:
    """Kill trainings of one kind at n points."""
    with tempfile.TemporaryDirectory() as folder:
        whole, points = survey(Path(folder, "whole"), compiled=compiled)
    chosen = choose(points, n)
    for pair in zip(chosen[::2], chosen[1::2] or chosen, strict=False):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "checkpoint.safetensors")
            for point in pair:
                tally.killed += crash(path, point, compiled=compiled)
                tally.torn += [] if is_whole(path) else [point]
            if not tally.torn and victim.train(path, resume=True, compiled=compiled) != whole:
                tally.wrong.append(" and ".join(pair))
            tally.left_over += [each for each in Path(folder).iterdir() if each != path]
        advance(len(pair))
    tally.processes += n
    tally.compiled += compiled * n


def findings(tally: Tally) -> list[Finding]:
    """Return what the kills have shown."""
    where = (
        f"{tally.killed} of {counted(tally.processes, 'process')} were killed "
        f"({tally.compiled} of all train by compiled code)"
    )
    enough = tally.killed >= 0.75 * tally.processes  # the others were done before their random time
    return [
        Finding(
            "No kill leaves a torn checkpoint", f"{where}, {told(tally.torn)}", "0", enough and not tally.torn
        ),
        Finding(
            "What was killed, and killed again when it went on, ends in the bits of an unbroken training",
            f"{where}, {told(tally.wrong)}", "0", enough and not tally.wrong,
        ),
        Finding(
            "Nothing but the checkpoint is left in its folder", f"{len(tally.left_over)} other files", "0",
            not tally.left_over,
        ),
    ]  # fmt: skip


def survey(path: Path, *, compiled: bool = False) -> tuple[dict[str, object], list[str]]:
    """Train without a break; return the outcome, and points around calls, at quarters of files, in time."""
    if compiled:
        victim.load_compiled()
    log, before = victim.Log(), files.SYSTEM
    files.SYSTEM = log
    start = time.perf_counter()
    try:
        whole = victim.train(path, resume=False, compiled=compiled)
    finally:
        files.SYSTEM = before
    seconds = time.perf_counter() - start
    points = [f"{when}:{i}" for i in range(len(log.calls)) for when in ("before", "after")]
    points += [f"byte:{i}:{size * k // 4}" for i, size in enumerate(log.sizes) for k in (1, 2, 3)]
    times = np.random.default_rng(0).uniform(0, seconds, len(points) // 5)
    return whole, points + [f"time:{each:.6f}" for each in times]


def choose(points: list[str], n: int) -> list[str]:
    """Return n of the points, spread evenly and mixed; all of them again and again where n is larger."""
    repeated = points * -(-n // len(points))
    chosen = [repeated[i] for i in np.linspace(0, len(repeated) - 1, n).astype(int)]
    return [chosen[i] for i in np.random.default_rng(0).permutation(n)]


def crash(path: Path, point: str, *, compiled: bool) -> bool:
    """Train, or go on, in a process that ends at a point; return whether it was killed, or done before."""
    way = "compiled" if compiled else "plain"
    command = [sys.executable, "-m", "proof.victim", path, point, way]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the training ended with status {done.returncode} at {point}: {done.stderr!r}")
    return done.returncode != 0


def is_whole(path: Path) -> bool:
    """Return whether the file can be read, or is not there yet."""
    try:
        Checkpoint(path).load()
    except ValueError:
        return False
    return True


def told(points: list[str]) -> str:
    """Return how many points failed, and the first of them."""
    return f"{len(points)} failed" + (f", first at {points[0]}" if points else "")
