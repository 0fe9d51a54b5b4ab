"""Sections 6 and 7 of docs/derivations.md: values, fused gradients, blocks and mini-batches."""

from itertools import combinations
from math import log

import numpy as np
import pytest
from tests.docs.differences import backward, complex_step, connected, gradient, softmax

import pellucid as pl

Z = np.array([[0.3, -1.2, 2.0], [-0.7, 0.4, 1.1]])
ONE_HOT = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
SOFT = np.array([[0.5, 0.25, 0.5], [0.1, 0.0, 0.4]])  # rows that do not add up to 1


def fused(loss, outputs, labels):
    value, dy = loss.value_and_grad(np.array(outputs, dtype=float), np.asarray(labels))
    return float(value), dy.copy()


def test_6_1_log_sum_exp():
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert np.log(np.exp(1000.0) + np.exp(999.0)) == np.inf
    value, _ = fused(pl.SoftmaxCrossEntropy(), [[1000.0, 999.0]], [0])
    assert value == pytest.approx(log(1 + np.exp(-1)), rel=1e-14)


@pytest.mark.parametrize("targets", [ONE_HOT, SOFT])
def test_6_2_value(targets):
    value, _ = fused(pl.SoftmaxCrossEntropy(), Z, targets)
    assert value == pytest.approx(-(targets * np.log(softmax(Z))).sum() / 2, rel=1e-14)
    assert fused(pl.SoftmaxCrossEntropy(), [[0.0, 1000.0]], [0])[0] == 1000.0


def test_6_3_gradient_by_p():
    p = softmax(Z)
    assert np.allclose(complex_step(lambda p: -(SOFT * np.log(p)).sum() / 2, p), -SOFT / (2 * p))


@pytest.mark.parametrize("targets", [ONE_HOT, SOFT])
def test_6_4_through_the_full_jacobian(targets):
    """Four ways to one gradient: fused, layer by layer, Jacobian times gradient, complex steps."""
    _, dz = fused(pl.SoftmaxCrossEntropy(), Z, targets)
    dp = -targets / (2 * softmax(Z))
    jacobians = [complex_step(softmax, row) for row in Z]
    assert np.allclose(dz, [dp[i] @ jacobians[i].T for i in range(2)])
    assert np.allclose(dz, backward(connected(pl.Softmax(), 3), Z, dp))
    assert np.allclose(dz, complex_step(lambda z: -(targets * np.log(softmax(z))).sum() / 2, Z))


def test_6_5_probabilities_minus_labels():
    _, dz = fused(pl.SoftmaxCrossEntropy(), np.zeros((2, 4)), [2, 0])
    assert dz.tolist() == [[0.125, 0.125, -0.375, 0.125], [-0.375, 0.125, 0.125, 0.125]]
    extreme = fused(pl.SoftmaxCrossEntropy(), [[0.0, 1000.0]], [0])[1]
    assert extreme.tolist() == [[-1.0, 1.0]]


def test_6_6_sigmoid_value():
    p = 1 / (1 + np.exp(-Z))
    value, _ = fused(pl.SigmoidCrossEntropy(), Z, SOFT)
    assert value == pytest.approx(-(SOFT * np.log(p) + (1 - SOFT) * np.log(1 - p)).sum() / 2, rel=1e-14)
    for z, label, expected in [(1000.0, 0, 1000.0), (1000.0, 1, 0.0), (-1000.0, 1, 1000.0)]:
        assert fused(pl.SigmoidCrossEntropy(), [[z]], [label])[0] == expected


def test_6_7_sigmoid_gradient():
    def loss(z):
        p = 1 / (1 + np.exp(-z))
        return -(SOFT * np.log(p) + (1 - SOFT) * np.log(1 - p)).sum() / 2

    assert np.allclose(fused(pl.SigmoidCrossEntropy(), Z, SOFT)[1], complex_step(loss, Z))


def test_6_8_mean_squared_error():
    value, dy = fused(pl.MeanSquaredError(), [[3.0, 0.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 4.0]])
    assert value == (4 + 9) / 4
    assert dy.tolist() == [[1.0, 0.0], [0.0, -1.5]]
    numeric = gradient(lambda y: fused(pl.MeanSquaredError(), y, SOFT)[0], Z)
    assert np.allclose(fused(pl.MeanSquaredError(), Z, SOFT)[1], numeric)


def test_6_9_a_fifth_of_it_in_pytorch():
    y, t = np.random.default_rng(0).normal(size=(2, 4, 10))
    value, dy = fused(pl.MeanSquaredError(), y, t)
    assert np.mean((y - t) ** 2) == pytest.approx(value / 5)
    assert np.allclose(complex_step(lambda y: np.mean((y - t) ** 2), y), dy / 5)


def test_6_10_label_smoothing():
    s = 0.3
    smoothed = np.array([[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    for kind in (pl.SoftmaxCrossEntropy, pl.SigmoidCrossEntropy, pl.MeanSquaredError):
        value, dy = fused(kind(label_smoothing=s), Z, [1, 2])
        expected = fused(kind(), Z, smoothed)
        assert value == pytest.approx(expected[0], rel=1e-14)
        assert np.allclose(dy, expected[1], rtol=1e-13)
    value, _ = fused(pl.SoftmaxCrossEntropy(label_smoothing=s), Z, [1, 2])
    rows = [log(np.exp(z).sum()) - 0.7 * z[y] - 0.1 * z.sum() for z, y in zip(Z, (1, 2), strict=True)]
    assert value == pytest.approx(np.mean(rows), rel=1e-14)


def network():
    layers = [pl.Dense(4), pl.Tanh(), pl.Dense(3)]
    return pl.Network(layers).build(2, rng=np.random.default_rng(0), dtype=np.float64)


def batch(n):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 2)), rng.integers(3, size=n)


def gradient_of(net, x, y):
    net.backward(pl.SoftmaxCrossEntropy().value_and_grad(net.forward(x), y)[1])
    return net.grad.copy()


def test_7_1_blocks_count_by_their_rows():
    (x, y), net = batch(7), network()
    parts = [slice(0, 3), slice(3, 6), slice(6, 7)]
    shares = [3 / 7, 3 / 7, 1 / 7]
    summed = sum(s * gradient_of(net, x[p], y[p]) for s, p in zip(shares, parts, strict=True))
    assert np.allclose(summed, gradient_of(net, x, y), atol=1e-14)
    start = net.theta.copy()
    [*pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.5), x, y, epochs=1, block_rows=3)]
    assert np.allclose(net.theta, start - 0.5 * summed, atol=1e-14)


def test_7_2_mini_batches_are_right_on_average():
    (x, y), net = batch(6), network()
    found = [gradient_of(net, x[list(rows)], y[list(rows)]) for rows in combinations(range(6), 2)]
    assert np.allclose(np.mean(found, axis=0), gradient_of(net, x, y), atol=1e-14)
    assert np.std(found, axis=0).max() > 0.01
