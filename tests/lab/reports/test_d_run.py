"""Report D on few rows, against its classes rewritten in float64."""

from itertools import product

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import Dataset
from pellucid.lab.reports import d_run

ROWS, VALIDATION_ROWS, FEATURES = 356, 70, 64  # 12 batches and 3, the last of them smaller
PUBLISHED, INTENDED = "as published", "as intended"
NAMES = ("train loss", "train accuracy", "validation loss", "validation accuracy")


@pytest.fixture(scope="module")
def rows():
    """Return the digits, in 0 … 1."""
    data = pl.load_dataset("digits")
    x, y = (data.x_train / np.float32(16)).astype(np.float32), data.y_train
    return x[:ROWS], y[:ROWS], x[-VALIDATION_ROWS:], y[-VALIDATION_ROWS:]


class Linear:
    """The report's layer: W (in, out), both parameters of length 1."""

    def __init__(self, rng, n_in):
        w, b = rng.normal(0, 0.1, (n_in, 10)), rng.normal(0, 0.1, 10)
        self.w, self.b = w / np.sqrt((w**2).sum()), b / np.sqrt((b**2).sum())

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, error):
        self.dw, self.db = self.x.T @ error / len(self.x), error.sum(axis=0) / len(self.x)


def backward_of_relu(z, error, variant):
    """Multiply by the report's mask, built in its two steps, or by the true one."""
    mask = z.copy()
    if variant == INTENDED:
        return error * (z > 0)
    mask[mask < 0] = 0
    mask[mask >= 0] = 1
    return error * mask


def forward(layer, x, y):
    """Return the logits before the ReLU, the probabilities, loss and accuracy in per cent."""
    z = layer.forward(x.astype(np.float64))
    powers = np.exp(np.maximum(z, 0))
    p = powers / powers.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(y)), y]).mean()
    return z, p, loss, 100 * (np.maximum(z, 0).argmax(axis=1) == y).mean()


def train(x, y, x_validation, y_validation, variant, seed, epochs, reshuffled=True):
    """Do what the report's loop does; return the batches' values by epoch, and the number of dead classes."""
    layer, rng = Linear(np.random.default_rng([seed, 1]), x.shape[1]), np.random.default_rng([seed, 2])
    history = []
    for _ in range(epochs):
        order = rng.permutation(len(x)) if reshuffled else np.arange(len(x))
        values = {name: [] for name in NAMES}
        for start in range(0, len(x), 32):
            chosen = order[start : start + 32]
            z, p, loss, accuracy = forward(layer, x[chosen], y[chosen])
            layer.backward(backward_of_relu(z, p - np.eye(10)[y[chosen]], variant))
            layer.w, layer.b = layer.w - 0.01 * layer.dw, layer.b - 0.01 * layer.db
            values["train loss"].append(loss)
            values["train accuracy"].append(accuracy)
        for start in range(0, len(x_validation), 32):
            batch = slice(start, start + 32)
            *_, loss, accuracy = forward(layer, x_validation[batch], y_validation[batch])
            values["validation loss"].append(loss)
            values["validation accuracy"].append(accuracy)
        history.append(values)
    dead = sum(logits.max() <= 0 for logits in layer.forward(x.astype(np.float64)).T)
    return history, dead


@pytest.mark.parametrize(
    ("variant", "order"), [(PUBLISHED, "reshuffled"), (INTENDED, "reshuffled"), (PUBLISHED, "fixed order")]
)
def test_the_curves_are_those_of_the_reports_classes(rows, variant, order):
    epochs = 12
    settings = d_run.settings_of(variant, "pixels / 255", order, epochs=epochs)
    found = d_run.run_on(*rows, settings, 4)
    history, dead = train(*rows, variant, 4, epochs, reshuffled=order == "reshuffled")
    for name in NAMES:  # each batch counts the same, the smaller last one too
        expected = [np.mean(values[name]) for values in history]
        assert found["epochs"][name] == pytest.approx(expected, abs=1e-5)
        every_tenth = [value for values in history for value in values[name][::10]]
        assert found["batches"][name] == pytest.approx(every_tenth, abs=1e-5)
    assert found["dead"] == dead
    assert (found["batches an epoch"], found["kept epochs"]) == (12, epochs)
    assert found["batches"]["train batch"][:4] == [1, 11, 13, 23]
    assert found["batches"]["validation batch"][:2] == [12.0, 24.0]


def test_the_two_masks_differ(rows):
    ends = []
    for variant in (PUBLISHED, INTENDED):
        history, _ = train(*rows, variant, 4, 12)
        ends.append(np.mean(history[-1]["train loss"]))
    assert abs(ends[0] - ends[1]) > 1e-3


