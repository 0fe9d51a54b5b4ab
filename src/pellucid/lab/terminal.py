"""The ledger in the terminal: one line a claim, a published curve as one line, verdicts as words.

`rich.print(ledger_table(ledger["rows"], "Rerun of C"))` fits 100 columns and wraps figures at 80.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pellucid.lab.rows import JsonRow, cells, claim_verdict, claims, fold, fold_label, nearest, readings

if TYPE_CHECKING:
    from rich.table import Table

STYLES = {"reproduced": "green", "not reproduced": "bold red", "undetermined": "yellow", "not run": "dim"}


def ledger_table(rows: Sequence[JsonRow], title: str) -> "Table":
    """Return the rows (as in `ledger.json`) as a table, by report and variant; a claim is one line."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Figure", overflow="fold", ratio=1)
    for head in ("Published", "Mean ± sd", "Interval"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("Verdict", no_wrap=True)
    sections: dict[str, list[list[JsonRow]]] = {}
    for group in fold(rows):
        sections.setdefault(f"{group[0]['report']} · {group[0]['variant']}", []).append(group)
    for section, groups in sections.items():
        table.add_section()
        table.add_row(Text(section, style="bold"))
        curves = [group for group in groups if len(group) > 1]
        single = claims(group[0] for group in groups if len(group) == 1)
        for line in (*map(_curve, curves), *map(_line, single)):
            table.add_row(*(Text(text, style=style) for text, style in line))
    return table


def _curve(points: Sequence[JsonRow]) -> list[tuple[str, str]]:
    """Return the texts of a published curve's line with their styles."""
    reading = f" ({points[0]['reading']})" if points[0]["reading"] else ""
    name = f"{fold_label(points)}, {points[0]['unit']}: {len(points)} points{reading}"
    return [(name, ""), ("", ""), ("", ""), ("", ""), _verdict(points)]


def _line(group: Sequence[JsonRow]) -> list[tuple[str, str]]:
    """Return the texts of a claim's line with their styles: the numbers are those of its nearest reading."""
    row = nearest(group)
    text = cells(row)
    unit = f", {row['unit']}" if row["unit"] else ""
    tried = readings(group)
    reading = f" ({row['reading']}{'; ' + tried if tried else ''})" if row["reading"] else ""
    numbers = [(text[column], "") for column in ("published", "measured", "interval")]
    return [(row["figure"] + unit + reading, ""), *numbers, _styled(row, claim_verdict(group))]


def _verdict(points: Sequence[JsonRow]) -> tuple[str, str]:
    """Return a curve's verdict with its style; for points that differ, how many hold."""
    verdicts = Counter(row["verdict"] for row in points)
    if len(verdicts) > 1:
        return f"{verdicts['reproduced']} of {len(points)} hold", ""
    return _styled(points[0], points[0]["verdict"])


def _styled(row: JsonRow, verdict: str) -> tuple[str, str]:
    """Return a verdict with its style; what claims nothing is measured, if it was run."""
    claimed = row["kind"] != "measured" or verdict == "not run"
    return (verdict, STYLES[verdict]) if claimed else ("measured", "dim")
