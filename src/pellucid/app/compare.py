"""`pellucid compare`: train in pellucid and PyTorch, print the differences and the verdict, write files."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table

from pellucid.app.compare_setup import Setup
from pellucid.app.compare_steps import Comparison, Difference, SideBySide, Verdict, is_marked
from pellucid.app.outputs import check_place
from pellucid.app.screen import interrupts_held, progress_bar, say
from pellucid.compiled.threads.blas import SMALL_PRODUCT, fitting_threads, largest_product
from pellucid.files.whole import write_whole
from pellucid.wording import counted

FILE = "comparison.json"
RELATIVE = (
    "abs.: largest |ours - PyTorch's| of a block of parameters; "
    "rel.: that over the block's largest |PyTorch's|."
)


def compare(setup: Setup, steps: int, out: Path | None, console: Console) -> bool:
    """Take the steps in both libraries, print the differences, and write them to a folder if one is given.

    Return True if all differences are within the limits in `BARS`. Ctrl-C leaves no files.
    """
    if out is not None:
        check_place("--out", out / FILE if out.is_dir() else out)
    say(console, setup_lines(setup, steps))
    comparison = take_steps(setup, steps, console)
    console.print(steps_table(comparison), blocks_table(comparison), sep="\n")
    lines = (RELATIVE, times_line(comparison), verdict_lines(comparison))
    console.print(*lines, sep="\n", markup=False, highlight=False)
    if out is not None:
        say(console, *(f"written: {path}" for path in write(comparison, out)))
    return all(each.holds for each in comparison.verdicts())


def take_steps(setup: Setup, steps: int, console: Console) -> Comparison:
    """Train with a progress bar; if all matrix products are small, both libraries use one thread."""
    with interrupts_held():
        from pellucid.interop.torch import threads

        side_by_side = SideBySide(setup)  # completes PyTorch's imports
    n_rows = setup.batch_size or len(setup.y)
    is_small = largest_product(setup.net, n_rows) <= SMALL_PRODUCT
    comparison = Comparison(setup, side_by_side)
    with (
        fitting_threads(setup.net, n_rows),
        threads(1 if is_small else None),
        progress_bar(console) as progress,
    ):
        task = progress.add_task("steps", total=steps)
        for found in side_by_side.steps(steps):
            comparison.add(found, is_last=found.step == steps)
            progress.advance(task)
    return comparison


def write(comparison: Comparison, folder: Path) -> list[Path]:
    """Write the figures and the environment as JSON, and the picture as PNG and SVG."""
    from pellucid.lab.pictures.comparison import comparison_plot
    from pellucid.lab.pictures.figures import render
    from pellucid.provenance import environment

    folder.mkdir(exist_ok=True)
    content = {**comparison.to_json(), "verdict": verdict_lines(comparison), "environment": environment()}
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(folder / FILE, [text.encode(), b"\n"])
    return [folder / FILE, *render(comparison_plot(content), folder)]


def setup_lines(setup: Setup, steps: int) -> str:
    """Return a description of the training."""
    batches = "all rows at once" if setup.batch_size is None else f"batches of {setup.batch_size}"
    return (
        f"{setup.name}, {counted(len(setup.y), 'row')}, {batches}, {counted(steps, 'step')}, "
        "here and in PyTorch\n"
        f"{setup.loss!r}, {setup.optimizer!r}\n{setup.net.summary()}"
    )


def steps_table(comparison: Comparison) -> Table:
    """Return the largest differences at steps 1, 2, 5, 10 … and at the last step."""
    last = comparison.kept[-1]
    table = Table("step", title="Largest differences, step by step", title_justify="left")
    _add_columns(table, "loss", "gradients", "weights")
    for found in comparison.kept:
        if found is last or is_marked(found.step):
            pairs = (found.loss, _worst(found.gradients), _worst(found.weights))
            table.add_row(f"{found.step:,}", *_cells(pairs))
    return table


def blocks_table(comparison: Comparison) -> Table:
    """Return the differences of each block of parameters at the last step."""
    last = comparison.kept[-1]
    title = f"Block by block, step {last.step:,}"
    table = Table("block", title=title, title_justify="left")
    _add_columns(table, "gradients", "weights")
    for name, *pair in zip(comparison.side_by_side.blocks, last.gradients, last.weights, strict=True):
        table.add_row(name, *_cells(pair))
    return table


def times_line(comparison: Comparison) -> str:
    """Return the time of the steps in each library; to compare speed, use `make bench`."""
    found = [
        f"{library} {sum(taken):.2f} s ({1000 * median(taken):.2f} ms a step)"
        for library, taken in comparison.side_by_side.seconds.items()
    ]
    return f"the steps alone: {', '.join(found)}"


def verdict_lines(comparison: Comparison) -> str:
    """Return whether the differences are within their limits, or why there are no limits."""
    if verdicts := comparison.verdicts():
        return "\n".join(_verdict_line(each) for each in verdicts)
    rounding = np.finfo(comparison.setup.net.dtype).eps / 2
    return (
        f"float32 has no bar: up to step {len(comparison.largest):,} the largest relative difference is "
        f"{np.max(comparison.largest):.1e}. Each operation rounds by up to {rounding:.0e}, and the libraries "
        "compute in different orders; training amplifies rounding, abruptly where it switches a ReLU. "
        "To tell rounding from an error, run again with --dtype float64"
    )


def _verdict_line(verdict: Verdict) -> str:
    outcome = "holds" if verdict.holds else "MISSED"
    return (
        f"float64, up to step {verdict.steps:,}: largest relative difference {verdict.measured:.1e}, "
        f"bar {verdict.limit:.0e}: {outcome}"
    )


def _add_columns(table: Table, *names: str) -> None:
    for name in names:
        table.add_column(f"{name}\nabs.", justify="right")
        table.add_column("\nrel.", justify="right")


def _worst(found: Sequence[Difference]) -> Difference:
    """Return the largest absolute and the largest relative difference, perhaps of different blocks."""
    # NumPy's max propagates NaN.
    kinds = ([each.absolute for each in found], [each.relative for each in found])
    return Difference(*(float(np.max(values)) for values in kinds))


def _cells(found: Sequence[Difference]) -> list[str]:
    return [f"{value:.1e}" for each in found for value in (each.absolute, each.relative)]
