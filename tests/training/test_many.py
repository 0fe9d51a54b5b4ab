"""Several networks computed as one: each has the gradient that it has alone."""

import copy
from itertools import pairwise

import numpy as np
import pytest

import pellucid as pl
from pellucid.metrics import count_correct
from pellucid.training.many import Single, Stack, StepLoss

N, N_IN = 11, 4
LAYERS = {
    "one layer": [pl.Dense(3)],
    "tanh": [pl.Dense(5), pl.Tanh(), pl.Dense(3)],
    "rescaled": [pl.Rescale(1 / 255, 0.1), pl.Dense(5), pl.ReLU(), pl.Dense(4), pl.Sigmoid(), pl.Dense(3)],
    "dropout": [pl.Dense(5), pl.Dropout(0.4), pl.Tanh(), pl.Dense(4), pl.Dropout(0.2), pl.Dense(3)],
    "leaky": [pl.Dense(4), pl.LeakyReLU(), pl.Dense(3)],
    "softmax inside": [pl.Dense(5), pl.Softmax(), pl.Rescale(3), pl.Dense(3), pl.Identity()],
}  # fmt: skip


def networks(name, k=3, dtype=np.float64):
    """Return networks alike but for their seeds, biases not 0."""
    found = []
    for seed in range(k):
        layers = copy.deepcopy(LAYERS[name])
        for layer in layers:
            if isinstance(layer, pl.Dense):
                layer.bias_init = pl.normal(0.5)
        found.append(pl.Network(layers).build(N_IN, rng=np.random.default_rng(seed), dtype=dtype))
    return found


def data(dtype=np.uint8):
    rng = np.random.default_rng(7)
    return rng.integers(256, size=(N, N_IN)).astype(dtype), rng.integers(3, size=N)


def gradient(model, loss, x, y):
    """Fill the model's grad; return its losses and numbers of correct rows."""
    loss = StepLoss(loss, model.k)
    outputs = model.forward(x, train=True)
    value, dy = loss.value_and_grad(outputs, y)
    n_correct = loss.count_correct(outputs, y)
    model.backward(dy)
    return value, n_correct


def parts(stack, vector):
    """Return each network's own vector, weights before biases, from the stack's theta or grad."""
    k, widths = stack.k, [layer.n_in for layer in stack.nets[0].layers if isinstance(layer, pl.Dense)]
    widths.append(stack.nets[0].n_out)
    found, start = [[] for _ in range(k)], 0
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        part = vector[start : start + k * n_in * n_out]
        own = part.reshape(n_in, k, n_out).swapaxes(0, 1) if i == 0 else part.reshape(k, n_in, n_out)
        start += part.size
        for j in range(k):
            found[j].append(own[j].ravel())
    for n_out in widths[1:]:
        for j in range(k):
            found[j].append(vector[start + j * n_out : start + (j + 1) * n_out])
        start += k * n_out
    assert start == vector.size
    return [np.concatenate(own) for own in found]


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("loss", [pl.SoftmaxCrossEntropy(), pl.SigmoidCrossEntropy(), pl.MeanSquaredError()])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name, loss, k):
    x, y = data()
    nets, twins = networks(name, k), networks(name, k)
    stack = Stack(nets)
    values, right = gradient(stack, loss, x, y)
    assert values.shape == right.shape == (k,)
    for j, (net, own) in enumerate(zip(twins, parts(stack, stack.grad), strict=True)):
        outputs = net.forward(x, train=True).copy()
        value, dy = loss.value_and_grad(outputs, y)
        net.backward(dy)
        np.testing.assert_allclose(values[j], value, rtol=1e-13)
        assert right[j] == count_correct(outputs, y, loss.threshold)
        np.testing.assert_allclose(own, net.grad, rtol=1e-10, atol=1e-13 * np.abs(net.grad).max())
    assert len({*values}) == k


