"""Sections 1 to 5 of docs/derivations.md: backward passes compared with independent derivatives."""

from itertools import product

import numpy as np
import pytest
from tests.docs.differences import backward, complex_step, connected, dense, forward, gradient, softmax

import pellucid as pl

X = np.array([[0.3, -1.2, 2.0], [-0.7, 0.4, 1.1]])
DY = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]])
W = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
B = np.array([0.1, -0.2])
DY2 = np.array([[1.0, -2.0], [0.5, 3.0]])


def test_1_1_chain_rule_for_a_batch():
    rows = np.array([[1.0, 2.0], [-1.0, 0.5]])

    def y(x):
        return rows @ np.tanh(x)  # mixes rows, as no layer does

    def loss(y):
        return (y**3).sum()

    dy = 3 * y(X) ** 2
    derivatives = complex_step(y, X)  # [i, j, k, l]
    assert np.allclose(np.einsum("kl,ijkl->ij", dy, derivatives), complex_step(lambda x: loss(y(x)), X))


@pytest.mark.parametrize("layer", [pl.Softmax(), pl.Tanh(), pl.LeakyReLU(0.2), pl.Rescale(0.5)], ids=repr)
def test_1_2_rows_do_not_mix(layer):
    connected(layer, 3)
    derivatives = gradient(lambda x: forward(layer, x), X)
    assert np.abs(derivatives[0, :, 1]).max() < 1e-12 > np.abs(derivatives[1, :, 0]).max()
    expected = [np.einsum("l,jl->j", DY[i], derivatives[i, :, i]) for i in range(2)]
    assert np.allclose(backward(layer, X, DY), expected, atol=1e-9)


def test_1_3_entry_by_entry():
    assert np.allclose(complex_step(lambda x: (DY * np.sin(x)).sum(), X), DY * np.cos(X))


def test_2_1_dense_forward():
    net = dense([[5.0, 6.0], [7.0, 8.0]], [9.0, 10.0])
    assert net.predict([[1.0, 2.0], [3.0, 4.0]]).tolist() == [[28.0, 32.0], [52.0, 60.0]]


def test_2_2_weights():
    net = dense(W, B)
    net.forward(X)
    net.backward(DY2.copy())
    assert np.allclose(net.layers[0].dW, complex_step(lambda W: (DY2 * (X @ W + B)).sum(), W))


def test_2_3_bias_sums():
    net = dense(W, B)
    net.forward(X)
    net.backward(DY2.copy())
    assert net.layers[0].db.tolist() == [1.5, 1.0]  # by column, over rows
    assert np.allclose(net.layers[0].db, complex_step(lambda b: (DY2 * (X @ W + b)).sum(), B))


def test_2_4_input():
    layer = dense(W, B).layers[0]
    layer.needs_dx = True
    assert np.allclose(backward(layer, X, DY2), complex_step(lambda x: (DY2 * (x @ W + B)).sum(), X))


def test_3_1_relu():
    assert backward(connected(pl.ReLU(), 3), X, DY).tolist() == [[1.0, 0.0, 0.5], [0.0, 0.25, -1.0]]
    assert backward(connected(pl.ReLU(), 1), [[0.0]], [[7.0]]).tolist() == [[0.0]]
    numeric = gradient(lambda x: (DY * np.where(x > 0, x, 0)).sum(), X)
    assert np.allclose(backward(connected(pl.ReLU(), 3), X, DY), numeric)


def test_3_2_leaky_relu():
    found = backward(connected(pl.LeakyReLU(0.25), 3), X, DY)
    assert found.tolist() == [[1.0, -0.5, 0.5], [0.75, 0.25, -1.0]]
    assert np.allclose(found, gradient(lambda x: (DY * np.where(x > 0, x, x / 4)).sum(), X))


def test_3_3_tanh():
    def loss(x):
        return (DY * (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))).sum()

    assert np.allclose(backward(connected(pl.Tanh(), 3), X, DY), complex_step(loss, X))


def test_3_4_sigmoid():
    found = backward(connected(pl.Sigmoid(), 3), X, DY)
    assert np.allclose(found, complex_step(lambda x: (DY / (1 + np.exp(-x))).sum(), X))
    slopes = backward(connected(pl.Sigmoid(), 1), [[0.0], [20.0], [-20.0]], np.ones((3, 1)))
    assert slopes[0] == 0.25
    assert np.allclose(slopes[1:], np.exp(-20))


def test_3_5_softmax_does_not_feel_a_shift():
    layer = connected(pl.Softmax(), 3)
    p = forward(layer, X)
    assert np.allclose(p, softmax(X))
    assert np.allclose(p.sum(axis=1), 1)
    assert np.allclose(forward(layer, X + 1000), p)  # exp(1000) overflows


