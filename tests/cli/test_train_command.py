"""`pellucid train`: what it prints and writes, flags and config file, Ctrl-C."""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer

import pellucid as pl
from pellucid.app.settings import TrainSettings
from pellucid.cli import app
from pellucid.data import cache_folder

PELLUCID = [sys.executable, "-W", "error", "-m", "pellucid"]


def accuracy_in(out):
    return float(re.search(r"test accuracy ([\d.]+)%", out)[1])


def test_training_on_digits_twice(run):
    code, out, err = run("train", "digits", "--seed", "3")
    assert (code, err) == (0, "")
    assert accuracy_in(out) >= 95
    assert len(re.findall(r"^epoch +\d+  loss \d\.\d{4}  accuracy", out, re.MULTILINE)) == 20
    assert "\x1b" not in out  # no colours and no moving bar where there is no terminal
    assert max(map(len, out.splitlines())) <= 80
    assert run("train", "digits", "--seed", "3")[1] == out
    assert run("train", "digits", "--seed", "4")[1] != out


def test_a_saved_network_predicts_what_the_table_says(run, tmp_path):
    path = tmp_path / "[bold] net.safetensors"
    options = ["--hidden", 20, "--hidden", 15, "--epochs", 5, "--batch-size", 16, "--learning-rate", 0.01]
    code, out, _ = run("train", "digits", *options, "--save", path)
    assert code == 0
    assert out.splitlines()[-2:] == [f"saved: {path}", f"next: pellucid predict '{path}' digits"]
    net, data = pl.Network.load(path), pl.load_dataset("digits")
    assert [layer.n_out for layer in net.layers if isinstance(layer, pl.Dense)] == [20, 15, 10]
    correct = int((net.predict(data.x_test).argmax(axis=1) == data.y_test).sum())
    assert f"test accuracy {correct / 360:.2%} ({correct} of 360)" in out
    for k, recall in enumerate(pl.recall(data.y_test, net.predict(data.x_test).argmax(axis=1), n_classes=10)):
        assert re.search(rf"│ {k} +│ \d\.\d{{3}} +│ {recall:.3f} +│", out)
    code, _, err = run(*shlex.split(out.splitlines()[-1])[2:])
    assert (code, err) == (0, f"accuracy {correct / 360:.2%} ({correct} of 360)\n")


EVERY_FLAG = {
    "hidden": [9, 8],
    "activation": ["tanh", "leaky-relu"],
    "init": "lecun-uniform",
    "dropout": 0.25,
    "subtract_mean": True,
    "components": 5,
    "label_smoothing": 0.125,
    "recipe": "fast",
    "loss": "mean-squared-error",
    "optimizer": "sgd",
    "learning_rate": 0.25,
    "momentum": 0.5,
    "nesterov": True,
    "weight_decay": 0.001,
    "schedule": "cosine",
    "epochs": 2,
    "batch_size": 0,
    "validation": 0.25,
    "test": 0.5,
    "patience": 7,
    "seed": 11,
    "label": "kind",
    "deterministic": True,
    "checkpoint": "training.ckpt",
    "every": 7,
    "resume": True,
}


def as_flags(settings):
    for name, value in settings.items():
        flag = "--" + name.replace("_", "-")
        for each in value if isinstance(value, list) else [value]:
            yield from [flag] if each is True else [flag, str(each)]


def written(name):
    return json.loads(Path(name).read_text())


@pytest.fixture
def table():
    """Write a small table into the folder of the test."""
    rng = np.random.default_rng(0)
    rows = [f"{x:.3f},{'ab'[k % 2]},{y:.3f}" for k, (x, y) in enumerate(rng.normal(size=(60, 2)))]

    def write():
        Path("t.csv").write_text("x,kind,y\n" + "\n".join(rows))

    return write


def test_every_flag_and_every_key_reaches_the_run_file(run, table):
    table()
    code, _, err = run("train", "t.csv", *as_flags(EVERY_FLAG), "--run", "flags.json", "--save", "net")
    assert (code, err) == (0, "")
    lines = [f"{name.replace('_', '-')} = {json.dumps(value)}" for name, value in EVERY_FLAG.items()]
    Path("all.toml").write_text("\n".join(['source = "t.csv"', 'run = "toml.json"', 'save = "net"', *lines]))
    assert run("train", "--config", "all.toml")[0] == 0
    flags, toml = written("flags.json"), written("toml.json")
    known = {"source": "t.csv", "save": "net", "folder": None, **EVERY_FLAG}
    assert {**flags["settings"], "run": None} == {**known, "run": None}
    assert {**toml["settings"], "run": None} == {**flags["settings"], "run": None}
    assert toml["records"] == flags["records"]
    assert set(known) | {"run"} == set(TrainSettings.__dataclass_fields__)


