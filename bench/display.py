"""A run on the screen: an estimate, a progress bar, tables, and the files that are written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from bench.chart import pictures
from bench.effort import QUICK_NOTICE
from bench.plan import Plan
from bench.result_tables import notes, terminal
from bench.results import results_to_extend, with_part, write_results
from pellucid.lab.pictures.figures import render
from pellucid.lab.running.console import duration


def carry_out(
    plan: Plan, out: Path, console: Console, gpu: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Measure the parts of a plan and show them; write results to a file, and pictures into its folder.

    `gpu` is the GPU, from `gpu_machine`. On Ctrl-C all workers end before KeyboardInterrupt is raised; the
    file holds the parts that were finished.
    """
    results = results_to_extend(out, quick=plan.effort.is_smoke, gpu=gpu)
    if plan.effort.is_smoke:
        console.print(f"[bold yellow]{QUICK_NOTICE}[/]")
    machine = f"{gpu['gpu']}. " if gpu else ""
    console.print(
        f"{machine}This takes about {duration(plan.seconds)}. Other work on the machine distorts the times."
    )
    with _progress_bar(console) as bar:
        task = bar.add_task("starting", total=plan.seconds, left="")

        def notify(step: str, seconds: float) -> None:
            bar.update(task, description=step, advance=seconds, left=_time_left(bar))

        for name, part in plan.measure(notify):
            results = with_part(results, name, part)
            write_results(out, results)
            console.print(f"{name}: measured", highlight=False)
    for table in terminal(results):
        console.print(table)
    console.print(*notes(results), sep="\n", markup=False, highlight=False)
    for path in (out, *_draw(results, out)):
        console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
    return results


def _draw(results: dict[str, Any], out: Path) -> list[Path]:
    """Draw the pictures into the folder of the results; return their paths."""
    notice = QUICK_NOTICE if results["quick"] else None
    return [path for picture in pictures(results) for path in render(picture, out.parent, notice=notice)]


def _progress_bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, TextColumn("{task.fields[left]}"), console=console)


def _time_left(bar: Progress) -> str:
    """Return the time left, estimated from the speed so far."""
    (task,) = bar.tasks
    done, total = task.completed, task.total or 0.0
    if not done or done >= total:
        return ""
    return f"about {duration((task.elapsed or 0.0) * (total - done) / done)} left"
