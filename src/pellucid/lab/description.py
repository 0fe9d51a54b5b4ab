"""What `pellucid data describe` prints: the facts about a data set as two tables and a list of outliers.

The output is made from a `Description` and fits 80 columns.
"""

from itertools import zip_longest

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pellucid.data import Description

MAX_RUNS = 8  # runs of constant pixels that are listed; there are hundreds at the margins of MNIST


def show_description(facts: Description, console: Console) -> None:
    """Print the facts, the distribution of the labels, and the worst outliers."""
    facts_table = Table(title=f"Data set {facts.name}", title_justify="left", show_header=False, box=None)
    facts_table.add_column(no_wrap=True, style="bold")
    facts_table.add_column(overflow="fold")
    for name, text in _facts(facts):
        facts_table.add_row(name, Text(text))
    console.print(facts_table)
    console.print(_labels(facts))
    if facts.outliers:
        console.print(_outliers(facts))


def _facts(facts: Description) -> list[tuple[str, str]]:
    """Return the name and the text of each line."""
    height, width = facts.image_shape
    return [
        ("from", facts.source),
        ("training images", f"{facts.n_train:,} of {height} x {width} = {facts.n_features} pixels"),
        ("test images", f"{facts.n_test:,}"),
        ("memory", f"{facts.memory_mb:,.1f} MB in all"),
        ("pixel range", f"{facts.pixel_min} to {facts.pixel_max}"),
        ("pixel mean ± sd", f"{facts.pixel_mean:.2f} ± {facts.pixel_sd:.2f}"),
        ("pixels at 0", f"{facts.zero_fraction:.1%}"),
        ("constant pixels", _constant(facts.constant_pixels, facts.constant_values)),
        ("duplicates", f"{facts.duplicate_rows} among the training images"),
        ("shared", f"{facts.shared_rows} test images are identical to a training image"),
        ("outliers", f"{facts.n_outliers}, more than 4 sd farther than average from their class's mean"),
    ]


def _constant(pixels: tuple[int, ...], values: tuple[int, ...]) -> str:
    """Count the constant pixels and list them as runs of one value: "5: 9 at 16, 0-3 at 0"."""
    runs: list[tuple[int, int, int]] = []  # first pixel, last pixel, value
    for pixel, value in zip(pixels, values, strict=True):
        extends_run = runs and runs[-1][1:] == (pixel - 1, value)
        first = runs.pop()[0] if extends_run else pixel
        runs.append((first, pixel, value))
    # A margin at 0 is no surprise, so other values come first: the end of the list may be cut off.
    runs.sort(key=lambda run: run[2] == 0)
    shown = [_run(*run, show_value=any(values)) for run in runs[:MAX_RUNS]]
    end = (", …" if len(runs) > MAX_RUNS else "") + ("" if any(values) else " (all 0)")
    return f"{len(pixels)}: {', '.join(shown)}{end}" if pixels else "none"


def _run(first: int, last: int, value: int, *, show_value: bool) -> str:
    pixels = str(first) if first == last else f"{first}-{last}"
    return f"{pixels} at {value}" if show_value else pixels


def _labels(facts: Description) -> Table:
    """Return the distribution of the labels, with a bar for the share of each class."""
    table = Table(title="Labels", title_justify="left")
    for head in ("class", "training", "share", "test"):
        table.add_column(head, justify="right")
    table.add_column("")
    most = max(facts.train_counts)
    for label, (train, test) in enumerate(zip_longest(facts.train_counts, facts.test_counts, fillvalue=0)):
        share = f"{train / facts.n_train:.1%}"
        table.add_row(str(label), f"{train:,}", share, f"{test:,}", "█" * round(30 * train / most))
    return table


def _outliers(facts: Description) -> Table:
    """Return the worst outliers."""
    title = f"Outliers: the worst {len(facts.outliers)} of {facts.n_outliers}"
    table = Table(title=title, title_justify="left")
    for head in ("training row", "class", "distance", "sd above the mean"):
        table.add_column(head, justify="right")
    for each in facts.outliers:
        table.add_row(f"{each.row:,}", str(each.label), f"{each.distance:,.1f}", f"{each.deviations:.2f}")
    return table
