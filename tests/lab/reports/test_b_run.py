"""Report B on few rows, against the notebook that it cites, rewritten in float64."""

import json
from dataclasses import replace

import numpy as np
import pytest

import pellucid as pl
from pellucid.lab.reports import b_run
from pellucid.lab.reports.b_run import BASELINE, DEEP, DepthCell

ROWS, TEST_ROWS = 90, 60


def run_alone(images, settings, seed):
    (found,) = b_run.run_on(*images, [settings], seed)
    return found


def logistic(z):
    return 1 / (1 + np.exp(-z))


FUNCTIONS = {
    pl.ReLU: (lambda z: np.maximum(z, 0), lambda z: z > 0),
    pl.Sigmoid: (logistic, lambda z: logistic(z) * (1 - logistic(z))),
    pl.Tanh: (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
}


def propagate(parameters, functions, x, masks):
    """Return the input of each activation and of each layer, and the probabilities; without rescaling."""
    zs, inputs = [], [x]
    for (w, b), (function, _), mask in zip(parameters, functions, masks, strict=False):
        zs.append(w @ inputs[-1] + b)
        inputs.append(function(zs[-1]) * mask)
    w, b = parameters[-1]
    powers = np.exp((z := w @ inputs[-1] + b) - z.max(axis=0))
    return zs, inputs, powers / powers.sum(axis=0)


def gradients(parameters, functions, x, y, masks, *, scalar_bias):
    """Return dW and db of each layer, and the probabilities."""
    zs, inputs, p = propagate(parameters, functions, x, masks)
    dz, found, m = p - (np.arange(10)[:, None] == y), [], x.shape[1]
    for layer in reversed(range(len(parameters))):
        db = np.sum(dz) if scalar_bias else dz.sum(axis=1, keepdims=True)
        found.insert(0, (dz @ inputs[layer].T / m, db / m))
        if layer:
            slope = functions[layer - 1][1](zs[layer - 1])
            dz = parameters[layer][0].T @ dz * masks[layer - 1] * slope
    return found, p


def parameters_of(net):
    dense = [layer for layer in net.layers if isinstance(layer, pl.Dense)]
    return [(layer.W.T.copy(), layer.b[:, None].copy()) for layer in dense]


def descend(cell, seed, x, y, x_test, y_test, iterations):
    """Return loss and accuracy before each update, test accuracy after it, and the last predictions."""
    net = b_run.network(cell, seed)
    parameters, functions = parameters_of(net), [FUNCTIONS[kind] for kind in b_run.NETS[cell.net]]
    drops = [layer for layer in net.layers if isinstance(layer, pl.Dropout)]
    x, x_test, log = x.T / 255, x_test.T / 255, []
    ones = [1.0] * len(functions)
    for _ in range(iterations):
        drawn = [layer.forward(np.ones((len(y), cell.units)), train=True).T > 0 for layer in drops] or ones
        masks = [mask / (1 - cell.drop_prob) for mask in drawn] if cell.scaled else drawn
        steps, p = gradients(parameters, functions, x, y, masks, scalar_bias=cell.scalar_bias)
        parameters = [
            (w - cell.rate * dw, b - cell.rate * db)
            for (w, b), (dw, db) in zip(parameters, steps, strict=True)
        ]
        guesses = propagate(parameters, functions, x_test, ones)[2].argmax(axis=0)
        loss, right = -np.log(p[y, np.arange(len(y))]).mean(), (p.argmax(axis=0) == y).mean()
        log.append((loss, 100 * right, 100 * (guesses == y_test).mean()))
    return np.array(log).T, guesses


@pytest.mark.parametrize(
    "cell",
    [
        BASELINE,
        DepthCell(scalar_bias=True),
        DepthCell(init=b_run.STANDARD_NORMAL, units=16, rate=0.01),
        DEEP,
        DepthCell(b_run.SIGMOID_TANH, rate=0.5),
        DepthCell(b_run.TANH_SIGMOID, scalar_bias=True, rate=0.5),
        DepthCell(b_run.SIGMOID_SIGMOID, b_run.XAVIER_VARIANCE),
        DepthCell(drop_prob=0.2),
        DepthCell(drop_prob=0.5, scaled=True),
        DepthCell(b_run.RELU_SIGMOID_TANH, drop_prob=0.5, rate=0.5),
        DepthCell(b_run.RELU_SIGMOID_TANH, drop_prob=0.2, scaled=True, rate=0.5),
    ],
    ids=str,
)
def test_a_run_is_the_notebooks_descent(cell, images, in_float64):
    found = run_alone(images, b_run.settings_of(cell, iterations=30), 3)
    (loss, train_accuracy, test_accuracy), _ = descend(cell, 3, *images, 30)
    read = [0, 9, 19, 29]
    for name, values in (
        ("train loss", loss),
        ("train accuracy", train_accuracy),
        ("test accuracy", test_accuracy),
    ):
        assert found["curves"][name]["x"] == [1, 10, 20, 30]
        assert found["curves"][name]["y"] == pytest.approx(values[read], rel=1e-10)
    assert abs(loss[0] - loss[29]) > 0.02


@pytest.mark.parametrize("scalar_bias", [False, True])
def test_behind_a_softmax_the_one_sum_is_0(scalar_bias, images, in_float64):
    """With the slip, the last layer's biases never move, and those of a hidden layer all move alike."""
    net = b_run.network(DepthCell(b_run.SIGMOID_TANH, scalar_bias=scalar_bias), 0)
    hidden, _, last = (layer for layer in net.layers if isinstance(layer, pl.Dense))
    before = hidden.b.copy(), last.b.copy()
    assert len([*pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.5), *images[:2], epochs=5)]) == 5
    assert (np.abs(last.b - before[1]).max() < 1e-14) == scalar_bias
    assert (np.ptp(hidden.b - before[0]) < 1e-14) == scalar_bias
    assert np.abs(hidden.b - before[0]).max() > 1e-4


