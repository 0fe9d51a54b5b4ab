"""`pellucid reproduce`: options, and what an interruption leaves."""

import os
from pathlib import Path

import pytest

from pellucid.lab.report import Mode, Report, Run
from pellucid.lab.reports import REPORTS


@pytest.fixture
def asked(monkeypatch, mnist):
    """Catch the session that `reproduce` would carry out."""
    calls = []
    monkeypatch.setattr("pellucid.lab.console.reproduce", lambda *arguments: calls.append(arguments))
    return calls


@pytest.mark.parametrize(
    ("options", "letters", "mode", "jobs"),
    [
        ([], ["C", "D"], Mode("default", 3), os.cpu_count()),
        (["--full", "--report", "C"], ["C"], Mode("full", 5), os.cpu_count()),
        (["--quick", "--report", "d", "--jobs", "7"], ["D"], Mode("quick", 1), 7),
        (
            ["--seeds", "2", "--report", "D", "--report", "C", "--report", "D"],
            ["C", "D"],
            Mode("default", 2),
            None,
        ),
    ],
)
def test_options_of_reproduce(run, asked, options, letters, mode, jobs):
    assert run("reproduce", *options, "--out", "there")[0] == 0
    ((session, used, _),) = asked
    assert [report.letter for report in session.reports] == ["C", "D"]
    assert sorted(session.chosen) == letters
    assert session.mode == mode
    assert used == (jobs or os.cpu_count())
    assert session.folder == Path("there") / mode.name


def test_interrupted_while_it_reruns(run, mnist, monkeypatch):
    def interrupt(settings, seed):
        raise KeyboardInterrupt

    nothing = list
    plan = lambda mode: [Run("C", {}, seed, 1.0) for seed in range(mode.seeds)]  # noqa: E731
    report = Report("C", "A name", "", "", "", (), (), plan, interrupt, *[lambda finished: nothing()] * 3)
    monkeypatch.setitem(REPORTS, "C", report)
    code, out, err = run("reproduce", "--report", "C", "--jobs", "1")
    assert code == 130
    assert "Interrupted. Finished runs are kept: the same command goes on from here." in " ".join(out.split())
    assert err == ""
    assert Path("results/default/index.html").exists()
