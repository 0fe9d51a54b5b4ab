"""`pellucid reproduce`: rerun the published reports."""

import os
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

import pellucid as pl
from pellucid.app.options import FILES, Options, option
from pellucid.app.settings import folder_option
from pellucid.cli.shared import console

if TYPE_CHECKING:
    from pellucid.lab.report import Mode, Report
    from pellucid.lab.running.pool import Pool

#: The letters of the published reports, listed here so that startup need not import the laboratory.
LETTERS = ("A", "B", "C", "D", "E")
EXAMPLES = """pellucid reproduce --quick
pellucid reproduce --report C --report D --full"""


@dataclass(frozen=True)
class ReproduceOptions(Options):
    """Options of `pellucid reproduce`."""

    report: tuple[str, ...] = option(
        (), "Only this report; may be repeated.", metavar="|".join(LETTERS), default_text="all"
    )
    full: bool = option(
        False, "Published training lengths, every reading of the reports, 5 seeds.", has_negative=False
    )
    quick: bool = option(False, "A smoke test of about a minute.", has_negative=False)
    seeds: int | None = option(
        None,
        "Seeds of each setting; confidence intervals need 3.",
        least=1,
        default_text="3; 5 with --full, 1 with --quick",
    )
    jobs: int | None = option(None, "Parallel runs.", least=1, default_text="one per core")
    cluster: str | None = option(None, "Run on the Dask cluster at this address.", metavar="tcp://HOST:PORT")
    out: Path = option(Path("results"), "Folder of the results.", group=FILES, path="folder")
    folder: Path | None = folder_option()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.full and self.quick:
            raise ValueError("--full and --quick exclude each other: give one")
        if self.jobs is not None and self.cluster is not None:
            raise ValueError("--cluster and --jobs exclude each other: give one")

    def mode(self) -> "Mode":
        """Return how long to train, and with how many seeds."""
        from pellucid.lab.report import Mode

        name, seeds = ("full", 5) if self.full else ("quick", 1) if self.quick else ("default", 3)
        return Mode(name, self.seeds or seeds)


def reproduce(options: ReproduceOptions) -> None:
    """Rerun the published reports and check their figures."""
    letters = [_letter(each) for each in options.report]
    from pellucid.lab.reports import REPORTS
    from pellucid.lab.running.console import reproduce as run
    from pellucid.lab.running.rerun import Rerun

    _check_known(letters, REPORTS)
    # Workers load the data themselves: the folder reaches them through the environment.
    if options.folder is not None:
        os.environ["PELLUCID_DATA"] = str(options.folder.resolve())
    data = _data_sets(REPORTS.values(), letters or REPORTS, options.folder)
    rerun = Rerun(list(REPORTS.values()), options.mode(), data, options.out, only=letters or None)
    try:
        with _pool(options.jobs, options.cluster) as pool:
            run(rerun, pool, console)
    except KeyboardInterrupt:
        console.print("\nInterrupted. Finished runs are kept: the same command continues.")
        raise typer.Exit(130) from None


def _letter(word: str) -> str:
    letter = word.strip().upper()
    if letter not in LETTERS:
        raise ValueError(f"--report must be one of {', '.join(LETTERS)}, got {letter!r}")
    return letter


def _pool(jobs: int | None, cluster: str | None) -> AbstractContextManager["Pool"]:
    """Return the pool of workers that carries out the runs."""
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
    """Return the available data sets of all reports; their checksums are part of the digests that name runs.
    Raise if none of the data sets of a requested report is available.
    """
    from pellucid.data.unpack import MissingError

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
