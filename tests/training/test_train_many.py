"""`train_many` gives each network what `train` gives it alone, plain and compiled."""

import copy
from functools import partial

import numpy as np
import pytest

import pellucid as pl

N, N_IN = 41, 5
OPTIMIZERS = {
    "momentum": partial(pl.SGD, 0.1, momentum=0.9, weight_decay=0.05),
    "nesterov": partial(pl.SGD, pl.cosine(0.1, 30), momentum=0.9, nesterov=True),
    "adam": partial(pl.Adam, 0.02, weight_decay=0.1),
}
WAYS = [{"batch_size": 8}, {"batch_size": 16, "block_rows": 5}, {}, {"block_rows": 7}]


def data(seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(256, size=(N, N_IN), dtype=np.uint8), rng.integers(3, size=N)


def networks(k=3, *, layers=None, dtype=np.float64):
    layers = layers or [
        pl.Rescale(1 / 100, -1),
        pl.Dense(6, bias_init=pl.normal(0.3)),
        pl.Tanh(),
        pl.Dropout(0.3),
        pl.Dense(4),
        pl.LeakyReLU(),
        pl.Dense(3),
    ]
    nets = [pl.Network(copy.deepcopy(layers)) for _ in range(k)]
    return [net.build(N_IN, rng=np.random.default_rng(i), dtype=dtype) for i, net in enumerate(nets)]


def train(one_or_many, optimizer, *, loss=None, epochs=3, **arguments):
    """Train with what every run here shares; return the records."""
    call = pl.train_many if isinstance(one_or_many, list) else pl.train
    rng, loss = np.random.default_rng(5), loss or pl.SoftmaxCrossEntropy()
    return list(call(one_or_many, loss, optimizer, *data(), epochs=epochs, rng=rng, **arguments))


def check_same(nets, twins, optimizer, *, bound=1e-12, compiled=False, **arguments):
    """Train networks together and their twins one by one, and compare parameters, records and generators."""
    found = train(nets, optimizer(), compiled=compiled, **arguments)
    for j, (net, twin) in enumerate(zip(nets, twins, strict=True)):
        start = twin.theta.copy()
        expected = train(twin, optimizer(), compiled=False, **arguments)
        assert np.abs(net.theta - twin.theta).max() <= bound * np.abs(twin.theta).max()
        assert np.abs(start - twin.theta).max() > 1e-2
        own = [records[j] for records in found]
        for ours, theirs in zip(own, expected, strict=True):
            assert (ours.epoch, ours.batch) == (theirs.epoch, theirs.batch)
            figures = [
                (r.loss, r.accuracy, r.validation_loss or 0, r.validation_accuracy or 0)
                for r in (ours, theirs)
            ]
            np.testing.assert_allclose(*figures, rtol=bound)
        states = [[generator.bit_generator.state for generator in each.generators] for each in (net, twin)]
        assert states[0] == states[1]
    assert len({net.theta[0] for net in nets}) == len(nets)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_gets_what_it_gets_alone(optimizer, way, compiled):
    arguments = {"validation": data(9), "compiled": compiled, **way}
    check_same(networks(), networks(), OPTIMIZERS[optimizer], **arguments)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("compiled", [False, True])
def test_so_do_many_that_are_computed_in_two_sets(compiled, way, n_threads, monkeypatch):
    """Of two networks and three."""
    monkeypatch.setattr("pellucid.compiled.threads.workers.n_threads", lambda: n_threads)
    check_same(networks(5), networks(5), OPTIMIZERS["adam"], compiled=compiled, **way)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("loss", [pl.SoftmaxCrossEntropy, pl.SigmoidCrossEntropy, pl.MeanSquaredError])
def test_losses_and_records_a_batch(loss, compiled):
    arguments = {"loss": loss(), "per_batch": True, "batch_size": 8, "compiled": compiled}
    check_same(networks(2), networks(2), OPTIMIZERS["momentum"], **arguments)


@pytest.mark.parametrize("compiled", [False, True])
def test_one_network(compiled):
    check_same(networks(1), networks(1), OPTIMIZERS["adam"], batch_size=8, compiled=compiled)


@pytest.mark.parametrize("compiled", [False, True])
def test_float32(compiled):
    make = partial(
        networks, dtype=np.float32, layers=[pl.Rescale(1 / 100), pl.Dense(6), pl.Tanh(), pl.Dense(3)]
    )
    check_same(make(), make(), OPTIMIZERS["momentum"], batch_size=8, compiled=compiled, bound=1e-5)


def test_layers_that_are_not_compiled_go_the_plain_way():
    layers = [pl.Rescale(1 / 100), pl.Dense(6), pl.Softmax(), pl.Dense(3), pl.Tanh()]
    nets, twins = networks(layers=layers), networks(layers=layers)
    with pytest.raises(ValueError, match=r"compiled=True is not possible: Softmax in layers\[2\]"):
        train(nets, pl.SGD(0.1), compiled=True)
    check_same(nets, twins, OPTIMIZERS["momentum"], compiled=None, batch_size=8)


@pytest.mark.parametrize("compiled", [False, True])
def test_parameters_are_there_after_each_record(compiled):
    nets, twins = networks(2), networks(2)
    arguments = {"batch_size": 8, "per_batch": True, "compiled": compiled, "epochs": 1}
    thetas = []
    rng, loss = np.random.default_rng(5), pl.SoftmaxCrossEntropy()
    for _ in pl.train_many(nets, loss, pl.SGD(0.1), *data(), rng=rng, **arguments):
        thetas.append(nets[1].theta.copy())
    rng = np.random.default_rng(5)
    expected = pl.train(twins[1], loss, pl.SGD(0.1), *data(), rng=rng, **arguments)
    for theta, _ in zip(thetas, expected, strict=True):
        np.testing.assert_allclose(theta, twins[1].theta, rtol=0, atol=1e-12)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_loss_that_is_not_finite_names_the_network(compiled):
    nets = networks()
    nets[1].theta[:3] = np.nan
    before = [net.theta.copy() for net in nets]
    with pytest.raises(FloatingPointError, match=r"epoch 1: in batch 1 the loss of nets\[1\] is nan, not"):
        train(nets, pl.SGD(0.1), batch_size=8, compiled=compiled)
    for net, theta in zip(nets, before, strict=True):
        np.testing.assert_array_equal(net.theta, theta)


class Averaged(pl.Loss):
    """A loss that is no mean of rows."""

    def value_and_grad(self, outputs, labels):
        difference = outputs - self.targets(outputs, labels)
        return abs(difference).sum() / len(outputs), np.sign(difference) / len(outputs)


@pytest.mark.parametrize(
    ("nets", "loss", "error", "message"),
    [
        ([], None, ValueError, "nets must hold at least one network, got an empty list"),
        ([networks(1)[0]] * 2, None, ValueError, "must be different networks, got the same one twice"),
        ([*networks(1), "net"], None, TypeError, r"nets\[1\] must be a pellucid.Network"),
        ([*networks(1), pl.Network([pl.Dense(3)])], None, RuntimeError, "no parameters yet"),
        ([*networks(1), *networks(1, dtype=np.float32)], None, ValueError, r"dtype of nets\[1\] are"),
        (networks(2), Averaged(), ValueError, "computed row by row, with a method `rows`, got Averaged"),
    ],
)  # fmt: skip
def test_the_call_itself_raises(nets, loss, error, message):
    with pytest.raises(error, match=message):
        pl.train_many(nets, loss or pl.SoftmaxCrossEntropy(), pl.SGD(0.1), *data(), epochs=1)


@pytest.mark.parametrize("compiled", [False, True])
def test_the_optimizer_given_stays_as_it_is(compiled):
    optimizer = pl.Adam()
    train(networks(2), optimizer, batch_size=8, compiled=compiled)
    assert (optimizer.step_number, optimizer.state) == (0, {})


@pytest.mark.parametrize("compiled", [False, True])
def test_an_optimizer_of_another_network(compiled):
    optimizer = pl.Adam()
    train(networks(1)[0], optimizer, batch_size=8)
    with pytest.raises(ValueError, match=r"this optimizer has stepped \d+ parameters .*: make a new one"):
        train(networks(3), optimizer, batch_size=8, compiled=compiled)