def test_flags_override_the_file(run):
    Path("t.toml").write_text(
        'source = "kaggle-mnist"\nepochs = 50\nhidden = [7, 6]\nnesterov = true\nseed = 3'
    )
    flags = ["--epochs", 1, "--no-nesterov", "--run", "r.json"]
    assert run("train", "digits", "--config", "t.toml", *flags)[0] == 0
    settings = written("r.json")["settings"]
    values = [settings[name] for name in ("source", "epochs", "hidden", "nesterov", "seed", "batch_size")]
    assert values == ["digits", 1, [7, 6], False, 3, 32]


def test_a_flag_given_with_its_default_still_goes_before_the_file(run):
    Path("t.toml").write_text("epochs = 2\nseed = 5")
    assert run("train", "digits", "--config", "t.toml", "--seed", 0, "--run", "r.json")[0] == 0
    assert written("r.json")["settings"]["seed"] == 0


def test_the_flags_are_the_settings():
    command = typer.main.get_command(app).commands["train"]
    names = {parameter.name for parameter in command.params} - {"config", "help"}
    assert names == set(TrainSettings.__dataclass_fields__)
    usual = TrainSettings()
    for parameter in command.params:
        default = getattr(usual, parameter.name, None)
        shown = list(default) if isinstance(default, tuple) else default
        assert parameter.default == (shown if parameter.name != "config" else None)


def test_the_run_file_has_the_recipe_and_all_its_settings(run):
    flags = ["--recipe", "fast", "--epochs", 1, "--run", "r.json", "--save", "net"]
    code, out, err = run("train", "digits", *flags)
    assert (code, err) == (0, "")
    assert run("predict", "net", "digits")[2].removeprefix("accuracy ").strip() in out
    settings, data = written("r.json")["settings"], written("r.json")["data"]
    values = [settings[name] for name in ("recipe", "hidden", "epochs", "label_smoothing", "components")]
    assert values == ["fast", [224], 1, 0.1, 40]
    assert data["rows"] == {"training": 1437, "validation": 0, "test": 360}


