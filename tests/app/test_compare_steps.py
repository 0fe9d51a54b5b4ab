"""Steps in pellucid and PyTorch agree, and an error as small as the bar is detected."""

from copy import deepcopy
from itertools import islice

import numpy as np
import pytest

import pellucid as pl
from pellucid.app.compare_setup import Setup
from pellucid.app.compare_steps import (
    OURS,
    THEIRS,
    Difference,
    SideBySide,
    StepDifferences,
    difference,
    verdicts,
)

pytest.importorskip("torch")


def setup(layers, loss=None, optimizer=None, *, dtype=np.float64, batch_size=16, seed=0):
    rng = np.random.default_rng(seed)
    net = pl.Network(deepcopy(layers)).build(6, rng=rng, dtype=dtype)
    x, y = rng.normal(size=(73, 6)), rng.integers(0, net.n_out, 73)
    loss, optimizer = loss or pl.SoftmaxCrossEntropy(), deepcopy(optimizer) or pl.SGD(0.2, momentum=0.9)
    return Setup("a test", net, loss, optimizer, x, y, batch_size, rng)


def hidden():
    return [pl.Dense(9), pl.Tanh(), pl.Dense(5)]


def test_differences_by_hand():
    assert difference(np.array([1.0, -4.0]), np.array([1.5, -5.0])) == Difference(1.0, 0.2)
    assert difference(np.array([3.0]), np.array([0.0])) == Difference(3.0, 1.0)
    assert difference(np.zeros((2, 2)), np.zeros((2, 2))) == Difference(0.0, 0.0)
    assert difference(0.25, -0.25) == Difference(0.5, 2.0)


def test_the_largest_of_a_step_is_of_loss_gradients_and_weights():
    low, high = Difference(9.0, 0.1), Difference(1.0, 0.2)
    for found in (
        StepDifferences(1, (1, 1), high, (low, low), (low, low)),
        StepDifferences(1, (1, 1), low, (low, high), (low, low)),
        StepDifferences(1, (1, 1), low, (low, low), (low, high)),
    ):
        assert found.largest == 0.2


def test_gradients_are_compared_apart_from_weights(monkeypatch):
    """Twice the gradient, with a learning rate too small to change a weight."""
    backward = pl.Dense.backward

    def wrong(self, dy):
        dx = backward(self, dy)
        self.dW *= 2
        return dx

    monkeypatch.setattr(pl.Dense, "backward", wrong)
    (found,) = SideBySide(setup(hidden(), optimizer=pl.SGD(1e-30))).steps(1)
    assert [each.relative for each in found.gradients] == pytest.approx([1, 0, 1, 0], abs=1e-12)
    # Biases start at 0, so their value is the step, which is right.
    assert [each.relative for each in found.weights] == pytest.approx([0] * 4, abs=1e-12)


SETTINGS = [
    (hidden(), pl.SoftmaxCrossEntropy(label_smoothing=0.1), pl.Adam(0.01, weight_decay=0.01)),
    (hidden(), pl.MeanSquaredError(), pl.SGD(pl.cosine(0.1, 100), momentum=0.9, nesterov=True)),
    (hidden(), pl.SigmoidCrossEntropy(), pl.SGD(0.1, weight_decay=0.01)),
    ([pl.Dense(9), pl.ReLU(), pl.Dropout(0.3), pl.Dense(5)], pl.SoftmaxCrossEntropy(), pl.Adam(0.01)),
]


@pytest.mark.parametrize("batch_size", [16, None])
@pytest.mark.parametrize(("layers", "loss", "optimizer"), SETTINGS, ids=repr)
def test_a_hundred_steps_agree_and_move(layers, loss, optimizer, batch_size):
    made = setup(layers, loss, optimizer, batch_size=batch_size)
    side_by_side, start = SideBySide(made), made.net.theta.copy()
    found = list(side_by_side.steps(100))
    assert [each.step for each in found] == list(range(1, 101))
    assert max(each.largest for each in found) < 1e-12
    assert np.abs(made.net.theta - start).max() > 0.05
    assert side_by_side.blocks[0] == "0.W"
    assert {len(taken) for taken in side_by_side.seconds.values()} == {100}
    assert side_by_side.seconds.keys() == {OURS, THEIRS}


def test_float32_differs_by_rounding():
    found = list(SideBySide(setup(hidden(), dtype=np.float32)).steps(50))
    assert 1e-8 < max(each.largest for each in found) < 1e-4


def test_the_steps_are_those_of_train():
    """Two epochs of five batches, the last one smaller: the same bits as `pellucid.train`."""
    sizes = [len(y) for _, y in islice(setup(hidden()).batches(), 10)]
    assert sizes == [16, 16, 16, 16, 9] * 2
    compared, trained = setup(hidden()), setup(hidden())
    list(SideBySide(compared).steps(10))
    options = {"epochs": 2, "batch_size": 16, "rng": trained.rng, "compiled": False}
    list(pl.train(trained.net, trained.loss, trained.optimizer, trained.x, trained.y, **options))
    np.testing.assert_array_equal(compared.net.theta, trained.net.theta)


ERRORS = {
    "a bias gradient off by a billionth": lambda layer, dy: np.multiply(layer.db, 1 + 1e-9, out=layer.db),
    "one gradient with the wrong sign": lambda layer, dy: layer.dW.__setitem__((0, 0), -layer.dW[0, 0]),
    "the mean over one row too many": lambda layer, dy: np.multiply(
        layer.dW, len(dy) / (len(dy) + 1), out=layer.dW
    ),
}


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_misses_the_bar(monkeypatch, error):
    backward = pl.Dense.backward

    def wrong(self, dy):
        dx = backward(self, dy)
        ERRORS[error](self, dy)
        return dx

    monkeypatch.setattr(pl.Dense, "backward", wrong)
    found = [each.largest for each in SideBySide(setup(hidden())).steps(3)]
    assert min(found) > 1e-10
    assert not verdicts(found, "float64")[0].holds


def test_epsilon_in_the_wrong_place_misses_the_bar(monkeypatch):
    """Epsilon inside the root: with the default 1e-8, a step changes by a millionth or less."""

    def update(self, theta, grad, rate):
        m, v, t = self.kept("m", theta), self.kept("v", theta), self.step_number + 1
        m += (1 - self.beta_1) * (grad - m)
        v += (1 - self.beta_2) * (grad**2 - v)
        theta -= rate * m / (1 - self.beta_1**t) / np.sqrt(v / (1 - self.beta_2**t) + self.epsilon**2)

    assert max(each.largest for each in SideBySide(setup(hidden(), None, pl.Adam())).steps(20)) < 1e-12
    monkeypatch.setattr(pl.Adam, "update", update)
    assert max(each.largest for each in SideBySide(setup(hidden(), None, pl.Adam())).steps(20)) > 1e-10


def test_a_diverging_training_names_its_step():
    with pytest.raises(FloatingPointError, match=r"in batch \d+ the loss is (inf|nan), not finite"):
        list(SideBySide(setup(hidden(), pl.MeanSquaredError(), pl.SGD(1e200))).steps(10))


def test_what_pellucid_alone_has_is_named():
    with pytest.raises(TypeError, match=r"^Mine has no counterpart in PyTorch"):
        SideBySide(setup([type("Mine", (pl.ReLU,), {})(), pl.Dense(5)]))
    with pytest.raises(ValueError, match=r"leave the last layer out"):
        SideBySide(setup([*hidden(), pl.Softmax()]))
