"""`train` on the double of CuPy by the layers' own passes: the CPU's bits, and no waiting in an epoch."""

import numpy as np
import pytest
from tests import strict
from tests.test_devices import DTYPES, LOSSES, same, twins

import pellucid as pl
from pellucid.backend import to_device
from pellucid.training import setup
from pellucid.training.memory_map import windows

N, N_IN = 23, 4
WAYS = {
    "mini-batches": {"batch_size": 5},
    "in their order": {"batch_size": 5, "shuffle": False},
    "batches in blocks": {"batch_size": 9, "block_rows": 4},
    "full batch": {},
    "full batch in blocks": {"block_rows": 4},
    "full batch in one pass": {"block_rows": None},
    "each batch": {"batch_size": 5, "per_batch": True},
}


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """Let the double stand for the GPU in every test here."""
    return strict.install(monkeypatch)


def layers():
    """Return one of most layers."""
    first = [pl.Rescale([0.5, 2, 1, 1], 0.25), pl.Dense(6, bias_init=pl.normal(0.1)), pl.LeakyReLU()]
    return [
        *first,
        pl.Dropout(0.3),
        pl.Dense(5),
        pl.ReLU(),
        pl.Tanh(),
        pl.Dense(5),
        pl.Sigmoid(),
        pl.Dense(3),
    ]


def data():
    """Return whole numbers, classes, and other ones to validate on."""
    rng = np.random.default_rng(5)
    x, y = rng.integers(9, size=(2 * N, N_IN), dtype=np.uint8), rng.integers(3, size=2 * N)
    return x[:N], y[:N], (x[N:], y[N:])


def run(net, x, y=None, *, loss=None, optimizer=None, epochs=3, **arguments):
    """Train without compiled steps; return the records."""
    optimizer = optimizer or pl.SGD(pl.cosine(0.3, 40), momentum=0.9, nesterov=True, weight_decay=0.01)
    loss, rng = loss or pl.SoftmaxCrossEntropy(), np.random.default_rng(2)
    return list(pl.train(net, loss, optimizer, x, y, epochs=epochs, rng=rng, compiled=False, **arguments))


def check_same(nets, *found):
    """Compare records and parameters bit by bit; the parameters must have moved."""
    assert found[0] == found[1]
    same(*(net.theta for net in nets))
    assert np.abs(nets[0].theta - twins(layers, dtype=nets[0].dtype)[0].theta).max() > 1e-2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way", WAYS)
def test_train(way, dtype):
    x, y, validation = data()
    nets = twins(layers, dtype=dtype)
    check_same(nets, *(run(net, x, y, validation=validation, **WAYS[way]) for net in nets))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("targets", [False, True])
def test_train_with_each_loss_on_classes_and_targets(loss, targets):
    x, y, _ = data()
    nets, y = twins(layers), np.eye(3)[y] if targets else y
    optimizers = pl.Adam(0.02), pl.Adam(0.02)
    found = [
        run(net, x, y, loss=loss, optimizer=adam, batch_size=5)
        for net, adam in zip(nets, optimizers, strict=True)
    ]
    check_same(nets, *found)


def test_data_may_be_on_the_device_already():
    (x, y, _), nets = data(), twins(layers)
    found = run(nets[0], x, y, batch_size=5)
    check_same(nets, found, run(nets[1], to_device(x, "gpu"), to_device(y, "gpu"), batch_size=5))


@pytest.mark.parametrize("shuffle", [True, False])
def test_windows_of_a_file(shuffle, tmp_path, monkeypatch):
    for module in (setup, windows):
        monkeypatch.setattr(module, "WINDOW_BYTES", 40)
    monkeypatch.setattr(windows, "RUN_BYTES", 12)
    (x, y, _), nets = data(), twins(layers)
    np.save(tmp_path / "x.npy", x)
    check_same(nets, *(run(net, tmp_path / "x.npy", y, batch_size=5, shuffle=shuffle) for net in nets))


def test_batches_one_by_one():
    (x, y, _), nets = data(), twins(layers)
    pairs = [(x[:9], y[:9]), (x[9:11], y[9:11]), (x[11:], y[11:])]
    check_same(nets, *(run(net, pairs) for net in nets))


@pytest.mark.parametrize("way", [way for way in WAYS if way != "each batch"])
def test_the_device_is_waited_for_at_the_end_of_an_epoch_only(way, gpu):
    """Four numbers or vectors come back then: losses, right rows, least and greatest parameter."""
    (x, y, _), (_, net) = data(), twins(layers)
    run(net, x, y, epochs=3, **WAYS[way])
    assert gpu.traffic.to_host == 3 * 4


def test_what_is_sent_are_the_data_once_and_orders_and_masks(gpu):
    (x, y, _), (_, net) = data(), twins(layers)
    run(net, x, y, epochs=3, batch_size=5)
    constants = 2  # what Rescale multiplies by and adds
    before = gpu.traffic.to_device
    run(net, x, y, epochs=3, batch_size=5)
    assert before - constants >= gpu.traffic.to_device - before == 2 + 3 * (1 + 5)


def test_a_loss_that_is_no_mean_of_rows():
    class Averaged(pl.Loss):
        def value_and_grad(self, outputs, labels):
            difference = outputs - self.targets(outputs, labels)
            return abs(difference).sum() / len(outputs), 2 * difference / len(outputs)

    (x, y, _), nets = data(), twins(layers)
    check_same(nets, *(run(net, x, y, loss=Averaged(), batch_size=5) for net in nets))


def test_a_loss_that_is_not_finite_is_reported_with_its_batch():
    (x, y, _), (_, net) = data(), twins(layers)
    before, x = net.theta.get(), x.astype(float)
    x[12] = np.finfo(float).max  # twice as much, by the first layer
    with pytest.raises(FloatingPointError, match="epoch 1: in batch 3 the loss is nan"):
        run(net, x, y, batch_size=5, shuffle=False)
    np.testing.assert_array_equal(net.theta.get(), before)


def test_networks_at_once_need_a_loss_that_tells_rows_apart():
    class Averaged(pl.Loss):
        def value_and_grad(self, outputs, labels):
            return outputs.sum() / len(outputs), outputs / len(outputs)

    nets = [pl.Network([pl.Dense(3)]).build(N_IN, rng=np.random.default_rng(i)) for i in range(2)]
    with pytest.raises(ValueError, match=r"computed row by row, .*, got Averaged\(\)"):
        pl.train_many(nets, Averaged(), pl.SGD(0.1), np.ones((4, N_IN)), np.ones(4, int), epochs=1)