def test_scores_are_plain_means_over_ten_classes(images, in_float64):
    found = run_alone(images, b_run.settings_of(BASELINE, iterations=20), 3)["scores"]
    guesses, y = descend(BASELINE, 3, *images, 20)[1], images[3]
    scores = []
    for digit in range(10):
        hits = np.sum((guesses == digit) & (y == digit))
        p, r = hits / max(1, np.sum(guesses == digit)), hits / np.sum(y == digit)
        scores.append((p, r, 2 * p * r / (p + r) if hits else 0))
    assert [found[name] for name in ("precision", "recall", "F1")] == pytest.approx(np.mean(scores, axis=0))
    assert len({round(value, 6) for value in found.values()}) == 3


@pytest.mark.parametrize(
    "cell", [BASELINE, DEEP, DepthCell(drop_prob=0.5), DepthCell(DEEP.net, drop_prob=0.5)], ids=str
)
def test_the_gradient_share_is_that_of_the_start_without_dropout(cell, images, in_float64, monkeypatch):
    monkeypatch.setattr(b_run, "GRADIENT_ROWS", 25)
    found = run_alone(images, b_run.settings_of(cell, iterations=1), 2)["gradient share"]
    net = b_run.network(cell, 2)
    functions = [FUNCTIONS[kind] for kind in b_run.NETS[cell.net]]
    x, y = images[0][:25].T / 255, images[1][:25]
    ones = [1.0] * len(functions)
    steps, _ = gradients(parameters_of(net), functions, x, y, ones, scalar_bias=False)
    first, last = steps[0][0], steps[-1][0]
    expected = np.sqrt((first**2).sum() / first.size) / np.sqrt((last**2).sum() / last.size)
    assert found == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("drop_prob", "kept"), [(0.2, 0.8), (0.5, 0.5), (0.8, 0.2)])
def test_dropout_drops_the_share_named_and_scales_nothing(drop_prob, kept):
    layer = b_run.UnscaledDropout(drop_prob)
    layer.connect(50, dtype=np.dtype("float64"), xp=np)
    layer.rng = np.random.default_rng(0)
    x = np.full((400, 50), 3.0)
    y = layer.forward(x, train=True).copy()
    assert np.unique(np.round(y, 12)).tolist() == [0.0, 3.0]
    assert (y > 0).mean() == pytest.approx(kept, abs=0.01)
    assert (y[0] != y[1]).any()  # an entry each, not a unit for the whole batch
    np.testing.assert_allclose(layer.backward(np.full_like(x, 5.0)), y * 5 / 3, rtol=1e-14)
    np.testing.assert_array_equal(layer.forward(x, train=False), x)
    np.testing.assert_array_equal(layer.backward(np.full_like(x, 5.0)), np.full_like(x, 5.0))


@pytest.mark.parametrize(
    ("init", "first", "last", "bias"),
    [
        (b_run.UNIFORM, 0.288675, 0.288675, 0.288675),
        (b_run.STANDARD_NORMAL, 1.0, 1.0, 1.0),
        (b_run.XAVIER_VARIANCE, 0.291223, 0.468069, 0),  # sqrt(6/834) and sqrt(6/125) are the variances
        (b_run.XAVIER_SD, 0.0848189, 0.219089, 0),
        (b_run.XAVIER_FACTOR, 0.00719424, 0.048, 0),
        (b_run.XAVIER_LIMIT, 0.0489702, 0.126491, 0),  # ±sqrt(6/834), ±sqrt(6/125): over sqrt(3)
        (b_run.KAIMING_VARIANCE, 0.224740, 0.363185, 0),
        (b_run.KAIMING_SD, 0.0505076, 0.131876, 0),
        (b_run.KAIMING_LIMIT, 0.0291606, 0.0761387, 0),
    ],
)
def test_readings_of_var(init, first, last, bias):
    """Standard deviations of many draws: of 784 to 50 units, and of 115 to 10."""
    weights, bias_init = b_run.INITIALIZERS[init]
    rng = np.random.default_rng(0)
    drawn = [weights(rng, (784, 50), 784, 50), *(weights(rng, (115, 10), 115, 10) for _ in range(30))]
    assert drawn[0].std() == pytest.approx(first, rel=0.015)
    assert np.std(drawn[1:]) == pytest.approx(last, rel=0.015)
    assert abs(drawn[0].mean()) < 0.02 * first
    assert bias_init(rng, (30_000,), 784, 50).std() == pytest.approx(bias, rel=0.015)


