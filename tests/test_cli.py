"""The command line: what it prints, what it writes, and that a mistake ends in a line, not in a traceback."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer

import pellucid as pl
from pellucid import __main__ as entry
from pellucid.cli import app
from pellucid.data import Dataset
from pellucid.lab.report import Mode, Report, Run
from pellucid.lab.reports import REPORTS

PELLUCID = [sys.executable, "-W", "error", "-m", "pellucid"]


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Call the command line in this process, in an empty folder; return exit status, output and errors."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("PELLUCID_DATA", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            entry.main()
        out, err = capsys.readouterr()
        code = stop.value.code
        return (1, out, err + code + "\n") if isinstance(code, str) else (code or 0, out, err)

    return call


def test_the_installed_command_lists_its_commands():
    command = Path(sys.executable).with_name("pellucid")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    for name in ("train", "reproduce", "data"):
        assert re.search(rf"\b{name}\b.+\w", done.stdout)


def test_without_the_extra_lab_the_command_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "typer", None)
    monkeypatch.delitem(sys.modules, "pellucid.cli")
    code, out, err = run("--help")
    assert (code, out) == (1, "")
    assert err.startswith("pellucid: the command line needs the extra lab: pip install 'pellucid[lab]'")


def accuracy_in(out):
    return float(re.search(r"test accuracy ([\d.]+)%", out)[1])


def test_training_on_digits_twice(run):
    code, out, err = run("train", "digits", "--seed", "3")
    assert (code, err) == (0, "")
    assert accuracy_in(out) >= 95
    assert len(re.findall(r"^epoch +\d+  loss \d\.\d{4}  accuracy", out, re.MULTILINE)) == 20
    assert "\x1b" not in out  # no colours and no moving bar where there is no terminal
    assert max(map(len, out.splitlines())) <= 80
    again = run("train", "digits", "--seed", "3")[1]
    assert [line for line in again.splitlines() if "epochs" not in line] == [
        line for line in out.splitlines() if "epochs" not in line
    ]
    assert run("train", "digits", "--seed", "4")[1] != out


def test_a_saved_network_predicts_what_the_table_says(run, tmp_path):
    path = tmp_path / "[bold]net.safetensors"
    options = ["--hidden", 20, "--hidden", 15, "--epochs", 5, "--batch-size", 16, "--learning-rate", 0.01]
    code, out, _ = run("train", "digits", *options, "--save", path)
    assert code == 0
    assert out.splitlines()[-1] == f"saved: {path}"
    net, data = pl.Network.load(path), pl.load_dataset("digits")
    assert [layer.n_out for layer in net.layers if isinstance(layer, pl.Dense)] == [20, 15, 10]
    correct = int((net.predict(data.x_test).argmax(axis=1) == data.y_test).sum())
    assert f"test accuracy {correct / 360:.2%} ({correct} of 360)" in out
    for k, recall in enumerate(pl.recall(data.y_test, net.predict(data.x_test).argmax(axis=1), n_classes=10)):
        assert re.search(rf"│ {k} +│ \d\.\d{{3}} +│ {recall:.3f} +│", out)


MISTAKES = {
    "train minst": "minst",
    "train": "dataset",
    "train digits --epochs 0": "--epochs",
    "train digits --epochs many": "--epochs",
    "train digits --batch-size 0": "--batch-size",
    "train digits --hidden 0": "--hidden",
    "train digits --hidden 5 --hidden -3": "--hidden",
    "train digits --hidden 1000000000000000": "Unable to allocate",  # beyond any address space
    "train digits --learning-rate nan": "learning_rate must be finite and > 0, got nan",
    "train digits --learning-rate -1": "learning_rate must be finite and > 0, got -1",
    "train digits --learning-rate 1e30": "epoch 1: in batch 2 the loss is nan",
    "train digits --save missing/net.safetensors": "there is no folder missing; make it first",
    "train digits --save {folder}": "is a directory",
    "train digits --seed -1": "--seed",
    "train digits --folder missing": "missing",
    "train digits --folder {file}": "a_file",
    "reproduce --seeds 0": "--seeds",
    "reproduce --jobs 0": "--jobs",
    "reproduce --full --quick": "--full and --quick exclude each other",
    "reproduce --report Z": "'Z' is not one of",
    "reproduce --quick --out {file}": "is a file",
    "reproduce --quick --out {file}/below --folder {mnist}": "a_file",
    "data describe digits --picture {file}": "is a file",
    "data describe digits --picture {file}/below": "a_file",
    "frobnicate": "frobnicate",
}


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_told_in_a_line_and_leaves_nothing(run, tmp_path, monkeypatch, mnist, command):
    folder, file = tmp_path / "a_folder", tmp_path / "a_file"
    folder.mkdir()
    file.write_text("mine")
    code, _, err = run(*(part.format(folder=folder, file=file, mnist=folder) for part in command.split()))
    assert code in (1, 2)
    assert MISTAKES[command] in re.sub(r"\s+", " ", err.replace("│", ""))
    assert "Traceback" not in err
    if code == 1:
        (line,) = err.splitlines()
        assert line.startswith("pellucid: ")
    else:
        assert err.startswith("Usage: pellucid")
    assert (list(folder.iterdir()), file.read_text(), list(Path.cwd().iterdir())) == ([], "mine", [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_file", "a_folder", "here"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_an_unreadable_folder(run, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0)
    code, _, err = run("train", "digits", "--folder", folder)
    assert (code, len(err.splitlines())) == (1, 1)


def test_a_description(run, tmp_path):
    code, out, err = run("data", "describe", "digits", "--picture", tmp_path / "pictures")
    assert (code, err) == (0, "")
    text = re.sub(r"[ \n]+", " ", out)
    for fact in (
        "training images 1,437 of 8 x 8 = 64 pixels",
        "test images 360",
        "memory 0.1 MB",
        "pixel range 0 to 16",
        "pixel mean ± sd 4.89 ± 6.02",
        "pixels at 0 48.9%",
        "constant pixels 3: 0, 32, 39",
        "│ 9 │ 144 │ 10.0% │ 36 │",
        "Outliers: the worst 2 of 2",
        "│ 1,241 │ 6 │ 42.0 │ 4.18 │",
    ):
        assert fact in text
    pictures = [tmp_path / "pictures" / f"digits-digits.{kind}" for kind in ("png", "svg")]
    assert out.splitlines()[-2:] == [str(path) for path in pictures]
    assert max(map(len, out.splitlines()[:-2])) <= 80
    assert [path.read_bytes()[:5] for path in pictures] == [b"\x89PNG\r", b"<?xml"]


@pytest.fixture
def mnist(monkeypatch):
    """Put a toy in the place of MNIST, which these tests do not need."""
    x, y = np.zeros((2, 784), np.uint8), np.array([0, 1])
    data, load = Dataset("mnist", x, y, x, y, 10, (28, 28), "a test", {"toy": "ff"}), pl.load_dataset
    monkeypatch.setattr(
        pl, "load_dataset", lambda name, **about: data if name == "mnist" else load(name, **about)
    )


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


def test_interrupted_while_it_trains():
    process = subprocess.Popen(
        [*PELLUCID, "train", "digits", "--epochs", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.startswith("epoch   3"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")


def test_every_command_and_option_is_explained():
    main = typer.main.get_command(app)
    commands = [*main.commands.values(), *main.commands["data"].commands.values()]
    assert len(commands) >= 4
    for command in commands:
        assert command.help
        assert [parameter.name for parameter in command.params if not parameter.help] == []