def test_3_6_the_full_jacobian():
    layer = connected(pl.Softmax(), 3)
    p = softmax(X[0])
    by_hand = np.diag(p) - np.outer(p, p)
    differences = gradient(lambda x: forward(layer, x[None])[0], X[0])
    assert np.allclose(differences, by_hand)
    assert np.allclose(complex_step(softmax, X[0]), by_hand)
    assert np.allclose(differences.sum(axis=1), 0)
    assert (differences[~np.eye(3, dtype=bool)] < -0.001).all()


def test_3_7_softmax_backward():
    layer = connected(pl.Softmax(), 3)
    assert np.allclose(backward(layer, X, DY), complex_step(lambda x: (DY * softmax(x)).sum(), X))
    rows = [backward(layer, X[:1], unit[None])[0] for unit in np.eye(3)]
    assert np.allclose(rows, complex_step(softmax, X[0]))


def all_masks(layer, x, keep_prob):
    """Yield the probability of each mask of 0 and 1, and the layer's output under it."""
    for mask in product((0, 1), repeat=len(x)):
        layer.fix_mask(mask)
        yield keep_prob ** sum(mask) * (1 - keep_prob) ** (len(x) - sum(mask)), forward(layer, [x])[0]


def test_4_1_what_is_kept_is_scaled_up():
    layer = connected(pl.Dropout(0.75), 3)
    layer.fix_mask([1, 0, 1])
    assert forward(layer, [[1.0, 2.0, -3.0]]).tolist() == [[4.0, 0.0, -12.0]]
    layer.fix_mask(None)
    layer.rng = np.random.default_rng(0)
    share = np.count_nonzero(forward(layer, np.ones((20_000, 3)))) / 60_000
    assert abs(share - 0.25) < 0.01


def test_4_2_the_mean_over_all_masks_is_the_input():
    layer, x = connected(pl.Dropout(0.2), 4), np.array([1.0, -2.0, 0.5, 3.0])
    assert np.allclose(sum(p * y for p, y in all_masks(layer, x, 0.8)), x)
    assert forward(layer, [x], train=False).tolist() == [x.tolist()]


def test_4_3_variance():
    layer, x = connected(pl.Dropout(0.2), 4), np.array([1.0, -2.0, 0.5, 3.0])
    variance = sum(p * (y - x) ** 2 for p, y in all_masks(layer, x, 0.8))
    assert np.allclose(variance, x**2 / 4)


def test_4_4_backward_uses_the_same_mask():
    layer = connected(pl.Dropout(0.5), 3)
    layer.fix_mask([[1, 0, 1], [0, 1, 1]])
    assert backward(layer, X, DY).tolist() == [[2.0, 0.0, 1.0], [0.0, 0.5, -2.0]]
    assert np.allclose(backward(layer, X, DY), gradient(lambda x: (DY * forward(layer, x)).sum(), X))


def test_5_1_rescale():
    assert backward(connected(pl.Rescale(-0.5), 3), X, DY).tolist() == (DY / -2).tolist()
    layer = connected(pl.Rescale([2.0, -1.0, 0.5], [1.0, 0.0, -3.0]), 3)
    assert forward(layer, [[1.0, 2.0, 4.0]]).tolist() == [[3.0, -2.0, -1.0]]
    assert backward(layer, X, DY)[0].tolist() == [2.0, 2.0, 0.25]
    assert np.allclose(backward(layer, X, DY), gradient(lambda x: (DY * forward(layer, x)).sum(), X))
    mean, sd = X.mean(axis=0), X.std(axis=0)
    standardized = forward(connected(pl.Rescale(1 / sd, -mean / sd), 3), X)
    assert np.allclose([standardized.mean(axis=0), standardized.std(axis=0)], [[0] * 3, [1] * 3])


def test_5_2_principal_components():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 7
    r = x - x.mean(axis=0)
    C = r.T @ r / len(r)
    components = pl.PrincipalComponents(x, 2, dtype=np.float64)
    variances = components.transform(x).var(axis=0)
    assert np.allclose(C @ components.directions, variances * components.directions)
    assert np.allclose(components.shares, variances / np.trace(C))
    any_other = np.linalg.qr(rng.normal(size=(50, 4, 2)))[0]
    assert (np.var(r @ any_other, axis=1).sum(axis=1) < variances.sum()).all()


def test_5_3_a_network_for_components_is_one_for_rows():
    x = np.random.default_rng(0).normal(size=(9, 4)) + 7
    components = pl.PrincipalComponents(x, 2, dtype=np.float64)
    net = pl.Network([pl.Dense(3)]).build(2, rng=np.random.default_rng(1), dtype=np.float64)
    z = (x - x.mean(axis=0)) @ components.directions
    whole = components.whole(net)
    assert np.allclose(whole.layers[1].W, components.directions @ net.layers[0].W)
    assert np.allclose(whole.predict(x), z @ net.layers[0].W + net.layers[0].b)
