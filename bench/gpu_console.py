"""`pellucid bench --gpu` as a person sees it: an estimate, parts as they come, tables and the file."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.contestants import versions
from bench.effort import QUICK_NOTICE
from bench.gpu import GpuSession
from bench.gpu_table import notes, terminal
from bench.results import new_results, write_results
from pellucid.lab.running.console import duration
from pellucid.provenance import environment


def bench_gpu(session: GpuSession, machine: Mapping[str, Any], out: Path, console: Console) -> dict[str, Any]:
    """Measure, show and write; return the results. A new run writes a new file, part by part.

    Raises
    ------
    KeyboardInterrupt
        Passed on, with all workers ended; parts that were finished are in the file.
    """
    results = new_results(quick=session.effort.is_smoke)
    results["machine"] |= machine
    if session.effort.is_smoke:
        console.print(f"[bold yellow]{QUICK_NOTICE}[/]")
    console.print(f"{machine['gpu']}. This takes about {duration(session.seconds)}.")
    with console.status("starting") as status:
        for name, part in session.measure(lambda step, _: status.update(step)):
            about = {**environment(), **versions(), "cupy": machine["cupy"]}
            measured = datetime.now(UTC).isoformat(timespec="seconds")
            results["parts"][name] = {**part, "environment": about, "measured": measured}
            write_results(out, results)
            console.print(f"{name}: measured", highlight=False)
    for table in terminal(results):
        console.print(table)
    console.print(*notes(results), f"written: {out}", sep="\n", markup=False, highlight=False, soft_wrap=True)
    return results
