"""The run file holds JSON alone, whatever a training came to."""

import json
from math import inf, nan

import numpy as np
import pytest

import pellucid as pl
from pellucid.app.labelled_rows import divide, load_rows
from pellucid.app.run_file import write_run
from pellucid.app.settings import TrainSettings
from pellucid.app.training_run import TrainingRun


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
