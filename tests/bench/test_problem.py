"""All contestants get the same problem, in arrays that each may overwrite."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from bench.problem import Problem, accuracy
from bench.workloads import RACE, WORKLOADS

import pellucid as pl
from pellucid.app.builder import build_learner
from pellucid.app.labelled_rows import LabelledRows
from pellucid.app.settings import TrainSettings

WORK = replace(WORKLOADS["E"], rows=50)
DATA = np.random.default_rng(0).integers(0, 256, (60, 784), np.uint8), np.arange(60) % 10


def test_pixels_and_labels_are_new_arrays_of_the_first_rows():
    problem = Problem(WORK, data=DATA)
    x, y = problem.pixels(), problem.labels
    assert (x.dtype, y.dtype, x.shape, y.shape) == (np.float32, np.int64, (50, 784), (50,))
    np.testing.assert_allclose(x[3], DATA[0][3] / 255, rtol=1e-6)
    x[:], y[:] = 7, 7
    assert problem.pixels().max() <= 1
    assert list(problem.labels[:3]) == [0, 1, 2]


def test_weights_depend_on_the_seed_alone():
    first, again, other = (Problem(WORK, data=DATA, seed=seed).weights() for seed in (0, 0, 1))
    assert [W.shape for W, _ in first] == [(784, 30), (30, 10)]
    np.testing.assert_array_equal(first[0][0], again[0][0])
    assert (first[0][0] != other[0][0]).any()


def test_each_epoch_has_a_new_order_unless_shuffle_is_off():
    first, second = islice(Problem(WORK, data=DATA).orders(), 2)
    assert sorted(first) == sorted(second) == list(range(50))
    assert list(first) != list(second)
    first, second = islice(Problem(WORK, data=DATA, shuffle=False).orders(), 2)
    assert list(first) == list(second) == list(range(50))


def test_full_batch_needs_no_order():
    problem = Problem(replace(WORK, batch_size=None), data=DATA)
    assert len(next(problem.orders())) == 0


def test_components_are_those_of_the_recipe():
    work = replace(RACE, rows=50, sizes=(8, 5, 10), components=8)
    problem = Problem(work, data=DATA)
    settings = TrainSettings(source="t", components=8, hidden=(5,))
    images = LabelledRows(
        "t", DATA[0][:50], problem.labels, None, tuple("0123456789"), (), "label", (28, 28), {}
    )
    learner = build_learner(settings, images, np.arange(50), np.random.default_rng(0))
    np.testing.assert_allclose(problem.pixels(), learner.rows(images.x), atol=1e-5)
    assert [W.shape for W, _ in problem.weights()] == [(8, 5), (5, 10)]
    assert problem.pixels(np.float64).dtype == np.float64


def test_rates():
    assert list(islice(Problem(WORK, data=DATA).rates(), 3)) == [0.1] * 3
    start = next(Problem(RACE, data=DATA).rates())
    assert start == pytest.approx(RACE.rate / 25)


def test_accuracy_is_that_of_the_network_with_these_weights(rng):
    net = pl.Network([pl.Rescale(1 / 255), pl.Dense(8), pl.Tanh(), pl.Dense(3)]).build(5, rng=rng)
    images, labels = rng.integers(0, 256, (40, 5), np.uint8), rng.integers(3, size=40)
    weights = [(layer.W, layer.b) for layer in net.layers if isinstance(layer, pl.Dense)]
    expected = pl.accuracy(labels, pl.predicted_classes(net.predict(images)))
    assert accuracy(weights, "tanh", images / 255, labels) == pytest.approx(expected)
