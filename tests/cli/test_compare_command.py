"""`pellucid compare`: its flags, its exit status, Ctrl-C, and what it says without PyTorch."""

import importlib.util
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from pellucid.app import compare_steps
from pellucid.app.settings import TrainSettings
from pellucid.cli import app

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")


@needs_torch
def test_by_itself_it_compares_on_digits(run):
    code, out, err = run("compare", "--steps", 30)
    assert (code, err) == (0, "")
    assert out.startswith("digits, 1,293 rows, batches of 32, 30 steps, here and in PyTorch")
    assert "bar 1e-10: holds" in out
    assert list(Path.cwd().iterdir()) == []


@needs_torch
def test_flags_and_config_reach_the_training(run):
    Path("t.toml").write_text(
        'source = "digits"\noptimizer = "sgd"\nmomentum = 0.5\nhidden = [7]\nepochs = 3'
    )
    flags = ["--hidden", 5, "--activation", "tanh", "--dropout", 0.25, "--loss", "mean-squared-error"]
    flags += ["--label-smoothing", 0.125, "--batch-size", 50, "--schedule", "cosine", "--validation", 0.5]
    code, _, err = run("compare", "--config", "t.toml", *flags, "--steps", 20, "--out", "out")
    assert (code, err) == (0, "")
    content = json.loads(Path("out/comparison.json").read_text())
    assert content["layers"][1:] == [
        *("Dense(5, init=he_normal)", "Tanh()", "Dropout(drop_prob=0.25)", "Dense(10)", "Sigmoid()")
    ]
    values = [content[name] for name in ("loss", "rows", "batch_size", "steps", "dtype")]
    assert values == ["MeanSquaredError(label_smoothing=0.125)", 719, 50, 20, "float64"]
    assert content["optimizer"].startswith("SGD(learning_rate=cosine(rate=0.1, steps=20")
    assert "momentum=0.5" in content["optimizer"]


def test_the_flags_are_those_of_train():
    commands = typer.main.get_command(app).commands
    mine, trains = ({p.name: p for p in commands[name].params} for name in ("compare", "train"))
    left_out = {"epochs", "patience", "save", "run", "checkpoint", "every", "resume", "deterministic"}
    shared = set(TrainSettings.__dataclass_fields__) - left_out
    assert set(mine) - {"against", "report", "steps", "dtype", "out", "config", "help"} == shared
    for name in shared - {"source"}:
        assert (mine[name].opts, mine[name].default) == (trains[name].opts, trains[name].default)
        assert mine[name].help == trains[name].help


@needs_torch
def test_a_missed_bar_is_exit_status_1(run, monkeypatch):
    monkeypatch.setitem(compare_steps.BARS, "float64", ((100, 1e-30),))
    code, out, err = run("compare", "--steps", 2)
    assert (code, err) == (1, "")
    assert "MISSED" in out


@needs_torch
def test_ctrl_c_writes_nothing(run, monkeypatch):
    def interrupted(self, found, *, is_last):
        if found.step == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(compare_steps.Comparison, "add", interrupted)
    code, out, err = run("compare", "--out", "out")
    assert (code, err) == (130, "")
    assert out.rstrip().endswith("Interrupted: nothing is written.")
    assert list(Path.cwd().iterdir()) == []


@needs_torch
@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.6])
def test_ctrl_c_while_pytorch_is_imported_ends_in_the_same_line(seconds):
    """Ctrl-C comes after the first line of output, which is printed just before the import."""
    command = [sys.executable, "-u", "-m", "pellucid", "compare", "--steps", "100000"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout.readline().startswith("digits, 1,293 rows")
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert out.rstrip().endswith("Interrupted: nothing is written.")


def test_without_pytorch_a_line_names_the_extra(run, monkeypatch):
    monkeypatch.setattr(sys.modules["pellucid.cli.compare_command"], "find_spec", lambda name: None)
    code, out, err = run("compare")
    assert (code, out) == (1, "")
    assert err == "pellucid: compare needs PyTorch, which is missing: pip install 'pellucid[compare]'\n"


MISTAKES = {
    "--steps 0": "--steps must be at least 1, got 0",
    "--against jax": "--against must be one of torch, got 'jax'",
    "--dtype float16": "--dtype must be one of float64, float32, got 'float16'",
    "--report C": "--report must be one of D, E, which were run in PyTorch too, got 'C'",
    "--report D --hidden 5 --config t.toml": "--report D has its own settings: leave out --hidden, --",
    "mnist --report E": "--report E has its own settings: leave out SOURCE",
    "minst": "did you mean mnist?",
    "--momentum 0.9": "--momentum 0.9 belongs to --optimizer sgd",
    "--out missing/folder": "--out: there is no folder missing; make it first",
    "--optimizer sgd --learning-rate 1e200": "in batch 2 the loss is nan, not finite",
}


@needs_torch
@pytest.mark.parametrize("flags", MISTAKES)
def test_a_mistake_ends_in_a_line(run, flags):
    code, _, err = run("compare", *flags.split())
    assert code == 1
    (line,) = err.splitlines()
    assert line.startswith("pellucid: ")
    assert MISTAKES[flags] in line
    assert list(Path.cwd().iterdir()) == []
