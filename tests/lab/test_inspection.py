import json

import numpy as np
import pytest

import pellucid as pl
from pellucid.lab.inspection import MISTAKES, UNITS, digit_grid, digits, inspect, inspection_plots
from pellucid.lab.pictures.figures import Grid, Matrix

NAMES = [f"b-{what}" for what in ("confusion", "mistakes", "weights")]


def network(n_hidden=30):
    """Return a network whose ten outputs are the first ten pixels, through the first ten hidden units."""
    net = pl.Network([pl.Dense(n_hidden), pl.ReLU(), pl.Dense(10)])
    net.build(784, rng=np.random.default_rng(0))
    first, _, second = net.layers
    first.W[:], second.W[:] = 0, 0
    first.W[:10, :10] = second.W[:10] = np.eye(10)
    return net


def images(*scores):
    """Return images whose first ten pixels are the scores."""
    x = np.zeros((len(scores), 784), np.uint8)
    x[:, :10] = scores
    return x


def scored(label, guess, margin):
    """Return the scores of an image of class `label` that is taken for `guess` by `margin`."""
    scores = np.zeros(10)
    scores[label], scores[guess] = 20, 20 + margin
    return scores


def test_digits_come_back_as_pictures_with_their_labels():
    x, y = np.random.default_rng(0).integers(0, 256, (3, 784), dtype=np.uint8), np.array([7, 0, 4])
    found = json.loads(json.dumps(digits(x, y)))
    grid = digit_grid("c-digits", "A caption.", found, before="label = ")
    assert (grid.name, grid.caption, grid.images.dtype) == ("c-digits", "A caption.", np.uint8)
    assert grid.titles == ("label = 7", "label = 0", "label = 4")
    assert digit_grid("c-digits", "A caption.", found).titles == ("7", "0", "4")
    np.testing.assert_array_equal(grid.images.reshape(3, 784), x)
    assert grid.images[1, 0, 5] == x[1, 5]


def test_the_confusion_matrix_counts_true_classes_down_and_predicted_ones_across():
    x = images(scored(2, 7, 5), scored(2, 7, 6), scored(7, 7, 9), scored(0, 0, 9))
    counts = np.array(inspect(network(), x, np.array([2, 2, 7, 0]))["confusion"])
    assert counts.shape == (10, 10)
    assert (counts[2, 7], counts[7, 2], counts[7, 7], counts[0, 0], counts.sum()) == (2, 0, 1, 1, 4)


def test_the_most_confident_mistakes_come_first():
    margins = [3, 9, 1, 7]
    x = images(scored(1, 1, 50), *(scored(4, guess, m) for guess, m in enumerate(margins, 5)))
    found = inspect(network(), x, np.array([1, 4, 4, 4, 4]))["mistakes"]
    assert found["predicted"] == [6, 8, 5, 7]
    assert found["labels"] == [4] * 4
    assert found["pixels"] == x[[2, 4, 1, 3]].tolist()


def test_no_more_mistakes_are_kept_than_a_page_shows():
    margins = np.arange(1, MISTAKES + 6)
    x = images(*(scored(3, 8, m) for m in margins))
    pixels = np.array(inspect(network(), x, np.full(len(x), 3))["mistakes"]["pixels"])
    assert pixels[:, 8].tolist() == (20 + margins[::-1][:MISTAKES]).tolist()


def test_a_right_answer_is_no_mistake_even_where_all_outputs_tie():
    y = np.array([0, 0, 5])  # a dead network takes everything for class 0
    found = inspect(network(), np.zeros((3, 784), np.uint8), y)["mistakes"]
    assert (found["labels"], found["predicted"]) == ([5], [0])


def test_a_units_picture_is_its_weights_from_each_pixel_in_the_images_own_order():
    net = network()
    weights = np.random.default_rng(1).normal(size=(784, 30))
    net.layers[0].W[:] = weights
    plots = inspection_plots("b", inspect(net, images(scored(1, 1, 5)), np.array([1])), "Report B")
    grid = plots[-1]
    assert grid.signed
    assert grid.images.shape == (UNITS, 28, 28)
    for unit in (0, 7, 24):
        np.testing.assert_allclose(grid.images[unit].ravel(), weights[:, unit], atol=6e-5)
    assert grid.images[7][1, 0] == pytest.approx(weights[28, 7], abs=6e-5)  # pixel 28 begins the second line
    assert grid.titles[0] == "unit 1"


def test_the_weights_are_those_of_the_first_dense_layer():
    net = pl.Network([pl.Rescale(1 / 255), pl.Dense(3), pl.Tanh(), pl.Dense(10)])
    net.build(784, rng=np.random.default_rng(0))
    found = inspect(net, np.zeros((1, 784), np.uint8), np.array([0]))
    assert np.shape(found["weights"]) == (3, 784)
    assert "each of 3 first-layer units" in inspection_plots("b", found, "Report B")[-1].caption


def test_the_pictures_show_label_and_prediction():
    x = images(scored(4, 9, 2), scored(1, 7, 5))
    found = inspect(network(), x, np.array([4, 1]))
    json.dumps(found, allow_nan=False)
    matrix, mistakes, weights = inspection_plots("b", found, "Report B")
    assert [plot.name for plot in (matrix, mistakes, weights)] == NAMES
    assert (type(matrix), type(mistakes)) == (Matrix, Grid)
    assert mistakes.titles == ("1 taken for 7", "4 taken for 9")
    np.testing.assert_array_equal(mistakes.images.reshape(2, 784), x[::-1])
    assert not mistakes.signed
    assert all(plot.caption.startswith("Report B: ") for plot in (matrix, mistakes, weights))
    assert matrix.labels == tuple("0123456789")


def test_where_nothing_is_wrong_there_is_no_picture_of_mistakes():
    found = inspect(network(), images(scored(4, 4, 2)), np.array([4]))
    assert [plot.name for plot in inspection_plots("b", found, "Report B")] == [NAMES[0], NAMES[2]]
