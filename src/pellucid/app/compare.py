"""`pellucid compare` from a setup to files: train in both libraries, show, judge, write."""

import json
from pathlib import Path

from rich.console import Console

from pellucid.app.compare_results import History
from pellucid.app.compare_screen import (
    RELATIVE,
    blocks_table,
    steps_table,
    told_setup,
    told_times,
    told_verdict,
)
from pellucid.app.compare_setup import Setup
from pellucid.app.compare_steps import SideBySide
from pellucid.app.interrupts import interrupts_held
from pellucid.app.places import check_place
from pellucid.app.progress import progress_bar
from pellucid.compiled.threads.blas import SMALL_PRODUCT, fitting_threads, largest_product
from pellucid.files.whole import write_whole

FILE = "comparison.json"


def compare(setup: Setup, steps: int, out: Path | None, console: Console) -> bool:
    """Take the steps in both libraries, show what differs, and write it to a folder if one is named.

    Returns
    -------
    bool
        Whether every bar holds.

    Raises
    ------
    KeyboardInterrupt
        Passed on: then nothing is written.
    """
    if out is not None:
        check_place("--out", out / FILE if out.is_dir() else out)
    console.print(told_setup(setup, steps), markup=False, highlight=False, soft_wrap=True)
    history = take_steps(setup, steps, console)
    console.print(steps_table(history), blocks_table(history), sep="\n")
    told = (RELATIVE, told_times(history), told_verdict(history))
    console.print(*told, sep="\n", markup=False, highlight=False)
    if out is not None:
        for path in write(history, out):
            console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
    return all(each.holds for each in history.verdicts())


def take_steps(setup: Setup, steps: int, console: Console) -> History:
    """Train, with a bar; products that are small get one thread, here and in PyTorch."""
    with interrupts_held():
        from pellucid.interop.torch import threads

        side_by_side = SideBySide(setup)  # has PyTorch import the rest of itself
    n_rows = setup.batch_size or len(setup.y)
    is_small = largest_product(setup.net, n_rows) <= SMALL_PRODUCT
    history = History(setup, side_by_side)
    with (
        fitting_threads(setup.net, n_rows),
        threads(1 if is_small else None),
        progress_bar(console) as progress,
    ):
        task = progress.add_task("steps", total=steps)
        for found in side_by_side.steps(steps):
            history.add(found, is_last=found.step == steps)
            progress.advance(task)
    return history


def write(history: History, folder: Path) -> list[Path]:
    """Write the figures as JSON, with what they were made with, and the picture as PNG and SVG."""
    from pellucid.lab.pictures.comparison import comparison_plot
    from pellucid.lab.pictures.figures import render
    from pellucid.provenance import environment

    folder.mkdir(exist_ok=True)
    content = {**history.to_json(), "verdict": told_verdict(history), "environment": environment()}
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(folder / FILE, [text.encode(), b"\n"])
    return [folder / FILE, *render(comparison_plot(content), folder)]
