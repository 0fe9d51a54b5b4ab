"""Report A on few rows, against its `Layer` and `Model` rewritten in float64 with examples as columns."""

import json

import numpy as np
import pytest

import pellucid as pl
from pellucid.lab.reports import a_run

ROWS, TEST_ROWS, EPOCHS = 2_100, 150, 12  # more rows than one block of full-batch descent


def run_alone(images, settings, seed):
    (found,) = a_run.run_on(*images, [settings], seed)
    return found


def tanh_and_softmax(w1, b1, w2, b2, x, before=1.0, after=1.0):
    """Return the inputs of tanh, the hidden outputs, the logits and the probabilities."""
    z1 = (w1 @ x + b1) * before
    h = np.tanh(z1) * after
    z2 = np.clip(w2 @ h + b2, -500, 500)
    return z1, h, z2, np.exp(z2) / np.exp(z2).sum(axis=0)


def loss_and_accuracy(p, truth):
    loss = -(truth * np.log(np.clip(p, 1e-15, 1 - 1e-15))).sum(axis=0).mean()
    return loss, 100 * (p.argmax(axis=0) == truth.argmax(axis=0)).mean()


def fit(net, masks, x, y, x_test, y_test, *, masks_gradient):
    """Do what the report's `fit` does; a mask is a pair of factors before and after tanh."""
    dense = [layer for layer in net.layers if isinstance(layer, pl.Dense)]
    (w1, b1), (w2, b2) = ((layer.W.T.copy(), layer.b[:, None].copy()) for layer in dense)
    x, x_test = x.T / x.max(), x_test.T / x.max()
    truth, truth_test = ((np.arange(10)[:, None] == labels).astype(float) for labels in (y, y_test))
    log, m = [], x.shape[1]
    for before, after in masks:
        z1, h, _, p = tanh_and_softmax(w1, b1, w2, b2, x, before, after)
        dz2 = p - truth
        dz1 = (w2.T @ dz2) * after * (1 - np.tanh(z1) ** 2) * (before if masks_gradient else 1)
        dw2, db2 = dz2 @ h.T / m, dz2.sum(axis=1, keepdims=True) / m
        dw1, db1 = dz1 @ x.T / m, dz1.sum(axis=1, keepdims=True) / m
        w1, b1, w2, b2 = w1 - 0.2 * dw1, b1 - 0.2 * db1, w2 - 0.2 * dw2, b2 - 0.2 * db2
        *_, logits, trained = tanh_and_softmax(w1, b1, w2, b2, x)
        *_, tested = tanh_and_softmax(w1, b1, w2, b2, x_test)
        test_loss, test_accuracy = loss_and_accuracy(tested, truth_test)
        train_accuracy = loss_and_accuracy(trained, truth)[1]
        log.append((loss_and_accuracy(p, truth)[0], train_accuracy, test_loss, test_accuracy))
    return np.array(log).T, np.abs(logits).max()


def masks_of(net, dropout, rows, epochs):
    """Draw the masks that a new network draws."""
    for _ in range(epochs):
        if dropout in (a_run.AS_CODED, a_run.MASKED):
            net.layers[2].redraw()
            yield net.layers[2].kept[:, None].astype(float), 1.0
        elif dropout == a_run.INVERTED:
            yield 1.0, net.layers[3].forward(np.ones((rows, 100)), train=True).T.copy()
        else:
            yield 1.0, 1.0


@pytest.mark.parametrize("dropout", [a_run.AS_CODED, a_run.MASKED, a_run.INVERTED, a_run.NONE])
def test_a_run_is_the_reports_fit(dropout, images, in_float64):
    cell = ("He", a_run.AS_CODED, dropout)
    found = run_alone(images, a_run.settings_of(cell, epochs=EPOCHS), 10)
    net = a_run.network(cell, 10)  # a seed whose largest logit in size is negative
    masks = [*masks_of(net, dropout, ROWS, EPOCHS)]
    log, largest = fit(net, masks, *images, masks_gradient=dropout == a_run.MASKED)
    loss, train_accuracy, test_loss, test_accuracy = log
    curves = found["curves"]
    assert curves["train loss"]["x"] == [*range(1, EPOCHS + 1)]
    assert curves["train loss"]["y"] == pytest.approx(loss, rel=1e-10)
    for name, values in (
        ("train accuracy", train_accuracy),
        ("test loss", test_loss),
        ("test accuracy", test_accuracy),
    ):
        assert curves[name]["x"] == [*range(1, 11)]
        assert curves[name]["y"] == pytest.approx(values[:10], rel=1e-10)
    assert found["largest logit"] == pytest.approx(largest, rel=1e-10)
    assert found["n test"] == TEST_ROWS
    assert loss[0] - loss[-1] > 0.3
    assert train_accuracy[9] > train_accuracy[0] + 5


def test_the_kinds_of_dropout_differ(images):
    """Otherwise the comparison above could not tell them apart."""
    ends = [
        run_alone(images, a_run.settings_of(("He", a_run.AS_CODED, kind), epochs=4), 3)["curves"]
        for kind in (a_run.AS_CODED, a_run.MASKED, a_run.INVERTED, a_run.NONE)
    ]
    losses = sorted(curves["train loss"]["y"][-1] for curves in ends)
    assert min(np.diff(losses)) > 1e-3


