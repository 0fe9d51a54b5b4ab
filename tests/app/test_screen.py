"""What a training shows: names as they are, a bar on terminals only."""

import io

import numpy as np
import pytest
from rich.console import Console

import pellucid as pl
from pellucid.app.labelled_rows import divide, load_rows
from pellucid.app.scores import Scores
from pellucid.app.screen import epoch_line, show_scores, show_training
from pellucid.app.settings import TrainSettings
from pellucid.app.training_run import TrainingRun


def test_class_names_are_no_markup():
    text = io.StringIO()
    scores = Scores.of("test", ("[red]a[/]", "b"), np.array([0, 1]), np.array([0, 1]))
    show_scores(scores, Console(file=text, width=80))
    assert "[red]a[/]" in text.getvalue()


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
