"""`pellucid reproduce`: rerun the published reports."""

import os
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import pellucid as pl
from pellucid.cli.shared import Folder, check_counts, console

if TYPE_CHECKING:
    from pellucid.lab.report import Report
    from pellucid.lab.running.pool import Pool

#: The letters of the published reports; asking the laboratory would load it at every start.
LETTERS = ("A", "B", "C", "D", "E")


def reproduce(
    report: Annotated[
        list[str] | None, typer.Option(metavar="|".join(LETTERS), help="Only this report; may be repeated.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Published lengths, every reading, 5 seeds.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A smoke run of less than a minute.")] = False,
    seeds: Annotated[int | None, typer.Option(help="Seeds a cell; intervals need 3.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Runs at a time.", show_default="one a core")] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="tcp://HOST:PORT", help="Let the dask cluster there do the runs.")
    ] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="Where results go.")] = Path("results"),
    folder: Folder = None,
) -> None:
    """Rerun the published reports and say which of their figures hold.

    Example: pellucid reproduce --report C --quick
    """
    check_counts({"seeds": seeds, "jobs": jobs})
    if full and quick:
        raise ValueError("--full and --quick exclude each other: give one")
    if jobs is not None and cluster is not None:
        raise ValueError("--cluster and --jobs exclude each other: give one")
    letters = [_letter(each) for each in report or ()]
    from pellucid.lab.report import Mode
    from pellucid.lab.reports import REPORTS
    from pellucid.lab.running.console import reproduce as run
    from pellucid.lab.running.rerun import Rerun

    _check_known(letters, REPORTS)
    name, usual = ("full", 5) if full else ("quick", 1) if quick else ("default", 3)
    # Workers load the data themselves: the folder reaches them through the environment.
    if folder is not None:
        os.environ["PELLUCID_DATA"] = str(folder.resolve())
    data = _data_sets(REPORTS.values(), letters or REPORTS, folder)
    rerun = Rerun(list(REPORTS.values()), Mode(name, seeds or usual), data, out, only=letters or None)
    try:
        with _pool(jobs, cluster) as pool:
            run(rerun, pool, console)
    except KeyboardInterrupt:
        console.print("\nInterrupted. Finished runs are kept: the same command goes on from here.")
        raise typer.Exit(130) from None


def _letter(word: str) -> str:
    letter = word.strip().upper()
    if letter not in LETTERS:
        raise ValueError(f"--report must be one of {', '.join(LETTERS)}, got {letter!r}")
    return letter


def _pool(jobs: int | None, cluster: str | None) -> AbstractContextManager["Pool"]:
    """Return who carries the runs out."""
    if cluster is not None:
        from pellucid.lab.running.cluster import connect

        return connect(cluster)
    from joblib import cpu_count

    from pellucid.lab.running.pool import LocalPool

    return nullcontext(LocalPool(jobs or cpu_count()))


def _check_known(letters: Iterable[str], known: Iterable[str]) -> None:
    for letter in letters:
        if letter not in known:
            raise ValueError(f"--report {letter} is not in this version, only {', '.join(known)}")


def _data_sets(
    reports: Collection["Report"], letters: Collection[str], folder: Path | None
) -> list[pl.Dataset]:
    """Return the sets that there are of those that any report reads: their checksums name its kept runs.

    A report that is to run needs one of its sets at least.
    """
    from pellucid.data.sources import MissingError

    found: dict[str, pl.Dataset] = {}
    missing: dict[str, MissingError] = {}
    for name in dict.fromkeys(name for report in reports for name in report.data_sets):
        try:
            found[name] = pl.load_dataset(name, folder=folder)
        except MissingError as error:
            missing[name] = error
    for report in reports:
        if report.letter in letters and not found.keys() & set(report.data_sets):
            raise missing[report.data_sets[0]]
    return list(found.values())
