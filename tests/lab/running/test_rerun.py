"""Sessions, with reports that train nothing; runs are done in this process where jobs=1."""

import json
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pellucid.data import Dataset
from pellucid.lab.claims import Claim
from pellucid.lab.ledger import judge, not_run
from pellucid.lab.pictures.curve_panels import Panel, Series
from pellucid.lab.pictures.figures import Plot
from pellucid.lab.report import Cost, Mode, Report, Run, Slip, alone
from pellucid.lab.reports import REPORTS
from pellucid.lab.running.pool import LocalPool
from pellucid.lab.running.rerun import Rerun

SLIP = Slip("a slip", "It is explained here.")
CLAIM = Claim("accuracy", "%", "90.5")


def fake(letter, *, costs=(1.0, 5.0, 3.0), calls=None, data_sets=("toy",), together=alone):
    """Return a report of one cell for each cost; a run's accuracy is 90 + rate + seed / 10."""

    def run(group, seed):
        (calls if calls is not None else []).append((letter, *(each["rate"] for each in group), seed))
        return [{"accuracy": 90 + settings["rate"] + seed / 10} for settings in group]

    def rows(finished):
        found = []
        for rate in range(len(costs)):
            about = {"report": letter, "variant": "as published", "reading": f"rate {rate}"}
            values = [r.result["accuracy"] for r in finished if r.settings["rate"] == rate]
            why = "pellucid reproduce runs it."
            found.append(judge(CLAIM, values, **about) if values else not_run(CLAIM, why=why, **about))
        return found

    def cost(finished):
        values = tuple(r.result["accuracy"] - 90 for r in finished)
        return [Cost(SLIP.name, "accuracy", "points", values, "all runs")] if values else []

    def plots(finished):
        if not finished:
            return []
        y = [[r.result["accuracy"], 0.0] for r in finished]
        panel = Panel("P", "x", "y", (Series("s", [0, 1], y),))
        return [Plot(f"{letter.lower()}-plot", "A caption.", (panel,))]

    def plan(mode):
        return [Run(letter, {"rate": i}, s, cost) for i, cost in enumerate(costs) for s in range(mode.seeds)]

    about = (letter, f"Report {letter}", "", "", "A summary.", (SLIP,), ())
    return Report(*about, plan, run, rows, cost, plots, data_sets, together)


def dataset(name, **sha256):
    x, y = np.zeros((2, 4), np.uint8), np.array([0, 1])
    return Dataset(name, x, y, x, y, 2, (2, 2), "a test", sha256)


@pytest.fixture
def data():
    return dataset("toy", toy="ff")


@pytest.fixture
def start(tmp_path, data, monkeypatch):
    """Start a session on fake reports, F unless others are given."""

    def session(*reports, mode="default", seeds=3, only=None):
        reports = reports or (fake("F"),)
        for report in reports:
            monkeypatch.setitem(REPORTS, report.letter, report)
        return Rerun(reports, Mode(mode, seeds), [data], tmp_path, only=only)

    return session


def ledger_of(session):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads((session.folder / "ledger.json").read_text(), parse_constant=refuse)


def missing(session):
    """Return the runs to do, all for one process."""
    return [run for group in session.missing(1) for run in group]


def test_the_quickest_cell_comes_first_then_the_longest_runs(start):
    order = [(run.settings["rate"], run.seed) for run in missing(start())]
    assert order == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]


def test_runs_are_done_once_in_order_and_lie_on_disk_when_they_are_told(start):
    calls = []
    session = start(fake("F", calls=calls), seeds=1)
    for run in session.carry_out(LocalPool(1)):
        assert session.path(run).exists()
    assert calls == [("F", 0, 0), ("F", 1, 0), ("F", 2, 0)]
    assert missing(session) == []
    assert session.is_complete("F")
    assert list(session.carry_out(LocalPool(1))) == []
    assert len(calls) == 3


def test_an_interrupted_session_goes_on_where_it_stopped(start):
    calls = []
    report = fake("F", calls=calls)
    session = start(report)

    def watch():
        with closing(session.carry_out(LocalPool(1))) as runs:
            for done, _ in enumerate(runs, 1):
                if done == 4:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch()
    assert len(list(session.runs_folder.iterdir())) == 4
    assert not session.is_complete("F")
    again = start(report)
    left = [(run.settings["rate"], run.seed) for run in missing(again)]
    assert left == [(2, 0), (2, 1), (2, 2), (1, 1), (1, 2)]
    assert len(list(again.carry_out(LocalPool(1)))) == 5
    assert len(calls) == len({*calls}) == 9


def unlike_the_second(settings):
    return None if settings["rate"] == 1 else "alike"


