"""The reports' slips in docs/derivations.md: each printed formula is wrong, and by as much as the page says.

Examples are columns here, as in the reports.
"""

from itertools import product

import numpy as np
import pytest
from tests.docs.differences import backward, complex_step, connected, dense, forward, gradient

import pellucid as pl

RNG = np.random.default_rng(0)
N_IN, HIDDEN, K, M = 4, 10, 10, 6
X, Z2 = RNG.normal(size=(N_IN, M)), RNG.normal(size=(K, M))
W1, B1 = RNG.normal(size=(HIDDEN, N_IN)), RNG.normal(size=(HIDDEN, 1))
W2, B2 = RNG.normal(size=(K, HIDDEN)), RNG.normal(size=(K, 1))
CLASSES = RNG.integers(K, size=M)
Y = np.eye(K)[CLASSES].T


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cost(z):
    """Return the mean cross-entropy of logits."""
    return -(Y * np.log(softmax(z))).sum() / M


def hidden(z1):
    return np.tanh(z1)


Z1 = W1 @ X + B1
A1 = hidden(Z1)
A2 = softmax(W2 @ A1 + B2)


def test_s1_without_its_minus_the_loss_is_negative():
    printed = (Y * np.log(softmax(Z2))).sum(axis=0)
    assert (printed < 0).all()
    value, _ = pl.SoftmaxCrossEntropy().value_and_grad(Z2.T.copy(), CLASSES)
    assert float(value) == pytest.approx(-printed.mean())


def test_s2_the_diagonal_alone_does_not_simplify():
    A = softmax(Z2)
    jacobians = [complex_step(softmax, z) for z in Z2.T]
    diagonal = np.array([np.diagonal(j) for j in jacobians]).T
    assert np.allclose(diagonal, A * (1 - A))  # true as a formula
    printed = -Y / A * diagonal
    assert np.allclose(printed, -Y * (1 - A))
    right = M * complex_step(cost, Z2)
    assert np.allclose(right, A - Y)
    assert np.allclose(printed[Y == 1], right[Y == 1])
    assert np.allclose(printed[Y == 0], 0)
    assert np.allclose((right - printed)[Y == 0], A[Y == 0])
    assert np.allclose(right.sum(axis=0), 0)
    assert (printed.sum(axis=0) < -0.1).all()


def test_s3_the_derivative_of_a_mean_has_its_1_over_m():
    assert np.allclose(complex_step(cost, Z2), (softmax(Z2) - Y) / M)
    dW = complex_step(lambda W: cost(W @ A1 + B2), W2)
    assert np.allclose(dW, (A2 - Y) @ A1.T / M)  # right: the factor comes in later


def test_s4_the_input_of_the_layer_not_its_output():
    dW = complex_step(lambda W: cost(W @ A1 + B2), W2)
    printed = (A2 - Y) @ A2.T / M  # fits by shape, as both layers have ten units
    assert printed.shape == dW.shape == (10, 10)
    assert not np.allclose(printed, dW, atol=0.05)
    assert np.allclose((A2 - Y) @ A1.T / M, dW)


def test_s5_the_derivative_of_tanh_not_of_relu():
    right = complex_step(lambda z: cost(W2 @ hidden(z) + B2), Z1)
    back = W2.T @ (A2 - Y) / M
    assert np.allclose(back * (1 - A1**2), right)
    assert not np.allclose(back * (Z1 > 0), right, atol=0.05)


def test_s6_a_dropped_unit_gets_no_gradient():
    mask = (np.arange(HIDDEN) != 3)[:, None]  # one draw for all examples
    right = complex_step(lambda b: cost(W2 @ hidden((W1 @ X + b) * mask) + B2), B1)
    z = Z1 * mask
    dz2 = softmax(W2 @ hidden(z) + B2) - Y
    printed = (W2.T @ dz2 * (1 - np.tanh(z) ** 2)).sum(axis=1, keepdims=True) / M
    assert right[3] == 0
    assert abs(printed[3]) > 0.01
    assert np.allclose(np.delete(printed, 3), np.delete(right, 3))
    assert np.array_equal(np.tanh(Z1 * mask), np.tanh(Z1) * mask)  # the same before and after tanh
    assert not np.allclose(sigmoid(Z1 * mask), sigmoid(Z1) * mask, atol=0.1)
    masks = [*product((0, 1), repeat=3)]
    mean = sum(0.9 ** sum(m) * 0.1 ** (3 - sum(m)) * np.tanh(Z1[:3, 0] * m) for m in masks)
    assert np.allclose(mean, 0.9 * np.tanh(Z1[:3, 0]))