@pytest.mark.parametrize(
    ("init", "limit"),
    [(b_run.UNIFORM, 0.5), (b_run.XAVIER_LIMIT, 0.0848189), (b_run.KAIMING_LIMIT, 0.0505076)],
)
def test_the_uniform_readings_have_limits(init, limit):
    drawn = b_run.INITIALIZERS[init][0](np.random.default_rng(0), (784, 50), 784, 50)
    assert (drawn.min(), drawn.max()) == pytest.approx((-limit, limit), rel=1e-3)


@pytest.mark.parametrize("cell", b_run.ALL_CELLS, ids=str)
def test_the_network_of_a_cell(cell):
    net = b_run.network(cell, 0)
    kinds = [type(layer) for layer in net.layers if isinstance(layer, pl.ReLU | pl.Sigmoid | pl.Tanh)]
    words = {"ReLU": pl.ReLU, "sigmoid": pl.Sigmoid, "tanh": pl.Tanh, "one hidden layer": pl.ReLU}
    assert kinds == [words[word] for word in cell.net.split(", ")]
    widths = [layer.n_out for layer in net.layers if isinstance(layer, pl.Dense)]
    assert widths == [cell.units] * len(kinds) + [10]
    drops = [i for i, layer in enumerate(net.layers) if isinstance(layer, pl.Dropout)]
    assert len(drops) == (len(kinds) if cell.drop_prob else 0)
    assert all(type(net.layers[i - 1]) in kinds for i in drops)  # after the activation
    assert not np.array_equal(net.theta, b_run.network(cell, 1).theta)


def test_only_the_baseline_of_seed_0_is_looked_into_and_json_holds_it(images):
    found = run_alone(images, b_run.settings_of(BASELINE, iterations=1), 0)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert np.sum(found["inside"]["confusion"]) == TEST_ROWS
    assert found["n test"] == TEST_ROWS
    for cell, seed in ((BASELINE, 1), (DEEP, 0)):
        assert "inside" not in run_alone(images, b_run.settings_of(cell, iterations=1), seed)
    group = [b_run.settings_of(cell, iterations=1) for cell in (b_run.XAVIERS[0], BASELINE)]
    other, baseline = b_run.run_on(*images, group, 0)
    assert "inside" not in other
    assert baseline["inside"]["confusion"] == found["inside"]["confusion"]


def test_a_run_draws_rows_and_split(check_rows_drawn):
    check_rows_drawn(b_run, 41)


def test_initializers_trained_together_find_what_each_finds_alone(check_together, in_float64):
    """The other readings have another net, width, rate or dropout, or a layer with a slip."""
    assert check_together(b_run, most=9, iterations=10)[-4:] == [1, 8, 8, 9]


def test_in_float32_they_find_the_same_to_rounding(images):
    group = [
        b_run.settings_of(cell, iterations=30) for cell in (BASELINE, b_run.XAVIERS[0], b_run.KAIMINGS[0])
    ]
    together = b_run.run_on(*images, group, 1)
    for found, settings in zip(together, group, strict=True):
        losses = [result["curves"]["train loss"]["y"] for result in (found, run_alone(images, settings, 1))]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("cell", [DepthCell(scalar_bias=True), DepthCell(drop_prob=0.2)], ids=str)
def test_a_slips_layer_is_trained_alone(cell):
    assert b_run.together(b_run.settings_of(cell)) is None


@pytest.mark.parametrize(
    "change",
    [{"net": b_run.DEEP.net}, {"units": 64}, {"rate": 0.5}, {"drop_prob": 0.2, "scaled": True}],
    ids=str,
)
def test_only_the_initializer_may_differ(change):
    usual, other = b_run.settings_of(BASELINE), b_run.settings_of(replace(BASELINE, **change))
    assert b_run.together(usual) == b_run.together({**usual, "init": b_run.KAIMING_SD})
    assert b_run.together(usual) != b_run.together(other)
    assert b_run.together(usual) != b_run.together({**usual, "iterations": 20})
