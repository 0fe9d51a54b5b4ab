"""`pellucid reproduce` as a person sees it: an estimate, a bar, rows as they come, a table a report."""

import math
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pellucid.lab.ledger import read_ledger
from pellucid.lab.report import Run
from pellucid.lab.rows import JsonRow, cells, fold, tally
from pellucid.lab.running.groups import Group, cost
from pellucid.lab.running.pool import Pool
from pellucid.lab.running.runner import Session
from pellucid.lab.terminal import ledger_table
from pellucid.wording import counted


def reproduce(session: Session, pool: Pool, console: Console) -> Path:
    """Carry out what is missing, show rows and tables as they come, and return the page's path.

    Raises
    ------
    KeyboardInterrupt
        Passed on; what is done stays, and the same call goes on from there.
    """
    if session.mode.notice:
        console.print(f"[bold yellow]{session.mode.notice}[/]")
    for path in session.set_damaged_aside():
        console.print(f"A damaged run was set aside: {path}", markup=False, soft_wrap=True)
    groups = session.missing(pool.at_once)
    missing = [run for group in groups for run in group]
    console.print(estimate(session, groups, pool))
    shown: set[tuple[str, ...]] = set()
    done = {letter for letter in session.chosen if session.is_complete(letter)}
    page = session.folder / "index.html"
    if not missing or not page.exists():  # what a call before this one has finished stays until there is more
        session.write()
    for letter in sorted(done):
        show_table(session, letter, console)
    # Closed by name, so that Ctrl-C ends the workers at once wherever it strikes.
    with _bar(console) as bar, closing(session.carry_out(pool)) as runs:
        task = bar.add_task("runs", total=len(missing), left="")
        work = sum(run.cost for run in missing)
        for run in runs:
            work -= run.cost
            bar.update(task, advance=1, left=_left(bar, task, missing, work))
            _show_new_rows(session, run, shown, console)
            if session.is_complete(run.report):
                page = session.write()
                show_table(session, run.report, console)
    rows = read_ledger(session.folder / "ledger.json")["rows"]
    console.print(f"Together: {tally(rows)}.", style="bold", highlight=False)
    console.print(f"Page:   {page}\nLedger: {session.folder / 'ledger.json'}", markup=False, soft_wrap=True)
    return page


def estimate(session: Session, missing: list[Group], pool: Pool) -> str:
    """Say how much is to do and how long that takes."""
    planned, left = len(session.planned()), sum(map(len, missing))
    if not missing:
        return f"{counted(planned, 'run')}, all there already: nothing to train."
    # No schedule is shorter than the longest group.
    seconds = max(sum(map(cost, missing)) / pool.at_once, *map(cost, missing))
    by_report = {
        letter: sum(cost(group) for group in missing if group[0].report == letter) for letter in session.plans
    }
    shares = ", ".join(
        f"{letter} {duration(work / pool.at_once)}" for letter, work in by_report.items() if work
    )
    kept = f" ({planned - left} of {planned} are there already)" if planned > left else ""
    return f"{counted(left, 'run')}{kept}, {pool}: about {duration(seconds)} ({shares})."


def duration(seconds: float) -> str:
    """Write a duration in the unit a person would use.

    Examples
    --------
    >>> duration(42), duration(150), duration(9000)
    ('42 s', '3 min', '2 h 30 min')
    """
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def show_table(session: Session, letter: str, console: Console) -> None:
    """Print a report's table."""
    report = next(report for report in session.reports if report.letter == letter)
    rows = [row.to_json() for row in session.rows(report)]
    title = f"Report {letter}: {report.name}" + (f" - {session.mode.notice}" if session.mode.notice else "")
    run = [row for row in rows if row["verdict"] != "not run"]
    if run:
        console.print(ledger_table(run, title))
    console.print(f"Report {letter}: {tally(rows)}.", style="bold", highlight=False)


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, TextColumn("{task.fields[left]}"), console=console)


def _left(bar: Progress, task: object, missing: list[Run], work: float) -> str:
    """Return the time left, from the pace of the work done so far."""
    total = sum(run.cost for run in missing)
    elapsed = bar.tasks[0].elapsed or 0.0
    return f"about {duration(elapsed * work / (total - work))} left" if work else ""


def _show_new_rows(session: Session, run: Run, shown: set[tuple[str, ...]], console: Console) -> None:
    """Print each published figure that has just got all its seeds, but for long traces."""
    report = next(report for report in session.reports if report.letter == run.report)
    groups = fold(row.to_json() for row in session.rows(report))
    for row in (group[0] for group in groups if len(group) == 1):
        key = tuple(row[name] or "" for name in ("report", "variant", "reading", "figure"))
        if row["published"] is None or row["seeds"] < session.mode.seeds or key in shown:
            continue
        shown.add(key)
        console.print(_row_line(row))


def _row_line(row: JsonRow) -> str:
    where, text = ", ".join(filter(None, (row["variant"], row["reading"]))), cells(row)
    return (
        f"{row['report']} · {row['figure']} ({where}): published {text['published']}, "
        f"measured {text['measured']}, interval {text['interval']}: {row['verdict']}"
    )
