"""Scores against numbers counted by hand."""

import numpy as np
import pytest

from pellucid.app.scores import Scores


def test_counts_and_ratios():
    y, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 1])
    scores = Scores.of("validation", ("a", "b", "c"), y, predicted)
    assert (scores.correct, scores.n_rows) == (4, 6)
    told = scores.to_json()
    assert told["confusion"] == [[2, 1, 0], [0, 2, 0], [0, 1, 0]]
    assert told["precision"] == [1.0, 0.5, 0.0]
    assert told["recall"] == [2 / 3, 1.0, 0.0]
    assert told["f1"] == pytest.approx([0.8, 2 / 3, 0])
    assert (told["rows"], told["accuracy"], told["macro_f1"]) == (6, 4 / 6, pytest.approx((0.8 + 2 / 3) / 3))
