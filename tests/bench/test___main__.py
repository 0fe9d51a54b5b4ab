"""`pellucid bench`: options, and what an interruption leaves."""

from pathlib import Path

import pytest
from bench.results import read_results, with_part, write_results


@pytest.fixture
def asked(monkeypatch, mnist):
    """Catch the session that `bench` would carry out."""
    calls = []
    monkeypatch.setattr("bench.console.bench", lambda *arguments: calls.append(arguments))
    return calls


def test_the_usual_run(run, asked):
    assert run("bench")[0] == 0
    ((session, out, _),) = asked
    assert session.names == ("A", "B", "C", "D", "E", "E10", "F", "G", "T98")
    assert (session.effort.rounds, session.effort.calibrate, session.scaling) == (5, True, False)
    assert out == Path("results/bench.json")


def test_options(run, asked):
    named = ["--workload", "d", "--workload", "T98", "--peer", "jax"]
    assert run("bench", *named, "--rounds", "9", "--scaling", "--out", "there.json")[0] == 0
    ((session, out, _),) = asked
    assert session.names == ("D", "T98")
    assert (session.effort.rounds, session.scaling, out) == (9, True, Path("there.json"))
    peers = [each.name for each in session.contestants if each.role == "peer"]
    assert peers == ["jax"]


def test_pellucid_alone_joins_the_other_parts(run, mnist, tmp_path, monkeypatch):
    """What is in the file stays; what is measured anew is replaced."""
    measured = iter(({"many": {}}, {"many": {"D": 1}}))
    monkeypatch.setattr("bench.own.measure", lambda rounds, folder, progress: next(measured))
    out = tmp_path / "new" / "bench.json"
    assert run("bench", "--own", "--out", str(out))[0] == 0
    results = with_part(read_results(out), "D", {"name": "D"})
    write_results(out, results)
    assert run("bench", "--own", "--out", str(out))[0] == 0
    parts = read_results(out)["parts"]
    assert list(parts) == ["D", "own"]
    assert parts["own"]["many"] == {"D": 1}


def test_a_smoke_run_has_its_own_file(run, asked):
    assert run("bench", "--quick")[0] == 0
    ((session, out, _),) = asked
    assert session.effort.is_smoke
    assert out == Path("results/bench-quick/bench.json")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--workload", "H"], "pellucid: --workload must be one of A, B, C, D, E, E10, F, G, T98, got 'H'\n"),
        (
            ["--peer", "keras"],
            "pellucid: --peer must be one of pytorch, torch.compile, jax, scikit-learn, published, "
            "got 'keras'\n",
        ),
    ],
)
def test_errors_are_one_line(run, asked, words, error):
    code, _, err = run("bench", *words)
    assert (code, err, asked) == (1, error, [])


def test_interrupted(run, mnist, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.console.bench", interrupt)
    code, out, err = run("bench")
    assert code == 130
    assert "Interrupted. Parts that were finished are kept." in out
    assert err == ""


def test_less_than_one_round_ends_in_a_line(run):
    assert run("bench", "--rounds", "0") == (1, "", "pellucid: --rounds must be at least 1, got 0\n")
