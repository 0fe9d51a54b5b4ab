"""The ends of the range, in plain and compiled training of one network and of several: exact references.

A network whose first layer passes its data on shows the loss of these data as outputs.
"""

import numpy as np
import pytest

import pellucid as pl
from proof import exact

WAYS = ["plain", "compiled", "plain, several", "compiled, several"]
DTYPES = [np.float32, np.float64]
LOSSES = {
    pl.SoftmaxCrossEntropy: exact.softmax_cross_entropy,
    pl.SigmoidCrossEntropy: exact.sigmoid_cross_entropy,
    pl.MeanSquaredError: exact.mean_squared_error,
}
#: Outputs up to 10⁴, of both signs, equal ones, and tiny ones.
Z = np.array(
    [
        [1e4, -1e4, 0.0],
        [-1e4, 1e4, -1e4],
        [1e4, 1e4, 1e4],
        [-1e4, -1e4, -1e4],
        [0.0, 0.0, 0.0],
        [88.5, 90.0, -104.0],
        [1e-4, -1e-4, 710.0],
    ]
)
Y = np.array([0, 1, 2, 0, 1, 2, 0])


def identity(rng, shape, n_in, n_out):
    return np.eye(*shape)


def passing(behind=(), *, width=3, dtype=np.float64):
    """Return a network whose first layer is the identity."""
    net = pl.Network([pl.Dense(width, init=identity), *behind])
    return net.build(width, rng=np.random.default_rng(0), dtype=dtype)


def one_epoch(make, loss, x, y, way, *, rate=1.0, **given):
    """Train for an epoch; return the record and the network, the last one of several."""
    compiled = "compiled" in way
    if compiled:
        pytest.importorskip("numba")
    given = {"epochs": 1, "compiled": compiled, "shuffle": False, **given}
    if "several" not in way:
        net = make()
        (record,) = pl.train(net, loss, pl.SGD(rate), x, y, **given)
        return record, net
    nets = [make() for _ in range(3)]
    (records,) = pl.train_many(nets, loss, pl.SGD(rate), x, y, **given)
    return records[-1], nets[-1]


def expected_of(loss, z, y):
    """Return the exact value and gradient, as floats."""
    targets = exact.targets_of(y.tolist(), z.shape[1], loss.label_smoothing)
    value, gradient = LOSSES[type(loss)](exact.decimals(z), targets)
    return float(value), np.array(gradient, dtype=float)


def close(found, expected, dtype, size=1.0):
    limit = 16 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=limit, atol=limit * size)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("share", [0, 0.1])
@pytest.mark.parametrize("kind", LOSSES)
def test_losses_of_outputs_up_to_ten_thousand(kind, share, dtype, way):
    loss, z = kind(label_smoothing=share), Z.astype(dtype)
    value, gradient = expected_of(loss, z, Y)
    record, net = one_epoch(lambda: passing(dtype=dtype), loss, z, Y, way)
    close(record.loss, value, dtype, size=1e4 if share else 1)
    close(-net.theta[net.n_weights :], gradient.sum(axis=0), dtype, size=np.abs(gradient).sum())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("kind", [pl.SigmoidCrossEntropy, pl.MeanSquaredError])
def test_one_output(kind, label, dtype, way):
    """Data of one class alone, and of width 1."""
    loss, z, y = kind(), Z[:, :1].astype(dtype), np.full(len(Z), label)
    value, gradient = expected_of(loss, z, y)
    record, net = one_epoch(lambda: passing(width=1, dtype=dtype), loss, z, y, way)
    close(record.loss, value, dtype)
    close(-net.theta[1], gradient.sum(), dtype, size=np.abs(gradient).sum())