def test_runs_trained_together_have_a_file_each(start):
    calls = []
    together = fake("F", calls=calls, together=unlike_the_second)
    session = start(together, seeds=2)
    ended = [(run.settings["rate"], run.seed) for run in session.carry_out(LocalPool(1))]
    assert ended == [(0, 0), (2, 0), (0, 1), (2, 1), (1, 0), (1, 1)]
    assert calls == [("F", 0, 2, 0), ("F", 0, 2, 1), ("F", 1, 0), ("F", 1, 1)]
    names = {path.name for path in session.runs_folder.iterdir()}
    assert names == {session.path(run).name for run in session.planned()}
    assert [run.result["accuracy"] for run in session.finished("F")] == [90, 90.1, 91, 91.1, 92, 92.1]
    alone = start(fake("F"), seeds=2)  # how they were carried out does not name them
    assert missing(alone) == []


def test_a_group_is_on_disk_before_its_first_run_is_told(start):
    session = start(fake("F", together=unlike_the_second), seeds=1)
    with closing(session.carry_out(LocalPool(1))) as ended:
        next(ended)
        assert sorted(run.settings["rate"] for run in missing(session)) == [1]


def test_only_the_missing_runs_of_a_group_are_done(start):
    calls = []
    together = fake("F", calls=calls, costs=(1.0, 1.0, 1.0), together=lambda settings: "alike")
    session = start(together, seeds=1)
    list(session.carry_out(LocalPool(1)))
    session.path(session.plans["F"][1]).unlink()
    assert len(list(session.carry_out(LocalPool(1)))) == 1
    assert calls == [("F", 0, 1, 2, 0), ("F", 1, 0)]


def test_more_seeds_run_only_what_is_new(start):
    list(start(seeds=1).carry_out(LocalPool(1)))
    assert [(run.settings["rate"], run.seed) for run in missing(start(seeds=2))] == [(0, 1), (1, 1), (2, 1)]


def test_a_chosen_report_runs_alone_and_the_others_keep_their_rows(start):
    reports = (fake("F", costs=(1.0,)), fake("G", costs=(2.0,)))
    list(start(*reports, only=["F"]).carry_out(LocalPool(1)))
    session = start(*reports, only=["G"])
    assert {run.report for run in missing(session)} == {"G"}
    session.write()
    ledger = ledger_of(session)
    assert ledger["command"] == "pellucid reproduce --seeds 3 --report G"
    assert [(row["report"], row["verdict"]) for row in ledger["rows"]] == [
        ("F", "reproduced"),
        ("G", "not run"),
    ]
    assert [report["finished"] for report in ledger["reports"]] == [True, False]


def test_ledger_and_page_are_written_before_between_and_after(start):
    session = start(fake("F", costs=(1.0,)), fake("G", costs=(2.0,)))
    page = session.write()
    ledger = ledger_of(session)
    assert [row["verdict"] for row in ledger["rows"]] == ["not run", "not run"]
    assert [report["finished"] for report in ledger["reports"]] == [False, False]
    for run in session.carry_out(LocalPool(1)):
        if session.is_complete(run.report):
            assert session.write() == page
            ledger = ledger_of(session)
            assert [r["finished"] for r in ledger["reports"]] == [True, session.is_complete("G")]
    rows = ledger["rows"]
    assert [(row["report"], row["seeds"], row["verdict"]) for row in rows] == [
        ("F", 3, "reproduced"),
        ("G", 3, "reproduced"),
    ]
    assert rows[0]["mean"] == pytest.approx(90.1)
    assert (ledger["mode"], ledger["notice"], ledger["command"]) == (
        "default",
        None,
        "pellucid reproduce --seeds 3",
    )
    assert ledger["environment"]["toy"] == "ff"
    assert "Report G" in page.read_text()


def test_slips_costs_and_pictures_stand_with_their_report(start):
    session = start(fake("F", costs=(1.0,)))
    list(session.carry_out(LocalPool(1)))
    session.write()
    (report,) = ledger_of(session)["reports"]
    (slip,) = report["slips"]
    assert (slip["name"], slip["text"]) == (SLIP.name, SLIP.text)
    (cost,) = slip["costs"]
    assert (cost["mean"], cost["seeds"], cost["unit"]) == (pytest.approx(0.1), 3, "points")
    assert cost["low"] == pytest.approx(0.1 - 4.302653 * 0.1 / 3**0.5)
    assert [plot["name"] for plot in report["plots"]] == ["f-plot", "f-intervals"]
    names = {path.name for path in (session.folder / "figures").iterdir()}
    assert names == {f"f-{what}.{kind}" for what in ("plot", "intervals") for kind in ("png", "svg")}


def test_a_smoke_run_says_so_everywhere(start):
    report = fake("F", costs=(1.0,))
    session = start(report, mode="quick")
    list(session.carry_out(LocalPool(1)))
    page = session.write()
    notice = "Smoke run: cut short, nothing here is a result."
    assert ledger_of(session)["notice"] == notice
    assert notice in page.read_text()
    usual = start(report)
    usual.write()
    assert notice not in (usual.folder / "index.html").read_text()
    for name in ("f-plot", "f-intervals"):  # the notice takes room below the axes
        marked, plain = (Image.open(s.folder / "figures" / f"{name}.png") for s in (session, usual))
        colors = [{color for _, color in image.convert("RGB").getcolors(10**6)} for image in (marked, plain)]
        assert (0xA3, 0x3C, 0x00) in colors[0] - colors[1]


