"""A rerun of reports: plans the runs, hands the missing ones to a pool, and writes ledger and page.

Nothing is kept in memory: rows, figures and page are made from the files of the runs.
"""

from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pellucid.data import Dataset
from pellucid.files.whole import write_whole
from pellucid.lab.claims import Claim
from pellucid.lab.ledger import Row, judge, write_ledger
from pellucid.lab.page import write_page
from pellucid.lab.pictures.figures import Intervals, Picture, interval_chart, render
from pellucid.lab.report import Cost, Finished, Mode, Report, Run
from pellucid.lab.rows import fold
from pellucid.lab.running.groups import Group, in_groups, in_order
from pellucid.lab.running.pool import Pool
from pellucid.lab.running.runs import checksums, read_run, run_path, set_aside
from pellucid.provenance import environment


class Rerun:
    """One rerun of some reports.

    Parameters
    ----------
    data : sequence of Dataset
        Those of the reports' data sets that the user has. The checksums of the sets that a
        report reads are part of the names of its runs.
    out : Path
        Results are written to ``out / mode.name``, the files of the runs to ``out / "runs"``.
    only : collection of str, optional
        Letters of the reports to run; the ledger keeps earlier results of the others. None: all.
    """

    def __init__(
        self,
        reports: Sequence[Report],
        mode: Mode,
        data: Sequence[Dataset],
        out: Path,
        *,
        only: Collection[str] | None = None,
    ) -> None:
        self.reports, self.mode = reports, mode
        self.chosen = {report.letter for report in reports if only is None or report.letter in only}
        self.folder, self.runs_folder = out / mode.name, out / "runs"
        self.data = {each.name: each for each in data}
        self.sha256 = {
            report.letter: checksums([self.data[name] for name in report.data_sets if name in self.data])
            for report in reports
        }
        self.plans = {report.letter: report.plan(mode) for report in reports}
        for folder in (self.folder / "figures", self.runs_folder):
            folder.mkdir(parents=True, exist_ok=True)

    def path(self, run: Run) -> Path:
        """Return the path of the file of a run."""
        return run_path(self.runs_folder, run, self.sha256[run.report])

    def planned(self) -> list[Run]:
        """Return all runs of the chosen reports."""
        return [run for letter, plan in self.plans.items() if letter in self.chosen for run in plan]

    def set_damaged_aside(self) -> list[Path]:
        """Rename damaged files of runs, for example after a full disk, and return their new paths."""
        paths = [self.path(run) for plan in self.plans.values() for run in plan]
        return [path for path in map(set_aside, paths) if path is not None]

    def missing(self, at_once: int) -> list[Group]:
        """Return the missing runs, grouped and ordered for ``at_once`` groups at the same time."""
        together = {report.letter: report.together for report in self.reports}
        runs = [run for run in self.planned() if not self.path(run).exists()]
        return in_order(in_groups(runs, lambda run: together[run.report](run.settings), at_once))

    def carry_out(self, pool: Pool) -> Generator[Run, None, None]:
        """Let a pool carry out the missing runs; yield each when its file is written."""
        tasks = [(group, self.sha256[group[0].report]) for group in self.missing(pool.at_once)]
        with closing(pool.carry_out(tasks)) as ended:
            for group, contents in ended:
                for run, content in zip(group, contents, strict=True):
                    write_whole(self.path(run), [content])
                yield from group

    def finished(self, letter: str) -> list[Finished]:
        """Return the finished runs of a report."""
        found = (read_run(self.path(run)) for run in self.plans[letter])
        return [run for run in found if run is not None]

    def is_complete(self, letter: str) -> bool:
        """Whether all runs of a report are finished."""
        return all(self.path(run).exists() for run in self.plans[letter])

    def rows(self, report: Report) -> list[Row]:
        """Return the rows of a report from its finished runs."""
        return report.rows(self.finished(report.letter))

    def write(self) -> Path:
        """Write figures, ledger and page from the files of the runs; return the path of the page."""
        rows = [row.to_json() for report in self.reports for row in self.rows(report)]
        ledger = {
            "environment": {**environment(), "data": ", ".join(self.data), **checksums(self.data.values())},
            "mode": self.mode.name,
            "notice": self.mode.notice,
            "command": f"pellucid reproduce --seeds {self.mode.seeds}" + self._flags(),
            "reports": [self._about(report, rows) for report in self.reports],
            "rows": rows,
        }
        write_ledger(self.folder / "ledger.json", ledger)
        return write_page(ledger, self.folder)

    def _flags(self) -> str:
        """Return the flags of the command that repeats this rerun."""
        mode = "" if self.mode.name == "default" else f" --{self.mode.name}"
        only = [f" --report {letter}" for letter in sorted(self.chosen)]
        return mode + ("" if len(only) == len(self.reports) else "".join(only))

    def _about(self, report: Report, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Draw the figures of a report, and return everything on the page about it except its rows."""
        finished = self.finished(report.letter)
        plots: list[Picture | Intervals] = [*report.plots(finished), *_chart(report, rows)]
        for plot in plots:
            render(plot, self.folder / "figures", notice=self.mode.notice)
        return {
            "letter": report.letter,
            "name": report.name,
            "authors": report.authors,
            "title": report.title,
            "summary": report.summary,
            "slips": _slips(report, finished),
            "assumptions": list(report.assumptions),
            "plots": [{"name": plot.name, "caption": plot.caption} for plot in plots],
            "finished": self.is_complete(report.letter),
            "seconds": sum(run.seconds for run in finished),
        }


def _chart(report: Report, rows: list[dict[str, Any]]) -> list[Intervals]:
    """Return the chart of all published figures with an interval, without traces."""
    own = [row for row in rows if row["report"] == report.letter and row["published"] is not None]
    single = [group[0] for group in fold(own) if len(group) == 1]
    shown = [row for row in single if row["low"] is not None]
    name = f"{report.letter.lower()}-intervals"
    return [interval_chart(shown, name, f"Report {report.letter}: published and measured")] if shown else []


def _slips(report: Report, finished: list[Finished]) -> list[dict[str, Any]]:
    """Return each slip with its measured costs."""
    costs = report.costs(finished)
    return [
        {**asdict(slip), "costs": [_cost(report, cost) for cost in costs if cost.slip == slip.name]}
        for slip in report.slips
    ]


def _cost(report: Report, cost: Cost) -> dict[str, Any]:
    claim = Claim(cost.figure, cost.unit, kind="measured")
    row = judge(claim, cost.values, report=report.letter, variant="cost").to_json()
    shown = {name: row[name] for name in ("figure", "unit", "mean", "low", "high", "seeds")}
    return {**shown, "note": cost.note}
