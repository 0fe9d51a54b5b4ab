"""Checkpoints against crashes: trainings are killed, and what goes on too, and end in the same bits."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pellucid import files
from pellucid.checkpoint import Checkpoint
from proof import victim
from proof.finding import Finding

ROOT = Path(__file__).parent.parent


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Kill a training at n points: each training at one, and where it goes on at another."""
    with tempfile.TemporaryDirectory() as folder:
        whole, points = survey(Path(folder, "whole"))
    chosen = choose(points, n)
    torn, wrong, left_over, killed = [], [], [], 0
    for pair in zip(chosen[::2], chosen[1::2] or chosen, strict=False):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "checkpoint.safetensors")
            for point in pair:
                killed += crash(path, point)
                torn += [] if is_whole(path) else [point]
            if not torn and victim.train(path, resume=True) != whole:
                wrong.append(" and ".join(pair))
            left_over += [each for each in Path(folder).iterdir() if each != path]
        advance(len(pair))
    where = f"{killed} of {len(chosen)} processes were killed"
    enough = killed >= 0.75 * len(chosen)  # the others were done before their random time
    return [
        Finding("No kill leaves a torn checkpoint", f"{where}, {told(torn)}", "0", enough and not torn),
        Finding(
            "What was killed, and killed again when it went on, ends in the bits of an unbroken training",
            f"{where}, {told(wrong)}", "0", enough and not wrong,
        ),
        Finding(
            "Nothing but the checkpoint is left in its folder", f"{len(left_over)} other files", "0",
            not left_over,
        ),
    ]  # fmt: skip


def survey(path: Path) -> tuple[dict[str, object], list[str]]:
    """Train without a break; return the outcome, and points around calls, at quarters of files, in time."""
    log, before = victim.Log(), files.SYSTEM
    files.SYSTEM = log
    start = time.perf_counter()
    try:
        whole = victim.train(path, resume=False)
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


def crash(path: Path, point: str) -> bool:
    """Train, or go on, in a process that ends at a point; return whether it was killed, or done before."""
    done = subprocess.run(
        [sys.executable, "-m", "proof.victim", path, point], capture_output=True, check=False
    )
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