def test_batches_are_kept_while_the_report_sees_learning(rows, monkeypatch):
    monkeypatch.setattr(d_run, "BATCH_EPOCHS", 2)
    found = d_run.run_on(*rows, d_run.settings_of(PUBLISHED, "pixels / 255", "reshuffled", epochs=4), 0)
    assert [len(found["epochs"][name]) for name in NAMES] == [4] * 4
    assert found["batches"]["train batch"] == [1, 11, 13, 23]
    assert found["kept epochs"] == 2


@pytest.mark.parametrize(("relu", "variant"), [(d_run.ReLUWithMaskOfOnes, PUBLISHED), (pl.ReLU, INTENDED)])
def test_the_gradient(rows, relu, variant):
    x, y = rows[0][:32].astype(np.float64), rows[1][:32]
    layer = Linear(np.random.default_rng(0), FEATURES)
    z, p, loss, _ = forward(layer, x, y)
    assert (z < 0).any(axis=0).sum() > 3
    layer.backward(backward_of_relu(z, p - np.eye(10)[y], variant))
    net = pl.Network([pl.Dense(10, init=d_run.unit_norm, bias_init=d_run.unit_norm), relu()])
    net.build(FEATURES, rng=np.random.default_rng(0), dtype=np.float64)
    value, dy = pl.SoftmaxCrossEntropy().value_and_grad(net.forward(x, train=True), y)
    net.backward(dy)
    dense = net.layers[0]
    assert value == pytest.approx(loss, rel=1e-13)
    np.testing.assert_allclose(dense.W, layer.w, rtol=1e-14)
    np.testing.assert_allclose(dense.dW, layer.dw, rtol=0, atol=1e-14)
    np.testing.assert_allclose(dense.db, layer.db, rtol=0, atol=1e-14)


def test_a_class_without_a_positive_logit_dies_with_the_true_mask_alone(monkeypatch):
    """Class 3 starts just below 0, and only its own gradient can raise it."""

    def start(rng, shape, n_in, n_out):
        return np.zeros(shape) if len(shape) == 2 else np.where(np.arange(10) == 3, -1e-4, 1.0)

    monkeypatch.setattr(d_run, "unit_norm", start)
    x, y = np.ones((64, 5), np.float32), np.full(64, 3)
    dead = {
        variant: d_run.run_on(
            x, y, x, y, d_run.settings_of(variant, "pixels / 255", "fixed order", epochs=2), 0
        )["dead"]
        for variant in (PUBLISHED, INTENDED)
    }
    assert dead == {PUBLISHED: 0, INTENDED: 1}


@pytest.mark.parametrize("shape", [(64, 10), (10,)])
def test_parameters_start_at_length_1(shape):
    drawn = d_run.unit_norm(np.random.default_rng(0), shape, 64, 10)
    assert np.sqrt((drawn**2).sum()) == pytest.approx(1, rel=1e-14)
    np.testing.assert_allclose(
        drawn / drawn.flat[0], (z := np.random.default_rng(0).normal(size=shape)) / z.flat[0]
    )


@pytest.mark.parametrize(
    ("name", "pixels", "expected"),
    [
        ("pixels / 255", [[0, 255], [51, 102]], [[0, 1], [0.2, 0.4]]),
        ("unit length", [[3, 4], [0, 200]], [[0.6, 0.8], [0, 1]]),
        ("standardized", [[0, 2], [4, 2]], [[-(2**0.5), 0], [2**0.5, 0]]),
    ],
)
def test_readings_of_normalize(name, pixels, expected):
    pixels = np.array(pixels, np.uint8)
    found = d_run.NORMALIZE[name](pixels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("normalize", list(d_run.NORMALIZE))
def test_a_run_draws_half_of_each_set_after_normalizing_the_whole(normalize, monkeypatch):
    rng = np.random.default_rng(0)
    x, x_test = (rng.integers(0, top, (20, 4), dtype=np.uint8) for top in (256, 100))
    data = Dataset("toy", x, np.arange(20), x_test, 100 + np.arange(20), 10, (2, 2), "a test", {})
    monkeypatch.setattr(pl, "load_dataset", lambda name: {"mnist": data}[name])
    monkeypatch.setattr(d_run, "N_TRAIN", 10)
    monkeypatch.setattr(d_run, "N_VALIDATION", 5)
    monkeypatch.setattr(d_run, "run_on", lambda *arguments: arguments)
    drawn = {}
    for (variant, (name, order)), seed in product(d_run.ALL_CELLS, (0, 1)):
        if name == normalize:
            x_own, y, x_validation, y_validation, *_ = d_run.run(
                d_run.settings_of(variant, name, order), seed
            )
            np.testing.assert_array_equal(x_own, d_run.NORMALIZE[name](x)[y])
            np.testing.assert_array_equal(x_validation, d_run.NORMALIZE[name](x_test)[y_validation - 100])
            drawn.setdefault(seed, set()).add((*y, *y_validation))
    assert [len(rows) for rows in drawn.values()] == [1, 1]  # the same rows in every reading
    assert drawn[0] != drawn[1]
    assert len({*drawn[0].pop()}) == 15  # none twice
