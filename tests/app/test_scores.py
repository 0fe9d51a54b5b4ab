"""Scores against numbers counted by hand, and how they are shown."""

import io

import numpy as np
import pytest
from rich.console import Console

from pellucid.app.scores import Scores, show_scores


def test_counts_and_ratios():
    y, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 1])
    scores = Scores.of("validation", ("a", "b", "c"), y, predicted)
    assert (scores.correct, scores.n_rows) == (4, 6)
    values = scores.to_json()
    assert values["confusion"] == [[2, 1, 0], [0, 2, 0], [0, 1, 0]]
    assert values["precision"] == [1.0, 0.5, 0.0]
    assert values["recall"] == [2 / 3, 1.0, 0.0]
    assert values["f1"] == pytest.approx([0.8, 2 / 3, 0])
    assert (values["rows"], values["accuracy"], values["macro_f1"]) == (
        6,
        4 / 6,
        pytest.approx((0.8 + 2 / 3) / 3),
    )


def test_class_names_are_no_markup():
    text = io.StringIO()
    scores = Scores.of("test", ("[red]a[/]", "b"), np.array([0, 1]), np.array([0, 1]))
    show_scores(scores, Console(file=text, width=80))
    assert "[red]a[/]" in text.getvalue()
