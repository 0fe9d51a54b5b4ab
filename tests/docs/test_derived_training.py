"""Sections 8 to 12 of docs/derivations.md: steps by hand, spreads by integration, counts, differences."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss

import pellucid as pl
from pellucid.gradient_check import five_point

LABELS, PREDICTED = [0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2]


def steps(optimizer, theta, *gradients, n_weights=None):
    """Return theta after each step."""
    theta, found = np.array(theta, dtype=float), []
    for grad in gradients:
        optimizer.step(theta, np.array(grad, dtype=float), n_weights)
        found.append(theta.tolist())
    return found


def test_8_1_gradient_descent():
    assert steps(pl.SGD(0.25), [1, 2], [4, -8])[0] == [0.0, 4.0]


def test_8_2_momentum():
    found = steps(pl.SGD(0.25, momentum=0.5), [1], [1], [2])
    assert found == [[0.75], [0.75 - 0.25 * 2.5]]
    far = steps(pl.SGD(0.1, momentum=0.75), [0], *[[1]] * 100)
    assert far[-2][0] - far[-1][0] == pytest.approx(0.1 / (1 - 0.75))
    back_and_forth = steps(pl.SGD(0.1, momentum=0.75), [0], *[[1], [-1]] * 50)
    assert abs(back_and_forth[-1][0] - back_and_forth[-2][0]) < 0.1 * 0.6


def test_8_3_nesterov_is_the_original_seen_from_the_look_ahead():
    assert steps(pl.SGD(0.25, momentum=0.5, nesterov=True), [1], [1], [2]) == [[0.625], [0.625 - 0.25 * 3.25]]
    matrix, eta, mu = np.array([[3.0, 1.0], [1.0, 2.0]]), 0.1, 0.8
    theta, u = np.array([1.0, -2.0]), np.zeros(2)
    ours, optimizer = theta.copy(), pl.SGD(eta, momentum=mu, nesterov=True)
    for _ in range(20):
        u = mu * u - eta * (matrix @ (theta + mu * u))
        theta = theta + u
        optimizer.step(ours, matrix @ ours)
        assert np.allclose(ours, theta + mu * u, atol=1e-14)


def test_8_4_weight_decay_leaves_biases_alone():
    assert steps(pl.SGD(0.5, weight_decay=0.5), [4, 4], [1, 1], n_weights=1)[0] == [4 - 1.5, 4 - 0.5]


def test_8_5_running_means():
    adam = pl.Adam(beta_1=0.5, beta_2=0.75)
    steps(adam, [0], [2], [-4])
    assert adam.state["m"].tolist() == [0.5 * 1 + 0.5 * -4]
    assert adam.state["v"].tolist() == [0.75 * 1 + 0.25 * 16]


def test_8_6_bias_correction():
    adam, t = pl.Adam(beta_1=0.9, beta_2=0.99), 7
    steps(adam, [0], *[[3]] * t)
    assert adam.state["m"] / (1 - 0.9**t) == pytest.approx(3)
    assert adam.state["v"] / (1 - 0.99**t) == pytest.approx(9)


def test_8_7_adam_step():
    adam = pl.Adam(0.1, beta_1=0.5, beta_2=0.75, epsilon=1.0)
    first = -0.1 * 2 / (2 + 1)  # ε inside the root, or added to √v, would give another result
    # m = -1.5, v = 4.75, corrected by 0.75 and 0.4375
    second = first + 0.1 * 2 / (np.sqrt(76 / 7) + 1)
    assert np.allclose(steps(adam, [0], [2], [-4]), [[first], [second]], rtol=1e-14)
    sizes = steps(pl.Adam(0.1), [0, 0], [1e-3, -1e5])[0]
    assert np.allclose(sizes, [-0.1, 0.1], rtol=1e-4)
    assert 1 / np.sqrt(1 - 0.999) == pytest.approx(31.6, abs=0.1)  # the text: up to 32 times


def test_9_1_variances_add_up():
    """All 2^6 matrices of weights ±s, without sampling."""
    x, s = np.array([1.0, -2.0, 0.5, 3.0, -1.0, 0.25]), 0.3
    y = np.array([x @ (s * np.array(signs)) for signs in product((-1, 1), repeat=6)])
    assert y.mean() == pytest.approx(0)
    assert y.var() == pytest.approx(6 * s**2 * np.mean(x**2))


def drawn(init, n_in, n_out):
    return init(np.random.default_rng(0), (n_in, n_out), n_in, n_out)


@pytest.mark.parametrize("init", [pl.lecun_uniform, pl.lecun_normal])
def test_9_2_lecun_keeps_the_variance(init):
    W = drawn(init, 400, 500)
    assert W.var() == pytest.approx(1 / 400, rel=0.02)
    x = np.random.default_rng(1).normal(size=(300, 400))
    assert (x @ W).var() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("init", [pl.glorot_uniform, pl.glorot_normal, pl.xavier_uniform, pl.xavier_normal])
def test_9_3_glorot_stands_between(init):
    W = drawn(init, 300, 700)
    assert W.var() == pytest.approx(2 / 1000, rel=0.02)
    rng = np.random.default_rng(1)
    forward = (rng.normal(size=(300, 300)) @ W).var()
    back = (rng.normal(size=(300, 700)) @ W.T).var()
    assert (forward + back) / 2 == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("init", [pl.he_uniform, pl.he_normal, pl.kaiming_uniform, pl.kaiming_normal])
def test_9_4_he_makes_up_for_the_half_that_relu_cuts(init):
    u = np.linspace(-8, 8, 16_001)
    density = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
    assert np.trapezoid(np.maximum(u, 0) ** 2 * density, u) == pytest.approx(0.5)
    W = drawn(init, 400, 500)
    assert W.var() == pytest.approx(2 / 400, rel=0.02)
    x = np.maximum(np.random.default_rng(1).normal(size=(300, 400)), 0)
    assert (x @ W).var() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(
    ("init", "variance"),
    [(pl.lecun_uniform, 1 / 400), (pl.glorot_uniform, 2 / 900), (pl.he_uniform, 2 / 400)],
)
def test_9_5_limits(init, variance):
    a = np.abs(drawn(init, 400, 500)).max() * (1 + 1e-5)
    nodes, weights = leggauss(5)  # exact for polynomials
    assert (weights * (a * nodes) ** 2).sum() / 2 == pytest.approx(variance, rel=1e-4)


def test_10_1_step_decay():
    rate = pl.step_decay(0.5, every=3, factor=0.5)
    assert [rate(step) for step in range(7)] == [0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]


def test_10_2_cosine():
    rate = pl.cosine(0.3, steps=4, floor=0.1)
    assert [rate(0), rate(2), rate(4)] == pytest.approx([0.3, 0.2, 0.1])
    assert rate(1) == pytest.approx(0.2 + 0.1 / np.sqrt(2))


def test_10_3_one_cycle():
    rate = pl.one_cycle(1.0, steps=20, warmup=0.25)
    assert [rate(0), rate(2), rate(4), rate(19)] == pytest.approx([0.04, 0.52, 1.0, 4e-6])


def test_11_1_confusion_matrix():
    matrix = pl.confusion_matrix(LABELS, PREDICTED)
    assert matrix.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    pairs = [*zip(LABELS, PREDICTED, strict=True)]
    for a in range(3):
        false_positives = sum(label != a == guess for label, guess in pairs)
        false_negatives = sum(label == a != guess for label, guess in pairs)
        assert matrix[:, a].sum() - matrix[a, a] == false_positives
        assert matrix[a].sum() - matrix[a, a] == false_negatives


def test_11_2_accuracy():
    assert pl.accuracy(LABELS, PREDICTED) == pytest.approx(4 / 6)


def test_11_3_precision_and_recall():
    assert pl.precision(LABELS, PREDICTED).tolist() == [1.0, 0.5, 0.5]
    assert pl.recall(LABELS, PREDICTED).tolist() == [pytest.approx(2 / 3), 0.5, 1.0]


def test_11_4_f1_is_the_harmonic_mean():
    assert pl.f1(LABELS, PREDICTED).tolist() == pytest.approx([0.8, 0.5, 2 / 3])
    assert pl.f1([0, 0], [0, 0], n_classes=2).tolist() == [1.0, 0.0]
    assert pl.f1(LABELS, PREDICTED, average="macro") == pytest.approx((0.8 + 0.5 + 2 / 3) / 3)


def test_12_1_two_points():
    h = Fraction(1, 100)
    for power, error in [(1, 0), (2, 0), (3, h**2)]:  # f''' of t^3 is 6
        derivative = (h**power - (-h) ** power) / (2 * h)
        assert derivative - (power == 1) == error


def test_12_2_five_points():
    h = Fraction(1, 100)
    for power, error in [
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 0),
        (5, -4 * h**4),
    ]:  # t^5 has 120
        assert five_point(lambda t, power=power: t**power, h) - (power == 1) == error


def test_12_3_a_direction_at_a_time():
    rng = np.random.default_rng(0)
    net = pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(2)]).build(4, rng=rng, dtype=np.float64)
    x, y, loss = rng.normal(size=(5, 4)), rng.integers(2, size=5), pl.SoftmaxCrossEntropy()
    net.backward(loss.value_and_grad(net.forward(x), y)[1])
    start, r = net.theta.copy(), rng.normal(size=net.theta.size)
    r /= np.linalg.norm(r)

    def value(h):
        net.theta[...] = start + h * r
        return loss.value_and_grad(net.forward(x), y)[0]

    assert five_point(value, 1e-3) == pytest.approx(net.grad @ r, rel=1e-9)
    assert abs(net.grad @ r) > 1e-3
    assert all(check.passed for check in pl.gradcheck(net, loss, x, y, rng=rng))
