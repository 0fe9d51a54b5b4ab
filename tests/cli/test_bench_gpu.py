"""`pellucid bench --gpu`: options, and a line of error where there is no GPU."""

import sys
from pathlib import Path

import pytest

from bench import gpu


@pytest.fixture
def asked(monkeypatch, mnist):
    """Catch the session that would be carried out, on a GPU that is said to be there."""
    calls = []
    monkeypatch.setattr("bench.gpu_console.bench_gpu", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(gpu, "machine", lambda: {"gpu": "NVIDIA H100"})
    return calls


def test_the_usual_run(run, asked):
    assert run("bench", "--gpu")[0] == 0
    ((session, machine, out, _),) = asked
    assert session.names == ("C", "F", "G")
    assert (session.effort.rounds, session.effort.is_smoke) == (5, False)
    assert machine == {"gpu": "NVIDIA H100"}
    assert out == Path("results/bench-gpu.json")


def test_options(run, asked):
    assert run("bench", "--gpu", "--quick", "--workload", "g", "--rounds", "7")[0] == 0
    ((session, _, out, _),) = asked
    assert (session.names, session.effort.rounds, session.effort.is_smoke) == (("G",), 7, True)
    assert out == Path("results/bench-quick/bench-gpu.json")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--workload", "A"], "pellucid: --workload must be one of C, F, G with --gpu, got 'A'\n"),
        (
            ["--peer", "jax"],
            "pellucid: --gpu takes no --peer: all of its peers are measured on its workloads\n",
        ),
        (
            ["--scaling"],
            "pellucid: --gpu takes no --scaling: all of its peers are measured on its workloads\n",
        ),
    ],
)
def test_errors_are_one_line(run, asked, words, error):
    code, _, err = run("bench", "--gpu", *words)
    assert (code, err, asked) == (1, error, [])


def test_without_a_gpu_nothing_is_started(run, mnist, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    code, out, err = run("bench", "--gpu")
    assert (code, out) == (1, "")
    assert err.startswith('pellucid: --gpu: device="gpu" needs CuPy, which is missing: pip install ')
    assert err.count("\n") == 1


def test_interrupted(run, asked, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.gpu_console.bench_gpu", interrupt)
    code, out, _ = run("bench", "--gpu")
    assert code == 130
    assert "Parts that were finished are kept." in out
