"""Paths are checked before the work; the run file is valid JSON whatever the training gave."""

import json
import os
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl
from pellucid.app.labelled_rows import divide, load_rows
from pellucid.app.outputs import check_place, write_run
from pellucid.app.settings import TrainSettings
from pellucid.app.training_run import TrainingRun


def test_a_new_file_an_old_one_and_none_at_all(tmp_path):
    (tmp_path / "old").write_text("mine")
    for path in (tmp_path / "new", tmp_path / "old", None):
        check_place("--out", path)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_places_that_cannot_hold_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path, "is a directory; name a file in it"),
        (tmp_path / "missing" / "a", "there is no folder .*missing; make it first"),
        (tmp_path / "pipe", "is not a regular file"),
        (Path("/dev/null"), "is not a regular file"),
    ):
        with pytest.raises(ValueError, match=f"^--out: .*{message}"):
            check_place("--out", path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_closed(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match=r"^--out: the folder .* cannot be written to"):
        check_place("--out", tmp_path / "a")


def test_what_is_not_finite_becomes_null(tmp_path):
    settings, rng = TrainSettings(source="digits", hidden=(5,)), np.random.default_rng(0)
    source = load_rows(settings)
    parts = divide(source, settings, rng)
    run = TrainingRun(settings, source, parts, rng)
    run.records.append(pl.Record(1, None, 0.5, 0.25, validation_loss=inf, validation_accuracy=nan))
    write_run(tmp_path / "run.json", source, parts, run, None)
    about = json.loads((tmp_path / "run.json").read_text(), parse_constant=pytest.fail)
    (record,) = about["records"]
    assert record == {
        "epoch": 1,
        "loss": 0.5,
        "accuracy": 0.25,
        "validation_loss": None,
        "validation_accuracy": None,
    }
    assert about["data"]["sha256"] == source.sha256