def test_s7_the_starting_gradient_fits_one_pair_only():
    def binary(z):
        p = sigmoid(z)
        return (-Y * np.log(p) - (1 - Y) * np.log(1 - p)).mean()

    assert np.allclose((softmax(Z2) - Y) / M, complex_step(cost, Z2))
    assert np.allclose((sigmoid(Z2) - Y) / M, K * complex_step(binary, Z2))
    squares = complex_step(lambda z: ((softmax(z) - Y) ** 2).sum() / (2 * M), Z2)
    ratio = (softmax(Z2) - Y) / M / squares
    assert ratio.std() > 1  # no constant factor either


@pytest.mark.parametrize(
    ("limit", "ours"),
    [
        (np.sqrt(1 / 784), pl.lecun_uniform),
        (np.sqrt(2 / 884), pl.glorot_uniform),
        (np.sqrt(2 / 784), pl.he_uniform),
    ],
)
def test_s8_a_third_of_the_variance(limit, ours):
    theirs = pl.uniform(-limit, limit)
    spread = [f(np.random.default_rng(0), (784, 100), 784, 100).var() for f in (theirs, ours)]
    assert spread[0] / spread[1] == pytest.approx(1 / 3)
    assert np.sqrt(spread[0] / spread[1]) == pytest.approx(0.58, abs=0.005)
    assert (np.array([0, 1]) * 0.1 - 0.05).tolist() == pytest.approx([-0.05, 0.05])


def test_s9_clipping_changes_the_result_and_shifting_does_not():
    z = np.array([600.0, 550.0])
    assert softmax(np.clip(z, -500, 500)).tolist() == [0.5, 0.5]
    assert np.allclose(forward(connected(pl.Softmax(), 2), z[None]), [[1, np.exp(-50)]], rtol=1e-12)
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert np.exp(710.0) == np.inf
    assert np.exp(709.0) < np.inf


def test_s10_a_limit_and_a_standard_deviation_called_variances():
    n_in, n_out = 784, 10
    as_variance = [np.sqrt(np.sqrt(6 / (n_in + n_out))), np.sqrt(np.sqrt(2 / n_in))]
    rng = np.random.default_rng(0)
    draws = [init(rng, (n_in, 500), n_in, n_out) for init in (pl.xavier_uniform, pl.kaiming_normal)]
    # (19) prints the limit of a draw, (20) the standard deviation.
    assert np.abs(draws[0]).max() == pytest.approx(np.sqrt(6 / (n_in + n_out)), rel=1e-4)
    assert draws[1].std() == pytest.approx(np.sqrt(2 / n_in), rel=0.01)
    ratios = [wide / drawn.std() for wide, drawn in zip(as_variance, draws, strict=True)]
    assert ratios == pytest.approx([5.9, 4.4], rel=0.02)


@pytest.mark.parametrize(("rate", "dropped"), [(0.2, 0.8), (0.5, 0.5)])
def test_s11_one_sentence_drops_what_the_other_keeps(rate, dropped):
    masks = [*product((0, 1), repeat=4)]

    def expected_zeros(p_zero):
        return sum(p_zero ** m.count(0) * (1 - p_zero) ** m.count(1) * m.count(0) / 4 for m in masks)

    assert expected_zeros(1 - rate) == pytest.approx(dropped)
    assert expected_zeros(rate) == pytest.approx(rate)
    mean = sum(rate ** m.count(0) * (1 - rate) ** m.count(1) * np.array(m) for m in masks)
    assert np.allclose(mean, 1 - rate)  # without the factor 1 / (1 - rate) it is not 1