def test_a_run_is_named_after_the_data_its_report_reads(tmp_path):
    mnist, kaggle = dataset("mnist", images="aa", labels="bb"), dataset("kaggle-mnist", table="cc")
    changed = dataset("kaggle-mnist", table="dd")
    reports = [fake("F", data_sets=("mnist",)), fake("G", data_sets=("mnist", "kaggle-mnist"))]

    def names(*data):
        session = Rerun(reports, Mode("default", 1), data, tmp_path)
        return [session.path(session.plans[letter][0]).name for letter in "FG"]

    alone, both, other = names(mnist), names(mnist, kaggle), names(mnist, changed)
    assert alone[0] == both[0] == other[0]  # F does not read the table
    assert len({alone[1], both[1], other[1]}) == 3  # G does, and not the same one
    assert names(kaggle, mnist) == both


def test_a_runs_file_and_the_ledger_tell_the_data(tmp_path, monkeypatch):
    reports = [fake("F", costs=(1.0,), data_sets=("mnist",))]
    monkeypatch.setitem(REPORTS, "F", reports[0])
    sets = [dataset("mnist", images="aa"), dataset("kaggle-mnist", table="cc")]
    session = Rerun(reports, Mode("default", 1), sets, tmp_path)
    list(session.carry_out(LocalPool(1)))
    (path,) = session.runs_folder.iterdir()
    assert json.loads(path.read_text())["data"] == {"images": "aa"}
    session.write()
    machine = ledger_of(session)["environment"]
    assert (machine["data"], machine["images"], machine["table"]) == ("mnist, kaggle-mnist", "aa", "cc")


def test_two_sets_with_the_same_file_names_keep_apart(tmp_path):
    """MNIST and Fashion-MNIST have the same four file names."""
    report = fake("F", data_sets=("mnist", "fashion-mnist"))
    mnist, fashion = dataset("mnist", images="aa", extra="ee"), dataset("fashion-mnist", images="bb")
    session = Rerun([report], Mode("default", 1), [mnist, fashion], tmp_path)
    every = {"mnist/images": "aa", "fashion-mnist/images": "bb", "extra": "ee"}
    assert session.sha256["F"] == every
    session.write()
    assert ledger_of(session)["environment"].items() >= every.items()
    other = Rerun(
        [report], Mode("default", 1), [dataset("mnist", images="cc", extra="ee"), fashion], tmp_path
    )
    assert session.path(session.plans["F"][0]) != other.path(other.plans["F"][0])


def test_a_trace_is_left_out_of_the_chart(start):
    def rows(finished):
        values = [r.result["accuracy"] for r in finished if r.settings["rate"] == 0]
        names = ["accuracy", *(f"accuracy at line {line}" for line in range(6))]
        about = {"report": "F", "variant": "as published"}
        return [judge(Claim(name, "%", "90.5"), values, **about) for name in names if values]

    report = replace(fake("F", costs=(1.0,)), rows=rows, plots=lambda finished: [])
    session = start(report)
    list(session.carry_out(LocalPool(1)))
    session.write()
    picture = (session.folder / "figures" / "f-intervals.svg").read_text()
    assert "accuracy" in picture and "at line" not in picture


def test_a_run_damaged_in_between_is_named(start):
    session = start()
    run = missing(session)[0]
    list(session.carry_out(LocalPool(1)))
    session.path(run).write_text('{"settings": ')
    with pytest.raises(ValueError, match=f"{session.path(run).name} is damaged"):
        session.write()


def test_damaged_runs_are_set_aside_and_done_again(start):
    reports = (fake("F"), fake("G", costs=(1.0,)))
    list(start(*reports).carry_out(LocalPool(1)))
    session = start(*reports, only=["F"])
    damaged = [session.plans["F"][4], session.plans["G"][0]]
    for run in damaged:
        session.path(run).write_text('{"settings": ')
    aside = session.set_damaged_aside()
    assert [path.name for path in aside] == [f"{session.path(run).name}.damaged" for run in damaged]
    assert {path.read_text() for path in aside} == {'{"settings": '}
    assert missing(session) == damaged[:1]  # G is not chosen: it is done again when it is
    session.write()
    assert list(session.carry_out(LocalPool(1))) == damaged[:1]
    assert session.set_damaged_aside() == []
    assert len(session.finished("F")) == 9


def test_a_file_where_the_results_go_is_named(tmp_path, data):
    (tmp_path / "runs").write_text("")
    with pytest.raises(OSError, match="runs"):
        Rerun([fake("F")], Mode("default", 1), [data], tmp_path)
