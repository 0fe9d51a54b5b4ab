"""`pellucid reproduce`: options and interruption."""

import dataclasses
from contextlib import contextmanager
from pathlib import Path

import pytest
from joblib import cpu_count

import pellucid as pl
from pellucid.data.unpack import MissingError
from pellucid.lab.report import Mode, Report, Run
from pellucid.lab.reports import REPORTS


@pytest.fixture
def asked(monkeypatch, mnist):
    """Catch the arguments of the run instead of carrying it out."""
    calls = []
    monkeypatch.setattr("pellucid.lab.running.console.reproduce", lambda *arguments: calls.append(arguments))
    return calls


@pytest.mark.parametrize(
    ("options", "letters", "mode", "jobs"),
    [
        ([], ["A", "B", "C", "D", "E"], Mode("default", 3), cpu_count()),
        (["--full", "--report", "C"], ["C"], Mode("full", 5), cpu_count()),
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
    assert [report.letter for report in session.reports] == ["A", "B", "C", "D", "E"]
    assert list(session.data) == ["mnist"]
    assert sorted(session.chosen) == letters
    assert session.mode == mode
    assert used.jobs == (jobs or cpu_count())
    assert session.folder == Path("there") / mode.name


def test_a_cluster_stands_in_for_jobs(run, asked, monkeypatch):
    seen = []

    @contextmanager
    def connect(address):
        seen.append(address)
        yield "a pool"
        seen.append("closed")

    monkeypatch.setattr("pellucid.lab.running.cluster.connect", connect)
    assert run("reproduce", "--quick", "--cluster", "tcp://host:8786")[0] == 0
    ((_, used, _),) = asked
    assert (used, seen) == ("a pool", ["tcp://host:8786", "closed"])
    code, _, err = run("reproduce", "--cluster", "tcp://host:8786", "--jobs", "2")
    assert (code, err) == (1, "pellucid: --cluster and --jobs exclude each other: give one\n")


@pytest.mark.parametrize("flag", ["--seeds", "--jobs"])
def test_less_than_one_ends_in_a_line(run, flag):
    code, out, err = run("reproduce", flag, "0")
    assert (code, out, err) == (1, "", f"pellucid: {flag} must be at least 1, got 0\n")


def without_mnist(name, **about):
    raise MissingError(f"no {name} there")


def test_a_report_needs_one_of_its_sets_at_least(run, asked, monkeypatch):
    monkeypatch.setattr(pl, "load_dataset", without_mnist)
    code, _, err = run("reproduce", "--report", "C")
    assert (code, err, asked) == (1, "pellucid: no mnist there\n", [])


def test_the_sets_of_other_reports_are_found_too(run, asked, monkeypatch):
    """Their checksums name the kept runs of the other reports."""
    toy = pl.load_dataset

    def both(name, **about):
        return dataclasses.replace(toy("mnist"), name=name, sha256={name: "00"})

    monkeypatch.setattr(pl, "load_dataset", both)
    assert run("reproduce", "--report", "C")[0] == 0
    ((session, _, _),) = asked
    assert sorted(session.data) == ["kaggle-mnist", "mnist"]
    assert session.sha256["A"] == {"mnist": "00", "kaggle-mnist": "00"}
    assert session.sha256["C"] == {"mnist": "00"}


def test_a_report_that_this_version_lacks(run, mnist, monkeypatch):
    monkeypatch.delitem(REPORTS, "E")
    code, _, err = run("reproduce", "--report", "e")
    assert (code, err) == (1, "pellucid: --report E is not in this version, only A, B, C, D\n")


def test_interrupted_while_it_reruns(run, mnist, monkeypatch):
    def interrupt(settings, seed):
        raise KeyboardInterrupt

    nothing = list
    plan = lambda mode: [Run("C", {}, seed, 1.0) for seed in range(mode.seeds)]  # noqa: E731
    report = Report("C", "A name", "", "", "", (), (), plan, interrupt, *[lambda finished: nothing()] * 3)
    monkeypatch.setitem(REPORTS, "C", report)
    code, out, err = run("reproduce", "--report", "C", "--jobs", "1")
    assert code == 130
    assert "Interrupted. Finished runs are kept: the same command continues." in " ".join(out.split())
    assert err == ""
    assert Path("results/default/index.html").exists()
