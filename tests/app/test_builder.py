"""From settings to objects of the library: layers, input scale, optimizer, learning rates."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.app.builder import LOSSES, build_learner, build_loss, build_optimizer, learning_rate
from pellucid.app.labelled_rows import LabelledRows, load_rows
from pellucid.app.settings import TrainSettings


def table(x, classes=("no", "yes"), **more):
    x = np.asarray(x, float)
    features = tuple(f"f{i}" for i in range(x.shape[1]))
    y = np.arange(len(x)) % len(classes)
    return LabelledRows("t", x, y, None, classes, features, "label", None, {}, **more)


def network(source, rows=None, **settings):
    rows = np.arange(len(source.x)) if rows is None else rows
    return build_learner(TrainSettings(source="t", **settings), source, rows, np.random.default_rng(0)).net


X = np.random.default_rng(5).normal([3, -1e6, 0], [2, 50, 1e-3], (40, 3))


def test_features_come_to_mean_0_and_deviation_1_over_the_training_rows():
    x = X.copy()
    x[30:] = 1e9  # held out: must not be used
    first = network(table(x), np.arange(30)).layers[0]
    scaled = first.forward(x[:30], train=False)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize("value", [0, 0.1, -1e6, 1e300, 1e-310])
def test_a_constant_column_neither_divides_by_0_nor_grows(value):
    x = np.column_stack([np.full(40, value), X[:, 0]])
    first = network(table(x)).layers[0]
    assert first.scale[0] == 1
    assert abs(first.forward(x, train=False)[:, 0]).max() <= 1e-6


@pytest.mark.parametrize("size", [1e-200, 1e160, 1e300])
def test_columns_of_any_size(size):
    scaled = network(table(X[:, :1] * size)).layers[0].forward(X[:, :1] * size, train=False)
    np.testing.assert_allclose([scaled.mean(), scaled.std()], [0, 1], atol=1e-5)


def test_pixels_come_to_0_to_1():
    net = network(load_rows(TrainSettings(source="digits")))
    assert net.layers[0].settings() == {"scale": 1 / 16}
    assert net.notes["pixel_max"] == 16
    assert net.notes["image_shape"] == [8, 8]


def test_pixels_less_their_mean_over_the_training_rows():
    source = load_rows(TrainSettings(source="digits"))
    first = network(source, np.arange(400, 900), subtract_mean=True).layers[0]
    scaled = first.forward(source.x, train=False)
    np.testing.assert_allclose(scaled[400:900].mean(axis=0), 0, atol=1e-6)
    assert abs(scaled.mean(axis=0)).max() > 0.01
    np.testing.assert_allclose(
        scaled[7] - scaled[3], (source.x[7].astype(float) - source.x[3]) / 16, atol=1e-6
    )


def test_columns_of_a_table_have_mean_0_in_any_case():
    assert repr(network(table(X), subtract_mean=True)) == repr(network(table(X)))


def test_the_loss_smooths_the_labels():
    for name, kind in LOSSES.items():
        loss = build_loss(TrainSettings(loss=name, label_smoothing=0.1))
        assert (type(loss), loss.label_smoothing) == (kind, 0.1)
        assert build_loss(TrainSettings(loss=name)).label_smoothing == 0


def kinds(net):
    return [type(layer).__name__ for layer in net.layers[1:]]


def test_hidden_layers():
    net = network(table(X), hidden=(7, 5), activation=("tanh", "leaky-relu"), dropout=0.3, init="zeros")
    assert kinds(net) == ["Dense", "Tanh", "Dropout", "Dense", "LeakyReLU", "Dropout", "Dense"]
    assert [layer.n_out for layer in net.layers if isinstance(layer, pl.Dense)] == [7, 5, 2]
    assert net.layers[3].drop_prob == 0.3
    assert not net.layers[1].W.any()
    assert net.layers[-1].W.any()
    assert kinds(network(table(X), hidden=(3, 3), activation=("sigmoid",))).count("Sigmoid") == 2
    assert kinds(network(table(X), hidden=())) == ["Dense"]


@pytest.mark.parametrize(
    ("loss", "n_classes", "n_out", "last"),
    [
        ("softmax-cross-entropy", 2, 2, "Dense"),
        ("softmax-cross-entropy", 4, 4, "Dense"),
        ("sigmoid-cross-entropy", 2, 1, "Dense"),
        ("sigmoid-cross-entropy", 3, 3, "Dense"),
        ("mean-squared-error", 2, 1, "Sigmoid"),
        ("mean-squared-error", 3, 3, "Sigmoid"),
    ],
)
def test_the_end_fits_the_loss(loss, n_classes, n_out, last):
    net = network(table(X, classes=tuple("abcd"[:n_classes])), loss=loss)
    assert (net.n_out, kinds(net)[-1], net.notes["loss"]) == (n_out, last, loss)


def test_optimizers():
    sgd = build_optimizer(
        TrainSettings(optimizer="sgd", momentum=0.8, nesterov=True, weight_decay=0.01, learning_rate=0.3), 10
    )
    assert (sgd.learning_rate, sgd.momentum, sgd.nesterov, sgd.weight_decay) == (0.3, 0.8, True, 0.01)
    adam = build_optimizer(TrainSettings(weight_decay=0.02), 10)
    assert (type(adam), adam.learning_rate, adam.weight_decay) == (pl.Adam, 0.001, 0.02)


def rates(schedule, **more):
    """Return the rate of every step of 6 epochs of 5 batches, the last one smaller."""
    settings = TrainSettings(schedule=schedule, epochs=6, batch_size=10, learning_rate=1.0, **more)
    rate = learning_rate(settings, n_rows=41)
    return [rate(step) for step in range(30)] if callable(rate) else rate


def test_schedules_span_the_whole_training():
    assert rates("constant") == 1.0
    np.testing.assert_allclose(rates("step-decay"), [1] * 10 + [0.1] * 10 + [0.01] * 10)
    falling = rates("cosine")
    np.testing.assert_allclose([falling[0], falling[15]], [1, 0.5])
    assert 0 < falling[-1] < 0.01
    cycle = rates("one-cycle")
    assert (np.argmax(cycle), max(cycle)) == (8, 1.0)
    np.testing.assert_allclose([cycle[0], cycle[-1]], [1 / 25, 1 / 250_000])


@pytest.mark.parametrize("schedule", ["step-decay", "cosine", "one-cycle"])
def test_full_batch_takes_a_step_an_epoch(schedule):
    settings = TrainSettings(schedule=schedule, epochs=4, batch_size=0)
    again = TrainSettings(schedule=schedule, epochs=4, batch_size=1000)
    assert learning_rate(settings, 900) == learning_rate(again, 900)
