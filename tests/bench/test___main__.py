"""``python -m bench``: options, errors of one line, and interruptions."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bench.results import read_results, with_part, write_results

import pellucid as pl
from bench import __main__ as entry
from pellucid.data import Dataset


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Call the command line in this process, in an empty folder; return exit status, output and errors."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("PELLUCID_DATA", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
        code = 0
        try:
            entry.main()
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return (1, out, err + code + "\n") if isinstance(code, str) else (code or 0, out, err)

    return call


@pytest.fixture
def mnist(monkeypatch):
    """Replace MNIST by a toy."""
    x, y = np.zeros((2, 784), np.uint8), np.array([0, 1])
    data = Dataset("mnist", x, y, x, y, 10, (28, 28), "a test", {"toy": "ff"})
    monkeypatch.setattr(pl, "load_dataset", lambda name, **about: data)


@pytest.fixture
def asked(monkeypatch, mnist):
    """Catch calls that would carry out a plan, as if there were a GPU; return their arguments."""
    calls = []
    monkeypatch.setattr("bench.display.carry_out", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr("bench.results.gpu_machine", lambda: {"gpu": "NVIDIA H100"})
    return calls


def test_the_usual_run(run, asked):
    assert run()[0] == 0
    ((plan, out, _, machine),) = asked
    assert machine is None
    assert plan.names == ("A", "B", "C", "D", "E", "E10", "F", "G", "T98")
    assert (plan.effort.rounds, plan.effort.calibrate, plan.scaling) == (5, True, False)
    assert out == Path("results/bench.json")


def test_options(run, asked):
    named = ["--workload", "d", "--workload", "T98", "--peer", "jax"]
    assert run(*named, "--rounds", "9", "--scaling", "--out", "there.json")[0] == 0
    ((plan, out, _, _),) = asked
    assert plan.names == ("D", "T98")
    assert (plan.effort.rounds, plan.scaling, out) == (9, True, Path("there.json"))
    peers = [each.name for each in plan.contestants if each.role == "peer"]
    assert peers == ["jax"]


def test_pellucid_alone_joins_the_other_parts(run, mnist, tmp_path, monkeypatch):
    """A part in the file is replaced if it is measured again; the others stay."""
    measured = iter(({"many": {}}, {"many": {"D": 1}}))
    monkeypatch.setattr("bench.own.measure", lambda rounds, folder, progress: next(measured))
    out = tmp_path / "new" / "bench.json"
    assert run("--own", "--out", str(out))[0] == 0
    results = with_part(read_results(out), "D", {"name": "D"})
    write_results(out, results)
    assert run("--own", "--out", str(out))[0] == 0
    parts = read_results(out)["parts"]
    assert list(parts) == ["D", "own"]
    assert parts["own"]["many"] == {"D": 1}


def test_a_smoke_run_has_its_own_file(run, asked):
    assert run("--quick")[0] == 0
    ((plan, out, _, _),) = asked
    assert plan.effort.is_smoke
    assert out == Path("results/bench-quick/bench.json")


def test_the_usual_run_on_a_gpu(run, asked):
    assert run("--gpu")[0] == 0
    ((plan, out, _, machine),) = asked
    assert plan.names == ("C", "F", "G")
    assert (plan.effort.rounds, plan.effort.is_smoke, plan.effort.device) == (5, False, "gpu")
    assert machine == {"gpu": "NVIDIA H100"}
    assert out == Path("results/bench-gpu.json")


def test_options_on_a_gpu(run, asked):
    assert run("--gpu", "--quick", "--workload", "g", "--rounds", "7")[0] == 0
    ((plan, out, _, _),) = asked
    assert (plan.names, plan.effort.rounds, plan.effort.is_smoke) == (("G",), 7, True)
    assert out == Path("results/bench-quick/bench-gpu.json")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--workload", "H"], "bench: --workload must be one of A, B, C, D, E, E10, F, G, T98, got 'H'\n"),
        (
            ["--peer", "keras"],
            "bench: --peer must be one of pytorch, torch.compile, jax, scikit-learn, published, "
            "got 'keras'\n",
        ),
        (["--rounds", "0"], "bench: --rounds must be at least 1, got 0\n"),
        (["--gpu", "--workload", "A"], "bench: --workload must be one of C, F, G with --gpu, got 'A'\n"),
        (
            ["--gpu", "--peer", "jax"],
            "bench: --gpu takes no --peer: all of its peers are measured on its workloads\n",
        ),
        (
            ["--gpu", "--scaling"],
            "bench: --gpu takes no --scaling: all of its peers are measured on its workloads\n",
        ),
    ],
)
def test_errors_are_one_line(run, asked, words, error):
    code, _, err = run(*words)
    assert (code, err, asked) == (1, error, [])


def test_without_a_gpu_nothing_is_started(run, mnist, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    code, out, err = run("--gpu")
    assert (code, out) == (1, "")
    assert err.startswith('bench: --gpu: device="gpu" needs CuPy, which is missing: pip install ')
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["--gpu"]])
def test_interrupted(run, asked, monkeypatch, words):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.display.carry_out", interrupt)
    code, out, err = run(*words)
    assert code == 130
    assert "Interrupted. Parts that were finished are kept." in out
    assert err == ""


def test_as_a_module(tmp_path):
    """The help and an error, in a separate process."""
    command = [sys.executable, "-m", "bench"]
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    assert "make bench ARGS=" in shown.stdout
    refused = subprocess.run([*command, "--rounds", "0"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "bench: --rounds must be at least 1, got 0\n"
