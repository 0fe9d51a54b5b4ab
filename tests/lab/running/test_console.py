"""`reproduce` as it reads on a terminal of 100 columns."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from pellucid.data import Dataset
from pellucid.lab.claims import Claim
from pellucid.lab.ledger import judge, not_run
from pellucid.lab.report import Mode, Report, Run
from pellucid.lab.reports import REPORTS
from pellucid.lab.running import console as module
from pellucid.lab.running import groups
from pellucid.lab.running.console import duration, estimate, reproduce
from pellucid.lab.running.pool import LocalPool
from pellucid.lab.running.rerun import Rerun

NOTICE = "Smoke run: cut short, nothing here is a result."


def fake(letter, cost=2.0, cells=1):
    """Return a report with one published figure, a measured one and one that never runs."""
    claims = [Claim("accuracy", "%", "90.5"), Claim("dead classes", "of 10", kind="measured")]

    def rows(finished):
        about = {"report": letter, "variant": "as published"}
        values = [run.result for run in finished if run.settings["cell"] == 0]
        idle = not_run(Claim("loss", "nats", "2.3"), why="--full runs it.", **about)
        if not values:
            return [not_run(claim, why="Not yet.", **about) for claim in claims] + [idle]
        return [judge(claim, values, **about) for claim in claims] + [idle]

    def plan(mode):
        return [Run(letter, {"cell": i}, seed, cost) for i in range(cells) for seed in range(mode.seeds)]

    def run(group, seed):
        return [90.4 + seed / 10] * len(group)

    def nothing(finished):
        return []

    about = (letter, f"Name of {letter}", "", "", "", (), ())
    return Report(*about, plan, run, rows, nothing, nothing, together=lambda settings: "alike")


@pytest.fixture
def start(tmp_path, monkeypatch):
    x, y = np.zeros((2, 4), np.uint8), np.array([0, 1])
    data = Dataset("toy", x, y, x, y, 2, (2, 2), "a test", {"toy": "ff"})

    def session(*letters, mode="default", seeds=3, cost=2.0, cells=1):
        reports = [fake(letter, cost, cells) for letter in letters]
        for report in reports:
            monkeypatch.setitem(REPORTS, report.letter, report)
        return Rerun(reports, Mode(mode, seeds), [data], tmp_path)

    return session


def told(session, pool):
    return estimate(session, session.missing(pool.at_once), pool)


def shown(session):
    console = Console(record=True, width=100, file=io.StringIO())
    page = reproduce(session, LocalPool(1), console)
    return page, console.export_text()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "1 s"),
        (42, "42 s"),
        (99.5, "100 s"),
        (100, "2 min"),
        (150, "3 min"),
        (5940, "99 min"),
        (5941, "1 h 40 min"),
        (9000, "2 h 30 min"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.fixture
def cores(monkeypatch):
    return lambda n: monkeypatch.setattr("joblib.cpu_count", lambda: n)


def test_the_estimate_shares_the_work_out(start, cores):
    cores(4)
    session = start("F", "G", cost=30.0)
    assert told(session, LocalPool(2)) == "6 runs, 2 at a time: about 90 s (F 45 s, G 45 s)."


def test_no_schedule_is_shorter_than_its_longest_run(start, cores):
    cores(8)
    session = start("F", seeds=2, cost=600.0)
    assert told(session, LocalPool(8)) == "2 runs, 8 at a time: about 10 min (F 3 min)."


def test_runs_trained_together_are_done_one_group_at_a_time(start, cores, monkeypatch):
    cores(2)
    monkeypatch.setattr(groups, "FURTHER", 0.5)
    assert told(start("F", seeds=1, cost=60.0, cells=4), LocalPool(1)) == (
        "4 runs, 1 at a time: about 3 min (F 3 min)."  # 60 s and 30 s for each of the others
    )
    assert told(start("F", seeds=1, cost=60.0, cells=4), LocalPool(2)) == (
        "4 runs, 2 at a time: about 90 s (F 90 s)."  # two and two
    )


def test_more_jobs_than_cores_gain_nothing(start, cores):
    cores(2)
    session = start("F", cost=30.0)
    assert told(session, LocalPool(3)) == "3 runs, 3 at a time: about 45 s (F 45 s)."


def test_the_estimate_counts_what_is_there(start):
    list(start("F", seeds=1).carry_out(LocalPool(1)))
    session = start("F", "G")
    assert told(session, LocalPool(1)) == (
        "5 runs (1 of 6 are finished), 1 at a time: about 10 s (F 4 s, G 6 s)."
    )
    assert estimate(session, [], LocalPool(1)) == "All 6 runs are finished: nothing to train."


def test_a_rerun_reads_from_estimate_to_page(start):
    session = start("F", "G")
    page, text = shown(session)
    assert text.index("6 runs, 1 at a time") < text.index("Name of F") < text.index("Name of G")
    assert text.index("Name of G") < text.index(
        "All reports: 2 of 2 claims reproduced, 0 not, 0 undetermined; 2 not run."
    )
    assert "F · accuracy (as published): published 90.5, measured" in text
    assert "interval 89.95 … 91.05: reproduced" in " ".join(text.split())
    assert "Report F: 1 of 1 claims reproduced, 0 not, 0 undetermined; 1 not run." in text
    assert "dead classes" in text
    assert "loss, nats" not in text  # what was not run is on the page, not in the table
    assert "Smoke" not in text
    assert page == session.folder / "index.html"
    assert f"Page:   {page}" in text.replace("\n", "").replace("Ledger:", "\nLedger:")
    assert max(map(len, text[: text.index("Page:")].splitlines())) <= 100


def test_the_second_time_shows_the_tables_and_trains_nothing(start):
    shown(start("F"))
    _, text = shown(start("F"))
    assert "All 3 runs are finished: nothing to train." in text
    assert "Report F: Name of F" in text
    assert text.count("F · accuracy (as published)") == 0  # rows are told as they come, once


def test_a_figure_is_told_when_it_has_all_its_seeds(start, monkeypatch):
    told = []
    monkeypatch.setattr(module, "_row_line", lambda row: told.append((row["figure"], row["seeds"])) or "")
    shown(start("F"))
    assert told == [("accuracy", 3)]


def test_the_points_of_a_trace_are_not_told_one_by_one(start, monkeypatch):
    told = []
    monkeypatch.setattr(module, "_row_line", lambda row: told.append(row["figure"]) or "")
    session = start("F")
    (report,) = session.reports
    names = [*(f"accuracy at line {line}" for line in range(10, 70, 10)), "gain at line 10"]

    def rows(finished):
        values = [run.result for run in finished]
        about = {"report": "F", "variant": "as published"}
        return [judge(Claim(name, "%", "90.5"), values, **about) for name in names if values]

    session.reports = [replace(report, rows=rows)]
    shown(session)
    assert told == ["gain at line 10"]


def test_a_smoke_run_says_so_first_and_on_each_table(start):
    session = start("F", mode="quick", seeds=1)
    _, text = shown(session)
    assert text.startswith(NOTICE)
    assert f"Report F: Name of F - {NOTICE}" in " ".join(text.split())
    assert json.loads((session.folder / "ledger.json").read_text())["notice"] == NOTICE


def test_a_path_with_brackets_is_printed_whole(tmp_path, start):
    session = start("F", seeds=1)
    session.folder = tmp_path / "[bold]results"
    (session.folder / "figures").mkdir(parents=True)
    _, text = shown(session)
    assert "[bold]results" in text


def test_a_damaged_run_is_told_in_a_line_and_done_again(start):
    shown(start("F"))
    session = start("F")
    damaged = session.path(session.plans["F"][1])
    damaged.write_text("")
    _, text = shown(session)
    assert f"A damaged file of a run was renamed: {damaged}.damaged\n1 run (2 of 3 are finished)" in text
    assert "Report F: 1 of 1 claims reproduced" in text
    assert damaged.exists()


def test_interrupted_between_two_runs_it_keeps_what_is_done(start, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_show_new_rows", interrupt)
    session = start("F")
    with pytest.raises(KeyboardInterrupt):
        shown(session)
    assert len(session.missing(1)) == 2
    monkeypatch.undo()
    _, text = shown(start("F"))
    assert "2 runs (1 of 3 are finished)" in text
