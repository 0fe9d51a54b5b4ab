"""The command line as a whole: help pages, and mistakes that end in one line without a traceback."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from pellucid.cli import app


def test_the_installed_command_lists_its_commands():
    command = Path(sys.executable).with_name("pellucid")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    for name in ("train", "predict", "gradcheck", "reproduce", "data"):
        assert re.search(rf"\b{name}\b.+\w", done.stdout)


def test_without_the_extra_lab_the_command_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "typer", None)
    monkeypatch.delitem(sys.modules, "pellucid.cli")
    code, out, err = run("--help")
    assert (code, out) == (1, "")
    assert err.startswith("pellucid: the command line needs the extra lab: pip install 'pellucid[lab]'")


MISTAKES = {
    "train": "name what to train on: pellucid train digits",
    "train minst": "kaggle-mnist) nor a file: did you mean mnist?",
    "train {folder}": "is neither a data set",
    "train {file}": "a_file: no rows below the header",
    "train digits --epochs 0": "--epochs must be at least 1, got 0",
    "train digits --epochs many": "--epochs",
    "train digits --batch-size -1": "--batch-size must be at least 0, got -1",
    "train digits --hidden 0": "--hidden must be at least 1, got 0",
    "train digits --hidden 5 --hidden -3": "--hidden must be at least 1, got -3",
    "train digits --hidden 1000000000000000": "Unable to allocate",  # beyond any address space
    "train digits --activation rulu": "sigmoid, leaky-relu, got 'rulu': did you mean relu?",
    "train digits --activation relu --activation relu": "once for each of the 1 hidden layers, got 2",
    "train digits --learning-rate nan": "--learning-rate must be > 0 and finite, got nan",
    "train digits --learning-rate -1": "--learning-rate must be > 0 and finite, got -1",
    "train digits --learning-rate 1e30": "in batch 2 the loss is nan, not finite. A smaller",
    "train digits --momentum 0.5": "--momentum 0.5 belongs to --optimizer sgd, got --optimizer adam",
    "train digits --validation 1": "--validation must be >= 0 and < 1, got 1.0",
    "train digits --save missing/net.safetensors": "there is no folder missing; make it first",
    "train digits --save {folder}": "is a directory; name a file in it",
    "train digits --run {folder}": "--run: {folder} is a directory",
    "train digits --config {file}": "a_file: not a TOML file",
    "train digits --config none.toml": "none.toml: there is no such file",
    "train digits --recipe fats": "--recipe must be one of fast, got 'fats': did you mean fast?",
    "train digits --recipe fast --patience 2": "--patience watches the validation rows",
    "train digits --label-smoothing 1": "--label-smoothing must be >= 0 and < 1, got 1.0",
    "train digits --seed -1": "--seed must be at least 0, got -1",
    "train digits --folder missing": "missing",
    "train digits --folder {file}": "a_file",
    "train kaggle-mnist --folder {folder}": "no train.csv or kaggle-mnist.csv",
    "predict": "Missing argument 'MODEL'",
    "predict {file}": "Missing argument 'INPUT'",
    "predict {file} digits": "a_file: not a safetensors file",
    "predict none digits": "there is no model none: pellucid train digits --save none makes one",
    "predict {file} digits --out missing/p.csv": "--out: there is no folder missing; make it first",
    "reproduce --seeds 0": "--seeds",
    "reproduce --jobs 0": "--jobs",
    "reproduce --full --quick": "--full and --quick exclude each other",
    "reproduce --report Z": "--report must be one of A, B, C, D, E, got 'Z'",
    "reproduce --report c --report zz": "--report must be one of A, B, C, D, E, got 'ZZ'",
    "reproduce --quick --out {file}": "is a file",
    "reproduce --quick --out {file}/below --folder {mnist}": "a_file",
    "data describe digits --picture {file}": "is a file",
    "data describe digits --picture {file}/below": "a_file",
    "data describe kaggle-mnist": "name the folder with --folder or PELLUCID_DATA",
    "frobnicate": "frobnicate",
}


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_ends_in_one_line_and_writes_nothing(run, tmp_path, monkeypatch, request, command):
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "here"))
    if "{mnist}" in command:
        request.getfixturevalue("mnist")
    folder, file = tmp_path / "a_folder", tmp_path / "a_file"
    folder.mkdir()
    file.write_text("mine,2")
    code, _, err = run(*(part.format(folder=folder, file=file, mnist=folder) for part in command.split()))
    assert code in (1, 2)
    assert MISTAKES[command].format(folder=folder) in err
    assert "Traceback" not in err
    if code == 1:
        (line,) = err.splitlines()
        assert line.startswith("pellucid: ")
    else:
        assert err.startswith("Usage: pellucid")
    assert (list(folder.iterdir()), file.read_text(), list(Path.cwd().iterdir())) == ([], "mine,2", [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_file", "a_folder", "here"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_an_unreadable_folder(run, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0)
    code, _, err = run("train", "digits", "--folder", folder)
    assert (code, len(err.splitlines())) == (1, 1)


def commands():
    main = typer.main.get_command(app)
    return {
        **main.commands,
        **{f"data {name}": each for name, each in main.commands["data"].commands.items()},
    }


def test_every_command_and_option_is_explained():
    assert len(commands()) >= 5
    for command in commands().values():
        assert command.help
        assert [parameter.name for parameter in command.params if not parameter.help] == []


@pytest.mark.parametrize("command", [name for name in commands() if name != "data"])
def test_help_fits_80_columns_and_gives_an_example(run, command):
    code, out, err = run(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert f"pellucid {command} " in out.split("Examples:" if "Examples:" in out else "Example:")[1]
    assert "…" not in out  # nothing is cut off
    assert "..." not in out.replace("{INPUT}...", "")


def test_the_list_of_commands_cuts_nothing_off(run):
    _, out, _ = run("--help")
    assert max(map(len, out.splitlines())) <= 80
    assert "..." not in out.replace("[ARGS]...", "")


def test_defaults_and_limits_stand_on_the_page(run):
    _, out, _ = run("train", "--help")
    text = " ".join(out.split())
    for words in (
        "[default: 100; at least 1]",
        "[default: 0; >= 0 and < 1]",
        "[default: 0.1 for sgd, 0.001 for adam; > 0]",
        "--[no-]nesterov",
        "[default: softmax-cross-entropy]",
    ):
        assert words in text