def test_accuracies_are_measured_to_the_tenth_epoch_then_at_every_fifth():
    measured = [epoch for epoch in range(1, 101) if a_run.is_measured(epoch)]
    assert measured == [*range(1, 11), *range(15, 101, 5)]


@pytest.fixture
def layer():
    made = a_run.UnitDropout(0.9, masks_gradient=False)
    made.connect(5_000, dtype=np.dtype("float64"), xp=np)
    made.rng = np.random.default_rng(0)
    made.redraw()
    return made


def test_one_draw_a_unit_for_all_rows_and_none_scaled(layer):
    x = np.full((3, 5_000), 2.0)
    y = layer.forward(x, train=True).copy()
    assert set(np.unique(y)) == {0.0, 2.0}
    assert (y == y[0]).all()
    assert (y[0] == 2).mean() == pytest.approx(0.9, abs=0.015)
    np.testing.assert_array_equal(layer.forward(x[:1], train=True), y[:1])  # the next block of the step
    layer.redraw()
    assert (layer.forward(x, train=True) != y).any(axis=0).sum() > 500  # the next step
    np.testing.assert_array_equal(layer.forward(x, train=False), x)


@pytest.mark.parametrize("masks_gradient", [False, True])
def test_the_gradient_of_a_dropped_unit(layer, masks_gradient):
    layer.masks_gradient = masks_gradient
    y = layer.forward(np.ones((2, 5_000)), train=True).copy()
    dx = layer.backward(np.full((2, 5_000), 3.0))
    np.testing.assert_array_equal(dx, 3 * y if masks_gradient else np.full_like(y, 3))


@pytest.mark.parametrize(
    ("name", "limits", "low", "high"),
    [
        ("random", a_run.AS_CODED, -0.05, 0.05),
        ("LeCun", a_run.AS_CODED, -0.0357143, 0.0357143),
        ("He", a_run.AS_CODED, -0.0505076, 0.0505076),
        ("Xavier", a_run.AS_CODED, -0.0475651, 0.0475651),
        ("random", a_run.TEXTBOOK, -0.05, 0.1),
        ("LeCun", a_run.TEXTBOOK, -0.0618590, 0.0618590),
        ("He", a_run.TEXTBOOK, -0.0874818, 0.0874818),
        ("Xavier", a_run.TEXTBOOK, -0.0823852, 0.0823852),
    ],
)
def test_the_first_layers_limits(name, limits, low, high):
    first = a_run.network((name, limits, a_run.NONE), 0).layers[1]
    assert first.W.shape == (784, 100)
    assert (first.W.min(), first.W.max()) == pytest.approx((low, high), abs=1e-5)
    assert first.W.mean() == pytest.approx((low + high) / 2, abs=6e-4)
    assert first.W.std() == pytest.approx((high - low) / 12**0.5, rel=0.01)


@pytest.mark.parametrize(
    ("name", "high"), [("random", 0.05), ("LeCun", 0.1), ("He", 0.141421), ("Xavier", 0.134840)]
)
def test_the_last_layer_takes_the_same_rule(name, high):
    last = a_run.network((name, a_run.AS_CODED, a_run.NONE), 0).layers[-1]
    assert last.W.shape == (100, 10)
    assert high * 0.99 < abs(last.W).max() <= high * 1.00001


def test_biases_start_at_0_and_a_seed_draws_the_weights():
    cell = ("LeCun", a_run.AS_CODED, a_run.AS_CODED)
    nets = [a_run.network(cell, seed) for seed in (0, 0, 1)]
    assert not any(layer.b.any() for layer in nets[0].layers if isinstance(layer, pl.Dense))
    np.testing.assert_array_equal(nets[0].theta, nets[1].theta)
    assert not np.array_equal(nets[0].theta, nets[2].theta)


def test_only_seed_0_is_looked_into_and_json_holds_it(images):
    settings = a_run.settings_of(("random", a_run.AS_CODED, a_run.AS_CODED), epochs=1)
    found = run_alone(images, settings, 0)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert np.shape(found["digits"]["pixels"]) == (25, 784)
    np.testing.assert_array_equal(found["digits"]["pixels"][3], images[0][3])
    assert found["digits"]["labels"] == images[1][:25].tolist()
    assert np.sum(found["inside"]["confusion"]) == TEST_ROWS
    assert not {"digits", "inside"} & set(run_alone(images, settings, 1))


def test_a_run_draws_rows_and_split(check_rows_drawn):
    check_rows_drawn(a_run, 40)


def test_initializers_trained_together_find_what_each_finds_alone(check_together, in_float64):
    """All but those with the report's own dropout; each network draws its own masks."""
    assert check_together(a_run, most=3, epochs=2) == [8, 8]


@pytest.mark.parametrize("dropout", [a_run.AS_CODED, a_run.MASKED])
def test_the_reports_own_dropout_is_trained_alone(dropout):
    assert a_run.together(a_run.settings_of(("He", a_run.AS_CODED, dropout))) is None
