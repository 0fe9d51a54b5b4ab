"""`pellucid bench` as a person sees it: an estimate, a bar, tables as they come, files at the end."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from bench.cells import notes
from bench.chart import pictures
from bench.effort import QUICK_NOTICE
from bench.results import results_to_go_on, with_part, write_results
from bench.session import Session
from bench.table import terminal
from pellucid.lab.pictures.figures import render
from pellucid.lab.running.console import duration


def bench(session: Session, out: Path, console: Console) -> dict[str, Any]:
    """Measure, show and write; return the results.

    Raises
    ------
    KeyboardInterrupt
        Passed on, with all workers ended; parts that were finished are in the file.
    """
    results = results_to_go_on(out, quick=session.effort.is_smoke)
    if session.effort.is_smoke:
        console.print(f"[bold yellow]{QUICK_NOTICE}[/]")
    console.print(f"This takes about {duration(session.seconds)}; other work on the machine disturbs it.")
    with _bar(console) as bar:
        task = bar.add_task("starting", total=session.seconds, left="")

        def tell(step: str, share: float) -> None:
            bar.update(task, description=step, advance=share, left=_left(bar))

        for name, part in session.measure(tell):
            results = with_part(results, name, part)
            write_results(out, results)
    _show(results, console)
    for path in (out, *_draw(results, out)):
        console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
    return results


def _show(results: dict[str, Any], console: Console) -> None:
    for table in terminal(results):
        console.print(table)
    console.print(*notes(results), sep="\n", markup=False, highlight=False)


def _draw(results: dict[str, Any], out: Path) -> list[Path]:
    """Write the pictures beside the file of results."""
    notice = QUICK_NOTICE if results["quick"] else None
    return [path for picture in pictures(results) for path in render(picture, out.parent, notice=notice)]


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, TextColumn("{task.fields[left]}"), console=console)


def _left(bar: Progress) -> str:
    """Return the time left, from the pace so far."""
    (task,) = bar.tasks
    done, total = task.completed, task.total or 0.0
    if not done or done >= total:
        return ""
    return f"about {duration((task.elapsed or 0.0) * (total - done) / done)} left"
