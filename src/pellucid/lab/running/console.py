"""`pellucid reproduce` in the terminal: an estimate, a progress bar, finished rows, a table per report."""

import math
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from pellucid.lab.ledger import read_ledger
from pellucid.lab.report import Run
from pellucid.lab.rows import (
    JsonRow,
    cells,
    claim_verdict,
    claims,
    fold,
    fold_label,
    nearest,
    readings,
    tally,
)
from pellucid.lab.running.groups import Group, cost
from pellucid.lab.running.pool import Pool
from pellucid.lab.running.rerun import Rerun
from pellucid.wording import counted

STYLES = {"reproduced": "green", "not reproduced": "bold red", "undetermined": "yellow", "not run": "dim"}


def reproduce(rerun: Rerun, pool: Pool, console: Console) -> Path:
    """Carry out the missing runs, show rows and tables when they are finished, and return the page's path.

    Finished runs are kept after a KeyboardInterrupt, and the same call resumes.
    """
    if rerun.mode.notice:
        console.print(f"[bold yellow]{rerun.mode.notice}[/]")
    for path in rerun.set_damaged_aside():
        console.print(f"A damaged file of a run was renamed: {path}", markup=False, soft_wrap=True)
    groups = rerun.missing(pool.at_once)
    missing = [run for group in groups for run in group]
    console.print(estimate(rerun, groups, pool))
    shown: set[tuple[str, ...]] = set()
    page = rerun.folder / "index.html"
    if not missing or not page.exists():  # keep the pages of an earlier call until there is more
        rerun.write()
    for letter in sorted(filter(rerun.is_complete, rerun.chosen)):
        show_table(rerun, letter, console)
    # `closing` ends the workers at once after Ctrl-C.
    with _bar(console) as bar, closing(rerun.carry_out(pool)) as runs:
        task = bar.add_task("runs", total=len(missing), left="")
        work = sum(run.cost for run in missing)
        for run in runs:
            work -= run.cost
            bar.update(task, advance=1, left=_left(bar, missing, work))
            _show_new_rows(rerun, run, shown, console)
            if rerun.is_complete(run.report):
                page = rerun.write()
                show_table(rerun, run.report, console)
    rows = read_ledger(rerun.folder / "ledger.json")["rows"]
    console.print(f"All reports: {tally(rows)}.", style="bold", highlight=False)
    console.print(f"Page:   {page}\nLedger: {rerun.folder / 'ledger.json'}", markup=False, soft_wrap=True)
    return page


def estimate(rerun: Rerun, missing: list[Group], pool: Pool) -> str:
    """Return how many runs are missing and how long they will take."""
    planned, left = len(rerun.planned()), sum(map(len, missing))
    if not missing:
        return f"All {counted(planned, 'run')} are finished: nothing to train."
    # The rerun takes at least as long as the longest group.
    seconds = max(sum(map(cost, missing)) / pool.at_once, *map(cost, missing))
    work = {
        letter: sum(cost(group) for group in missing if group[0].report == letter) for letter in rerun.plans
    }
    shares = ", ".join(f"{letter} {duration(work[letter] / pool.at_once)}" for letter in work if work[letter])
    kept = f" ({planned - left} of {planned} are finished)" if planned > left else ""
    return f"{counted(left, 'run')}{kept}, {pool}: about {duration(seconds)} ({shares})."


def duration(seconds: float) -> str:
    """Return a duration in a readable unit.

    Examples
    --------
    >>> duration(42), duration(150), duration(9000)
    ('42 s', '3 min', '2 h 30 min')
    """
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def show_table(rerun: Rerun, letter: str, console: Console) -> None:
    """Print the table of a report."""
    report = next(report for report in rerun.reports if report.letter == letter)
    rows = [row.to_json() for row in rerun.rows(report)]
    title = f"Report {letter}: {report.name}" + (f" - {rerun.mode.notice}" if rerun.mode.notice else "")
    run = [row for row in rows if row["verdict"] != "not run"]
    if run:
        console.print(ledger_table(run, title))
    console.print(f"Report {letter}: {tally(rows)}.", style="bold", highlight=False)


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TextColumn("{task.fields[left]}"), console=console)


def _left(bar: Progress, missing: list[Run], work: float) -> str:
    """Return the time left, estimated from the pace so far."""
    total = sum(run.cost for run in missing)
    elapsed = bar.tasks[0].elapsed or 0.0
    return f"about {duration(elapsed * work / (total - work))} left" if work else ""


def _show_new_rows(rerun: Rerun, run: Run, shown: set[tuple[str, ...]], console: Console) -> None:
    """Print each published figure whose last seed has just finished, except long traces."""
    report = next(report for report in rerun.reports if report.letter == run.report)
    groups = fold(row.to_json() for row in rerun.rows(report))
    for row in (group[0] for group in groups if len(group) == 1):
        key = tuple(row[name] or "" for name in ("report", "variant", "reading", "figure"))
        if row["published"] is None or row["seeds"] < rerun.mode.seeds or key in shown:
            continue
        shown.add(key)
        console.print(_row_line(row))


def _row_line(row: JsonRow) -> str:
    where, text = ", ".join(filter(None, (row["variant"], row["reading"]))), cells(row)
    return (
        f"{row['report']} · {row['figure']} ({where}): published {text['published']}, "
        f"measured {text['measured']}, interval {text['interval']}: {row['verdict']}"
    )


def ledger_table(rows: Sequence[JsonRow], title: str) -> Table:
    """Return the rows (as in `ledger.json`) as a table by report and variant, one line per claim.

    It fits 100 columns; at 80 the figures wrap.
    """
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
    """Return the cells of the line for a published curve, as texts with styles."""
    reading = f" ({points[0]['reading']})" if points[0]["reading"] else ""
    name = f"{fold_label(points)}, {points[0]['unit']}: {len(points)} points{reading}"
    return [(name, ""), ("", ""), ("", ""), ("", ""), _verdict(points)]


def _line(group: Sequence[JsonRow]) -> list[tuple[str, str]]:
    """Return the cells of the line for a claim; its numbers are those of the nearest reading."""
    row = nearest(group)
    text = cells(row)
    unit = f", {row['unit']}" if row["unit"] else ""
    tried = readings(group)
    reading = f" ({row['reading']}{'; ' + tried if tried else ''})" if row["reading"] else ""
    numbers = [(text[column], "") for column in ("published", "measured", "interval")]
    return [(row["figure"] + unit + reading, ""), *numbers, _styled(row, claim_verdict(group))]


def _verdict(points: Sequence[JsonRow]) -> tuple[str, str]:
    """Return the verdict of a curve with its style, or how many of its points hold."""
    verdicts = Counter(row["verdict"] for row in points)
    if len(verdicts) > 1:
        return f"{verdicts['reproduced']} of {len(points)} hold", ""
    return _styled(points[0], points[0]["verdict"])


def _styled(row: JsonRow, verdict: str) -> tuple[str, str]:
    """Return a verdict with its style; a row without a claim is only measured."""
    claimed = row["kind"] != "measured" or verdict == "not run"
    return (verdict, STYLES[verdict]) if claimed else ("measured", "dim")
