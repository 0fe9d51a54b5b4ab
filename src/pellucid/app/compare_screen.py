"""What a comparison shows on the terminal: the steps, the blocks, the times, the verdict."""

from collections.abc import Sequence
from statistics import median

import numpy as np
from rich.table import Table

from pellucid.app.compare_results import History, Verdict, is_marked
from pellucid.app.compare_setup import Setup
from pellucid.app.compare_steps import Difference
from pellucid.wording import counted

RELATIVE = (
    "abs.: largest |ours - PyTorch's| of a block of parameters; "
    "rel.: that over the block's largest |PyTorch's|."
)


def told_setup(setup: Setup, steps: int) -> str:
    """Return what is compared, in words."""
    batches = "all rows at once" if setup.batch_size is None else f"batches of {setup.batch_size}"
    return (
        f"{setup.name}, {counted(len(setup.y), 'row')}, {batches}, {counted(steps, 'step')}, "
        "here and in PyTorch\n"
        f"{setup.loss!r}, {setup.optimizer!r}\n{setup.net.summary()}"
    )


def steps_table(history: History) -> Table:
    """Return the largest differences at steps 1, 2, 5, 10 … and at the last one."""
    last = history.kept[-1]
    table = Table("step", title="Largest differences, step by step", title_justify="left")
    _add_columns(table, "loss", "gradients", "weights")
    for found in history.kept:
        if found is last or is_marked(found.step):
            pairs = (found.loss, _worst(found.gradients), _worst(found.weights))
            table.add_row(f"{found.step:,}", *_cells(pairs))
    return table


def blocks_table(history: History) -> Table:
    """Return the differences of each block of parameters at the last step."""
    last = history.kept[-1]
    title = f"Block by block, step {last.step:,}"
    table = Table("block", title=title, title_justify="left")
    _add_columns(table, "gradients", "weights")
    for name, *pair in zip(history.side_by_side.blocks, last.gradients, last.weights, strict=True):
        table.add_row(name, *_cells(pair))
    return table


def told_times(history: History) -> str:
    """Return what the steps took in each library.

    `pellucid bench` is the measurement; this one shares the processor with the comparison.
    """
    found = [
        f"{library} {sum(taken):.2f} s ({1000 * median(taken):.2f} ms a step)"
        for library, taken in history.side_by_side.seconds.items()
    ]
    return f"the steps alone: {', '.join(found)}"


def told_verdict(history: History) -> str:
    """Return whether the bars hold, or why there is none."""
    verdicts = history.verdicts()
    if verdicts:
        return "\n".join(_told(each) for each in verdicts)
    rounding = np.finfo(history.setup.net.dtype).eps / 2
    return (
        f"float32 has no bar: up to step {len(history.largest):,} the largest relative difference is "
        f"{np.max(history.largest):.1e}. Every operation rounds by up to {rounding:.0e}, each library in an "
        "order of its own; training carries each rounding on and makes it grow, all at once where it "
        "switches a ReLU. The same run in float64 tells rounding from an error: --dtype float64"
    )


def _told(verdict: Verdict) -> str:
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
    """Return the largest of each kind, which need not be of one block."""
    # Of NaN and a number, NumPy's largest is NaN.
    kinds = ([each.absolute for each in found], [each.relative for each in found])
    return Difference(*(float(np.max(values)) for values in kinds))


def _cells(found: Sequence[Difference]) -> list[str]:
    return [f"{value:.1e}" for each in found for value in (each.absolute, each.relative)]
