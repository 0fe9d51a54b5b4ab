"""Results as tables: `markdown` for the documentation, `terminal` for the screen."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.cells import notes, race_cells, ratio_cells, time_cells, workloads
from bench.effort import QUICK_NOTICE

if TYPE_CHECKING:
    from rich.table import Table


def markdown(results: Mapping[str, Any]) -> str:
    """Return the results as Markdown: times, ratios with their bars, the race, and notes."""
    parts = results["parts"]
    blocks = [QUICK_NOTICE] if results["quick"] else []
    entries = workloads(results)
    if entries:
        blocks += [markdown_table(*time_cells(entries)), markdown_table(*ratio_cells(entries))]
    if "race" in parts:
        race = parts["race"]
        blocks.append(f"From the shell to the test accuracy ({race['title']}; `{race['command']}`):")
        blocks.append(markdown_table(*race_cells(race)))
    return "\n\n".join([*blocks, "\n".join(f"- {line}" for line in notes(results))])


def terminal(results: Mapping[str, Any]) -> "list[Table]":
    """Return the tables for the screen, 80 columns wide: in that of the times each workload is a column."""
    entries, tables = workloads(results), []
    if entries:
        heads, rows = time_cells(entries)
        names = ["", *(entry["name"] for entry in entries)]
        times = list(zip(heads[1:], *(row[1:] for row in rows), strict=True))
        tables.append(terminal_table("Seconds of an iteration (A, B, C) or an epoch", names, times))
        heads, rows = ratio_cells(entries)
        room = len(heads) - 1  # the last column is for pages, which are wider
        lines = [[cell.replace("; ", "\n") for cell in row[:room]] for row in rows]
        tables.append(terminal_table("Ratios, and the bars set for them", heads[:room], lines))
    if "race" in results["parts"]:
        race = results["parts"]["race"]
        tables.append(terminal_table(f"{race['name']}: {race['title']}", *race_cells(race)))
    return tables


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as Markdown, the numbers to the right.

    Examples
    --------
    >>> print(markdown_table(["a", "b"], [["x", "1"]]))
    | a | b |
    | --- | ---: |
    | x | 1 |
    """
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def terminal_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> "Table":
    """Return a table for the screen, the numbers to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