def test_a_large_net_on_mnist_needs_little_memory(tmp_path):
    if not (cache_folder() / "mnist" / "train-images-idx3-ubyte").exists():
        pytest.skip("MNIST is not in the cache")
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux tells the most memory that a process has held")
    command = ["train", "mnist", "--hidden", "500", "--hidden", "150", "--batch-size", "0", "--epochs", "1"]
    program = (
        f"import sys; sys.argv = {['pellucid', *command]}\n"
        "from pellucid.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: print(*open('/proc/self/status'), sep='')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert "rows: 54,000 training, 6,000 validation, 10,000 test" in done.stdout
    assert int(re.search(r"VmHWM:\s+(\d+) kB", done.stdout)[1]) < 250_000


def interrupt_after(line, *arguments, folder):
    """Send Ctrl-C after a line has appeared; return exit status, output and errors."""
    process = subprocess.Popen(
        [*PELLUCID, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    printed = ""
    for each in process.stdout:
        printed += each
        if each.startswith(line):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    return process.returncode, printed + out, err


def test_ctrl_c_keeps_the_network(run, tmp_path):
    files = ["--save", "net", "--run", "run.json"]
    code, out, err = interrupt_after(
        "epoch   3", "train", "digits", "--epochs", 100_000, *files, folder=tmp_path
    )
    assert (code, err) == (130, "")
    about = json.loads((tmp_path / "run.json").read_text())
    k = about["kept_epoch"]
    assert (k >= 3, about["status"], len(about["records"])) == (True, f"interrupted after epoch {k}", k)
    assert f"Interrupted after epoch {k}: the network of epoch {k} is saved" in out
    assert "next: pellucid predict net digits" in out
    run("train", "digits", "--epochs", k, "--save", "again")
    theta, again = pl.Network.load(tmp_path / "net").theta, pl.Network.load("again").theta
    # The long training may be compiled and the short one not: they agree up to rounding.
    np.testing.assert_allclose(theta, again, atol=1e-4)


def test_ctrl_c_without_a_place_to_save(tmp_path):
    code, out, err = interrupt_after("epoch   3", "train", "digits", "--epochs", 100_000, folder=tmp_path)
    assert (code, err, list(tmp_path.iterdir())) == (130, "", [])
    assert out.rstrip().endswith("not saved. With --save FILE, an interrupted training keeps its network.")


@pytest.mark.parametrize("components", [0, 20])
def test_a_killed_training_resumes_to_the_same_bits(run, tmp_path, components):
    flags = ["train", "digits", "--epochs", 12, "--patience", 4, "--dropout", 0.1, "--every", 20]
    flags += ["--components", components]
    assert run(*flags, "--checkpoint", "whole", "--run", "whole.json")[0] == 0
    command = [*PELLUCID, *map(str, flags), "--checkpoint", "a", "--run", "a.json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("epoch   5"):
                process.kill()
    assert (process.returncode, Path("a.json").exists()) == (-signal.SIGKILL, False)
    code, _, err = run(*flags, "--checkpoint", "a", "--run", "a.json")
    assert (code, err) == (
        1,
        "pellucid: a exists: resume from it with --resume, or remove it to start again\n",
    )
    code, out, err = run(*flags, "--checkpoint", "a", "--run", "a.json", "--resume")
    assert (code, err) == (0, "")
    assert "Resuming from a: " in out
    whole, again = written("whole.json"), written("a.json")
    for name in ("weights_sha256", "fingerprint", "kept_epoch", "records", "scores", "status"):
        assert again[name] == whole[name], name


def test_ctrl_c_names_the_checkpoint(tmp_path):
    flags = ["--epochs", 100_000, "--checkpoint", "a"]
    code, out, err = interrupt_after("epoch   3", "train", "digits", *flags, folder=tmp_path)
    assert (code, err) == (130, "")
    assert out.rstrip().endswith("the same command with --resume continues from a.")


def test_resume_before_there_is_a_checkpoint(run):
    code, out, err = run("train", "digits", "--epochs", 2, "--checkpoint", "a", "--resume")
    assert (code, err) == (0, "")
    assert "There is no checkpoint a yet: starting from the beginning." in out
    code, out, err = run("train", "digits", "--epochs", 2, "--checkpoint", "a", "--resume", "--seed", 5)
    assert (code, err.count("\n")) == (1, 1)
    assert "--seed was 0 when a was made, and is 5: resume with the same settings" in err
    assert run("train", "digits", "--resume")[2] == (
        "pellucid: --resume needs a checkpoint: name its file with --checkpoint\n"
    )


def test_changed_settings_are_named_by_their_flag(run):
    flags = ["train", "digits", "--validation", 0.2, "--epochs", 2, "--checkpoint", "a"]
    assert run(*flags)[0] == 0
    for change, message in (
        (["--patience", 3], "--patience was None when a was made, and is 3: resume with the same settings"),
        (
            ["--epochs", 1],
            "epochs must be at least 2, the epoch that a has reached, got 1",
        ),
    ):
        code, _, err = run(*flags, *change, "--resume")
        assert (code, err.count("\n")) == (1, 1)
        assert message in err


@pytest.mark.parametrize("schedule", ["step-decay", "cosine", "one-cycle"])
def test_other_epochs_would_change_a_schedule(run, schedule):
    flags = ["train", "digits", "--schedule", schedule, "--checkpoint", "a"]
    assert run(*flags, "--epochs", 2)[0] == 0
    code, _, err = run(*flags, "--epochs", 4, "--resume")
    assert (code, err) == (
        1,
        "pellucid: --epochs was 2 when a was made, and is 4: that would change --schedule "
        f"{schedule}, which spans all epochs; resume with --epochs 2\n",
    )


def test_a_checkpoint_of_the_library_alone(run):
    x, y = np.eye(2), np.array([0, 1])
    net = pl.Network([pl.Dense(2)]).build(n_in=2, rng=np.random.default_rng(0))
    list(pl.train(net, pl.SoftmaxCrossEntropy(), pl.Adam(), x, y, epochs=3, checkpoint="a"))
    code, _, err = run("train", "digits", "--checkpoint", "a", "--resume")
    assert (code, err.count("\n")) == (1, 1)
    assert "a was not written by pellucid train; resume it with the library" in err