@pytest.mark.parametrize("one_output", [False, True])
def test_targets(one_output):
    x, y = data(float)
    nets = networks("tanh")
    if one_output:
        for net in nets:
            net.layers[-1] = pl.Dense(1)
            net.build(N_IN, rng=np.random.default_rng(1), dtype=np.float64)
    targets = (y == 1).astype(float)[:, None] if one_output else np.eye(3)[y]
    stack, loss = Stack(nets), pl.MeanSquaredError()
    found = gradient(stack, loss, x / 255, targets)
    classes = targets[:, 0].astype(int) if one_output else y
    expected = gradient(Stack(nets), loss, x / 255, classes)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("x_dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_x_of_another_dtype(dtype, x_dtype):
    (x, y), nets = data(x_dtype), networks("tanh", dtype=dtype)
    stack = Stack(nets)
    values, _ = gradient(stack, pl.SoftmaxCrossEntropy(), x / 255, y)
    assert stack.grad.dtype == dtype
    single = Single(nets[1])
    np.testing.assert_allclose(
        gradient(single, pl.SoftmaxCrossEntropy(), x / 255, y)[0], values[1], rtol=1e-5
    )


def test_fixed_masks_are_each_networks_own():
    (x, y), nets, twins = data(float), networks("dropout"), networks("dropout")
    for several in (nets, twins):
        for j, net in enumerate(several):
            net.layers[1].fix_mask(np.arange(5) != j)
    stack, loss = Stack(nets), pl.SoftmaxCrossEntropy()
    gradient(stack, loss, x / 255, y)
    for net, own in zip(twins, parts(stack, stack.grad), strict=True):
        _, dy = loss.value_and_grad(net.forward(x / 255, train=True), y)
        net.backward(dy)
        np.testing.assert_allclose(own, net.grad, rtol=1e-10, atol=1e-13)


def test_parameters_go_there_and_back():
    nets, twins = networks("rescaled"), networks("rescaled")
    stack = Stack(nets)
    assert stack.n_weights == 3 * nets[0].n_weights
    for net, own in zip(twins, parts(stack, stack.theta), strict=True):
        np.testing.assert_array_equal(own, net.theta)
    stack.theta += np.arange(stack.theta.size)
    stack.scatter()
    for net, own, before in zip(nets, parts(stack, stack.theta), twins, strict=True):
        np.testing.assert_array_equal(net.theta, own)
        assert (net.theta != before.theta).sum() >= net.theta.size - 1


class Double(pl.layers.Activation):
    """A layer of one's own."""


class OwnDense(pl.Dense):
    """A layer of one's own."""


def changed(**changes):
    """Return two networks of which the second differs."""
    given = {"layers": [pl.Dense(3)], "n_in": N_IN, "dtype": np.float64}
    found = []
    for settings in (given, {**given, **changes}):
        net = pl.Network(settings["layers"])
        found.append(net.build(settings["n_in"], rng=np.random.default_rng(0), dtype=settings["dtype"]))
    return found


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: changed(layers=[pl.Dense(4)]),
            r"the layers of nets\[1\] are .*4\).*, those of nets\[0\] .*3\)",
        ),
        (lambda: changed(layers=[pl.Dense(3), pl.Tanh()]), r"the layers of nets\[1\]"),
        (lambda: changed(n_in=5), r"the inputs of nets\[1\] are 5, those of nets\[0\] 4"),
        (
            lambda: changed(dtype=np.float32),
            r"the dtype of nets\[1\] are float32, those of nets\[0\] float64",
        ),
        (lambda: changed()[:1] * 2, "must be different networks, got the same one twice"),
        (lambda: alike(pl.Tanh(), pl.Dense(3)), "must start with Dense, or Rescale and Dense, got Network"),
        (lambda: alike(pl.Rescale(2)), "must start with Dense, or Rescale and Dense"),
        (
            lambda: alike(pl.Dense(3), Double()),
            r"layers\[1\] is a Double, which train_many does not know: .* one by one",
        ),
        (lambda: alike(OwnDense(3)), r"layers\[0\] is a OwnDense, which train_many does not know"),
    ],
)
def test_networks_that_cannot_be_one(make, message):
    with pytest.raises(ValueError, match=message):
        Stack(make())


def alike(*layers):
    """Return two networks of these layers."""
    nets = [pl.Network(copy.deepcopy(list(layers))) for _ in range(2)]
    return [net.build(N_IN, rng=np.random.default_rng(i)) for i, net in enumerate(nets)]