ACTIVATIONS = {
    pl.Identity: lambda z: z,
    pl.ReLU: lambda z: max(z, 0),
    pl.LeakyReLU: lambda z: z if z > 0 else z * exact.Decimal(0.01),
    pl.Sigmoid: exact.sigmoid,
    pl.Tanh: lambda z: 2 * exact.sigmoid(2 * z) - 1,
    pl.Softmax: None,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", ACTIVATIONS)
def test_activations_of_inputs_up_to_ten_thousand(layer, dtype, way):
    if layer is pl.Softmax:  # which is not compiled
        way = way.replace("compiled", "plain")
    loss, z, function = pl.MeanSquaredError(), Z.astype(dtype), ACTIVATIONS[layer]
    rows = exact.decimals(z)
    y = [[function(each) for each in row] if function else exact.softmax(row) for row in rows]
    value, _ = exact.mean_squared_error(y, exact.targets_of(Y.tolist(), 3, 0.0))
    record, net = one_epoch(lambda: passing([layer()], dtype=dtype), loss, z, Y, way)
    close(record.loss, float(value), dtype)
    assert np.isfinite(net.theta).all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("labels", ["several classes", "one class"])
@pytest.mark.parametrize(("n", "batch_size"), [(1, 1), (1, 32), (7, 3), (7, 1), (7, 7), (7, None)])
@pytest.mark.parametrize("kind", LOSSES)
def test_batches_of_one_and_smaller_last_ones(kind, n, batch_size, labels, way):
    """A rate so small that nothing moves: the record is the mean over all rows, whatever the batches."""
    loss, z = kind(label_smoothing=0.1), np.random.default_rng(1).normal(0, 3, (n, 3))
    y = Y[:n] if labels == "several classes" else np.full(n, 2)
    value, _ = expected_of(loss, z, y)
    record, net = one_epoch(passing, loss, z, y, way, rate=1e-30, batch_size=batch_size)
    close(record.loss, value, np.float64)
    assert record.accuracy == (z.argmax(axis=1) == y).mean()
    assert len(set(np.abs(net.theta[net.n_weights :]) > 0)) == 1  # a step has been taken, in every bias


@pytest.mark.parametrize("way", WAYS[1:])
@pytest.mark.parametrize("activation", [pl.ReLU, pl.Tanh, pl.Sigmoid, pl.LeakyReLU])
def test_a_hidden_layer_of_width_one(activation, way):
    """Batches of 4 and a last one of 2: the same as plain training of one network."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(10, 1)), rng.integers(2, size=10)

    def make():
        layers = [pl.Dense(1, bias_init=pl.normal(1)), activation(), pl.Dense(2)]
        return pl.Network(layers).build(1, rng=np.random.default_rng(3), dtype=np.float64)

    loss = pl.SoftmaxCrossEntropy()
    first, one = one_epoch(make, loss, x, y, "plain", rate=0.5, batch_size=4)
    second, other = one_epoch(make, loss, x, y, way, rate=0.5, batch_size=4)
    assert second.loss == pytest.approx(first.loss, rel=1e-13)
    np.testing.assert_allclose(other.theta, one.theta, rtol=1e-12, atol=1e-14)
    assert np.abs(one.theta - make().theta).max() > 1e-3


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("batch_size", [2, None])
def test_no_rows(way, batch_size):
    empty = np.zeros((0, 3)), np.zeros(0, int)
    message = r"x must have shape \(n, 3\) with n >= 1, got \(0, 3\)"
    loss = pl.SoftmaxCrossEntropy()
    with pytest.raises(ValueError, match="^" + message):
        one_epoch(passing, loss, *empty, way, batch_size=batch_size)
    with pytest.raises(ValueError, match="^validation " + message):
        one_epoch(passing, loss, Z, Y, way, batch_size=batch_size, validation=empty)
    with pytest.raises(ValueError, match="^batch 2: " + message):
        one_epoch(passing, loss, [(Z, Y), empty], None, way)


def test_no_rows_elsewhere():
    with pytest.raises(ValueError, match=r"x must have shape \(n, 3\) with n >= 1"):
        pl.evaluate(passing(), pl.MeanSquaredError(), np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(ValueError, match="a loss needs at least one row, got 0"):
        pl.MeanSquaredError().value_and_grad(np.zeros((0, 3)), np.zeros(0, int))
    assert passing().predict(np.zeros((0, 3))).shape == (0, 3)