def test_s12_the_printed_loss_has_another_gradient():
    z = np.array([-20.0, 0.0, 1.0])  # the true class is the first, with almost no probability
    printed = complex_step(lambda z: -np.log(softmax(z)[0] + 1e-8), z)
    taken = softmax(z) - np.eye(3)[0]
    p = softmax(z)[0]
    assert np.allclose(printed, taken * p / (p + 1e-8))
    assert not np.allclose(printed, taken, rtol=0.5)
    assert 1 - 0.01 / (0.01 + 1e-8) < 1e-6


def test_s13_a_mask_of_ones():
    z, dy = np.array([[-1.0, 0.0, 2.0]]), np.array([[5.0, 6.0, 7.0]])
    mask = z.copy()
    mask[mask < 0] = 0
    mask[mask >= 0] = 1
    assert (mask * dy).tolist() == [[5.0, 6.0, 7.0]]
    assert backward(connected(pl.ReLU(), 3), z, dy).tolist() == [[0.0, 0.0, 7.0]]


@pytest.mark.parametrize("stddev", [0.1, 1.0])
def test_s14_the_spread_cancels(stddev):
    drawn = np.random.default_rng(0).normal(0, stddev, size=(784, 10))
    W = drawn / np.linalg.norm(drawn)
    assert np.sqrt(np.mean(W**2)) == pytest.approx(1 / np.sqrt(7840)) == pytest.approx(0.0113, abs=5e-5)
    assert np.sqrt(2 / 794) == pytest.approx(0.0502, abs=5e-5)


def test_s15_the_slope_of_the_sigmoid():
    z = np.array([-3.0, 0.0, 1.5])
    slope = backward(connected(pl.Sigmoid(), 3), z[None], np.ones((1, 3)))[0]
    printed = sigmoid(z) * sigmoid(1 - z)
    assert np.allclose(slope, sigmoid(z) * sigmoid(-z))
    assert slope[1] == 0.25
    assert printed[1] == pytest.approx(0.366, abs=5e-4)
    assert (printed > 1.03 * slope).all()
    far = 30.0
    assert sigmoid(far) * sigmoid(1 - far) / np.exp(-far) == pytest.approx(np.e)


def test_s16_one_number_moves_every_bias():
    delta = (A2 - Y) / M
    right = gradient(lambda b: cost(W2 @ A1 + b), B2)
    assert np.allclose(np.sum(delta, axis=1, keepdims=True), right, atol=1e-9)
    net = dense(W2.T, B2[:, 0])
    net.forward(np.ascontiguousarray(A1.T))
    net.backward(np.ascontiguousarray(delta.T))
    assert np.allclose(net.layers[0].db, right[:, 0], atol=1e-9)
    assert np.sum(delta) == pytest.approx(0, abs=1e-15)  # under softmax the scalar is always 0
    squared = sigmoid(Z2) - Y
    squared *= sigmoid(Z2) * (1 - sigmoid(Z2))
    by_unit = np.sum(squared, axis=1)
    assert np.sum(squared) == pytest.approx(by_unit.sum())
    assert np.abs(np.sum(squared) - by_unit).max() > 0.5 * abs(np.sum(squared))


@pytest.mark.parametrize("n", [30, 100])
def test_s17_divided_by_ten_classes_not_by_n_examples(n):
    y, outputs = np.eye(10)[np.arange(n) % 10].T, np.full((10, n), 0.5)
    delta = 1 / len(y) * (outputs - y)
    _, right = pl.MeanSquaredError().value_and_grad(outputs.T.copy(), np.arange(n) % 10)
    assert np.allclose(delta.T, n / 10 * right)


def test_s18_the_limit_that_is_not_used():
    limit, limit2 = 1 / np.sqrt(784), 1 / np.sqrt(30)
    assert limit2 / limit == pytest.approx(5.1, abs=0.05)
    assert (limit2 / limit) ** 2 == pytest.approx(26, abs=0.5)
    drawn = pl.uniform(-limit, limit)(np.random.default_rng(0), (30, 10), 30, 10)
    outputs = sigmoid(sigmoid(RNG.normal(size=(500, 30))) @ drawn)
    assert np.abs(outputs - 0.5).max() < 0.15
