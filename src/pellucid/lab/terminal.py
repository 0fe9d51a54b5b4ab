"""The ledger in the terminal: one line a claim, a published curve as one line, verdicts as words.

`rich.print(ledger_table(ledger["rows"], "Rerun of C"))` fits 100 columns and wraps figures at 80.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pellucid.lab.rows import JsonRow, cells, fold, fold_label

if TYPE_CHECKING:
    from rich.table import Table

STYLES = {"reproduced": "green", "not reproduced": "bold red", "undetermined": "yellow", "not run": "dim"}


def ledger_table(rows: Sequence[JsonRow], title: str) -> "Table":
    """Return the rows (as in `ledger.json`) as a table, by report, variant and reading."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Figure", overflow="fold", ratio=1)
    for head in ("Published", "Mean ± sd", "Interval"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("Verdict", no_wrap=True)
    sections: dict[tuple[str, ...], list[list[JsonRow]]] = {}
    for group in fold(rows):
        where = (group[0][name] for name in ("report", "variant", "reading"))
        sections.setdefault(tuple(filter(None, where)), []).append(group)
    for section, groups in sections.items():
        table.add_section()
        table.add_row(Text(" · ".join(section), style="bold"))
        for group in groups:
            table.add_row(*(Text(text, style=style) for text, style in _line(group)))
    return table


def _line(group: Sequence[JsonRow]) -> list[tuple[str, str]]:
    """Return the texts of a table row with their styles."""
    row, label = group[0], fold_label(group)
    name = f"{label}, {row['unit']}"
    if len(group) > 1:
        return [(f"{name}: {len(group)} points", ""), ("", ""), ("", ""), ("", ""), _verdict(group)]
    text = cells(row)
    numbers = [(text[column], "") for column in ("published", "measured", "interval")]
    return [(name, ""), *numbers, _verdict(group)]


def _verdict(group: Sequence[JsonRow]) -> tuple[str, str]:
    """Return the verdict with its style; for points that differ, how many hold."""
    verdicts = Counter(row["verdict"] for row in group)
    if group[0]["kind"] == "measured" and "not run" not in verdicts:
        return "measured", "dim"
    if len(verdicts) > 1:
        return f"{verdicts['reproduced']} of {len(group)} hold", ""
    verdict = group[0]["verdict"]
    return verdict, STYLES[verdict]
