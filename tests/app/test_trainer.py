"""A whole training: files, scores, and what an interruption leaves."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import pellucid as pl
from pellucid.app.labelled_rows import divide, load_rows
from pellucid.app.settings import TrainSettings
from pellucid.app.trainer import epoch_line, show_training, train
from pellucid.app.training_run import TrainingRun


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Train in an empty folder; return whether it ended, and its output."""
    monkeypatch.chdir(tmp_path)

    def call(**settings):
        text = io.StringIO()
        given = {k: Path(v) if k in ("save", "run", "checkpoint") else v for k, v in settings.items()}
        ended = train(TrainSettings(**given), Console(file=text, width=80, force_terminal=False))
        return ended, text.getvalue()

    return call


def test_a_table_with_names_as_classes(run, flowers):
    settings = {"label": "kind", "hidden": (8,), "epochs": 30, "learning_rate": 0.02}
    ended, out = run(source=str(flowers), save="net", run="run.json", **settings)
    assert ended
    assert "2 classes, 2 features; rows: 43 training, 5 validation, 12 test\n" in out
    assert re.search(r"│ elm +│ 1\.000 +│ 1\.000 +│ 1\.000 +│ 4 +│", out)
    assert "test accuracy 100.00% (12 of 12), macro F1 1.0000" in out
    assert out.splitlines()[-1] == f"next: pellucid predict net {flowers}"
    assert pl.Network.load("net").notes["classes"] == ["elm", "oak"]


def test_the_run_file(run, flowers, tmp_path):
    run(source=str(flowers), label="kind", epochs=3, seed=4, run="run.json", batch_size=0)
    about = json.loads((tmp_path / "run.json").read_text(), parse_constant=pytest.fail)
    assert (about["status"], about["seed"], about["kept_epoch"]) == ("finished", 4, 3)
    assert set(about["settings"]) == set(TrainSettings.__dataclass_fields__)
    assert about["settings"]["learning_rate"] == 0.001
    assert about["data"]["rows"] == {"training": 43, "validation": 5, "test": 12}
    assert re.fullmatch("[0-9a-f]{64}", about["data"]["sha256"]["flowers.csv"])
    assert about["environment"]["numpy"] == np.__version__
    assert [record["epoch"] for record in about["records"]] == [1, 2, 3]
    assert all(record["validation_loss"] > 0 for record in about["records"])
    assert about["network"]["parameters"] == 2 * 100 + 100 + 100 * 2 + 2
    scores = about["scores"]["test"]
    assert (scores["rows"], np.trace(scores["confusion"]) / 12) == (12, scores["accuracy"])
    assert about["seconds"] > 0
    assert re.fullmatch("[0-9a-f]{64}", about["weights_sha256"])


def test_runs_of_one_fingerprint_have_the_same_weights(run, tmp_path):
    found = []
    for seed, name in ((1, "a"), (1, "b"), (2, "c")):
        run(source="digits", hidden=(5,), epochs=1, seed=seed, run=name, checkpoint=f"{name}.ckpt")
        about = json.loads((tmp_path / name).read_text())
        found.append((about["fingerprint"], about["weights_sha256"]))
    assert found[0] == found[1]
    assert set(found[1]) & set(found[2]) == set()


@pytest.mark.parametrize(
    ("test", "validation", "part", "rows"),
    [(0.2, 0.1, "test", 12), (0.0, 0.1, "validation", 6), (0.0, 0.0, "training", 60)],
)
def test_scores_come_from_the_best_rows_that_there_are(run, flowers, test, validation, part, rows):
    _, out = run(source=str(flowers), label="kind", epochs=1, test=test, validation=validation)
    assert re.search(rf"^{part} accuracy .* of {rows}\)", out, re.MULTILINE)


def test_early_stopping_scores_the_best_weights(run):
    settings = {"source": "digits", "hidden": (20,), "learning_rate": 0.03, "epochs": 60, "patience": 3}
    _, out = run(**settings, save="net")
    stopped = re.search(r"Stopped early after epoch (\d+): keeping the weights of epoch (\d+), the best", out)
    last, best = int(stopped[1]), int(stopped[2])
    assert last == best + 3 == len(re.findall(r"^epoch ", out, re.MULTILINE))
    data, net = pl.load_dataset("digits"), pl.Network.load("net")
    correct = int((net.predict(data.x_test).argmax(axis=1) == data.y_test).sum())
    assert f"({correct} of 360)" in out


@pytest.fixture
def interrupted(monkeypatch):
    """Simulate Ctrl-C in the middle of an epoch."""

    def after(epoch):
        whole = TrainingRun.__iter__

        def broken(self):
            for record in whole(self):
                if record.epoch == epoch:
                    self.net.theta += 1
                    raise KeyboardInterrupt
                yield record

        monkeypatch.setattr(TrainingRun, "__iter__", broken)

    return after


def test_ctrl_c_keeps_the_last_whole_epoch(run, interrupted, tmp_path):
    run(source="digits", epochs=2, save="two")
    interrupted(2)
    ended, out = run(source="digits", epochs=9, save="net", run="run.json")
    assert not ended
    about = json.loads((tmp_path / "run.json").read_text())
    assert (about["status"], about["kept_epoch"], about["scores"]) == ("interrupted after epoch 2", 2, None)
    assert "Interrupted after epoch 2: the network of epoch 2 is saved" in out
    assert out.splitlines()[-2:] == ["saved: net", "next: pellucid predict net digits"]
    np.testing.assert_array_equal(pl.Network.load("net").theta, pl.Network.load("two").theta)


def test_ctrl_c_in_the_first_epoch_leaves_no_network(run, monkeypatch, tmp_path):
    def broken(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainingRun, "__iter__", broken)
    ended, out = run(source="digits", save="net", run="run.json")
    assert not ended
    assert "there is nothing to keep" in out
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_training_that_diverges_tells_so_in_its_run_file(run, tmp_path):
    with pytest.raises(FloatingPointError, match="epoch 1: "):
        run(source="digits", learning_rate=1e30, run="run.json")
    about = json.loads((tmp_path / "run.json").read_text())
    assert about["status"].startswith("failed: epoch 1: in batch")
    assert about["scores"] is None


@pytest.mark.parametrize("flag", ["save", "run"])
def test_places_are_checked_before_anything_is_read(run, flag):
    with pytest.raises(ValueError, match=f"^--{flag}: there is no folder missing"):
        run(source="no such data", **{flag: "missing/file"})


def test_an_epoch_fits_80_columns():
    line = epoch_line(pl.Record(1000, None, 12.3456, 1.0, 23.4567, 1.0))
    assert line == "epoch 1000  loss 12.3456  accuracy 100.00%  validation 100.00%, loss 23.4567"
    assert len(line) <= 80


@pytest.mark.parametrize("terminal", [False, True])
def test_the_bar_is_for_terminals(terminal):
    settings, rng, text = TrainSettings(source="digits", epochs=2), np.random.default_rng(0), io.StringIO()
    source = load_rows(settings)
    run = TrainingRun(settings, source, divide(source, settings, rng), rng)
    show_training(run, Console(file=text, width=80, force_terminal=terminal, color_system=None))
    lines = text.getvalue()
    assert lines.count("loss") == 4
    assert ("\x1b" in lines) == terminal
    assert ("2/2" in lines and "elapsed" in lines and "left" in lines) == terminal
