"""Metrics against literals and scikit-learn."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.metrics import count_correct

LABELS, PREDICTED = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3], [0, 0, 1, 1, 2, 2, 2, 2, 0, 2]


def test_literals():
    assert pl.accuracy(LABELS, PREDICTED) == 0.6
    assert pl.error(LABELS, PREDICTED) == pytest.approx(0.4)
    matrix = pl.confusion_matrix(LABELS, PREDICTED)
    assert matrix.tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [1, 0, 3, 0], [0, 0, 1, 0]]
    np.testing.assert_allclose(pl.precision(LABELS, PREDICTED), [2 / 3, 1 / 2, 3 / 5, 0])
    np.testing.assert_allclose(pl.recall(LABELS, PREDICTED), [2 / 3, 1 / 2, 3 / 4, 0])
    np.testing.assert_allclose(pl.f1(LABELS, PREDICTED), [2 / 3, 1 / 2, 2 / 3, 0])
    assert pl.recall(LABELS, PREDICTED, average="macro") == pytest.approx(23 / 48)


@pytest.mark.parametrize("k", [2, 5, 10])
@pytest.mark.parametrize("seed", range(3))
def test_like_scikit_learn(seed, k):
    reference = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=60)
    predicted = np.where(rng.random(60) < 0.6, labels, rng.integers(k, size=60))
    classes = np.arange(k)
    assert pl.accuracy(labels, predicted) == reference.accuracy_score(labels, predicted)
    expected = reference.confusion_matrix(labels, predicted, labels=classes)
    np.testing.assert_array_equal(pl.confusion_matrix(labels, predicted, n_classes=k), expected)
    for name in ("precision", "recall", "f1"):
        for average in (None, "macro"):
            theirs = getattr(reference, f"{name}_score")(
                labels, predicted, labels=classes, average=average, zero_division=0
            )
            ours = getattr(pl, name)(labels, predicted, n_classes=k, average=average)
            np.testing.assert_allclose(ours, theirs, rtol=1e-14)


def test_one_output_is_compared_with_the_threshold():
    outputs = np.array([[-0.1], [0.2], [0.6]])
    assert pl.predicted_classes(outputs).tolist() == [0, 1, 1]
    assert pl.predicted_classes(outputs, 0.5).tolist() == [0, 0, 1]
    assert pl.accuracy([0, 1, 0], pl.predicted_classes(outputs)) == pytest.approx(2 / 3)


def test_count_correct():
    outputs = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.4]])
    assert count_correct(outputs, np.array([1, 0, 0]), 0.0) == 2
    assert count_correct(outputs, np.array([[0.0, 1.0], [0.0, 1.0], [0.2, 0.7]]), 0.0) == 2
    one = np.array([[0.4], [0.6], [0.7]])
    assert count_correct(one, np.array([[0.0], [1.0], [0.0]]), 0.5) == 2
    assert count_correct(one, np.array([False, True, True]), 0.0) == 2


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0, 1], [0], "the same length, got 2 and 1"),
        ([], [], "labels must be a vector of class numbers|labels must hold at least one"),
        ([0, -1], [0, 1], "labels must hold at least one class number, all >= 0"),
        ([0, 1], [[0.1, 0.9], [0.8, 0.2]], r"predicted must be .* use outputs\.argmax\(axis=1\)"),
        ([0.0, 1.0], [0, 1], "labels must be a vector of class numbers, got dtype float64"),
    ],
)
def test_vectors_are_checked(labels, predicted, message):
    for metric in (pl.accuracy, pl.error, pl.confusion_matrix, pl.precision, pl.recall, pl.f1):
        with pytest.raises(ValueError, match=message):
            metric(labels, predicted)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="class numbers must be below n_classes=2, got 3"):
        pl.confusion_matrix([0, 3], [0, 1], n_classes=2)
    with pytest.raises(ValueError, match="average must be None or \"macro\", got 'micro'"):
        pl.f1([0, 1], [0, 1], average="micro")


def test_predicted_classes_are_whole_numbers():
    assert pl.predicted_classes(np.array([[0.2], [0.7]]), 0.5).tolist() == [0, 1]
    assert pl.predicted_classes(np.array([[0.2], [0.7]]), 0.5).dtype == np.int64
