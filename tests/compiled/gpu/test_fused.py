"""Fused GPU steps, with kernels run on the processor, equal the plain layers on the CPU."""

import copy
import itertools
from functools import partial

import numpy as np
import pytest
from tests import cuda, strict

import pellucid as pl
from pellucid.backend import to_device, to_host
from pellucid.compiled.gpu.fused import FusedDescent
from pellucid.training import setup
from pellucid.training.batches import InMemory
from pellucid.training.many import Single
from pellucid.training.memory_map import windows

pytestmark = pytest.mark.skipif(cuda.COMPILER is None, reason="no C compiler to compile the kernels")

N, N_IN, K = 50, 6, 3
ACTIVATIONS = [pl.Identity, pl.ReLU, pl.LeakyReLU, pl.Sigmoid, pl.Tanh]
KINDS = [pl.SoftmaxCrossEntropy, pl.SigmoidCrossEntropy, pl.MeanSquaredError]
LOSSES = [partial(kind, label_smoothing=share) for kind in KINDS for share in (0, 0.2)]
OPTIMIZERS = [
    pl.SGD(1),
    pl.SGD(pl.cosine(0.2, 30), weight_decay=0.05),
    pl.SGD(0.1, momentum=0.9, weight_decay=0.05),
    pl.SGD(0.1, momentum=0.9, nesterov=True),
    pl.Adam(0.02, weight_decay=0.05),
    pl.Adam(pl.step_decay(0.02, 5, 0.5), beta_1=0, epsilon=1e-3),
]


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """Let the stand-in for CuPy be the GPU, and count launches from 0."""
    monkeypatch.setattr(cuda.RawModule, "launches", 0)
    return strict.install(monkeypatch)


def network(
    device, *, activation=pl.Tanh, drop_prob=0.0, first=(), last=(), n_out=K, dtype=np.float64, **arguments
):
    layers = [*first, pl.Dense(8, bias_init=pl.normal(0.1)), activation()]
    layers += [pl.Dropout(drop_prob)] if drop_prob else []
    layers += [pl.Dense(5), pl.ReLU(), pl.Dense(n_out, bias_init=pl.normal(0.1)), *last]
    net = pl.Network(layers)
    return net.build(N_IN, rng=np.random.default_rng(1), dtype=dtype, device=device, **arguments)


def data(n=N, k=K):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, N_IN)), rng.integers(max(k, 2), size=n)


def run(net, loss, optimizer, x, y, *, batch_size=16, shuffle=True, epochs=3, block_rows=None, n_a_call=1024):
    """Return losses and right rows of all steps."""
    source = InMemory(x, y, batch_size, np.random.default_rng(2) if shuffle else None, net.device)
    descent = descent_of(net, loss, optimizer, source.batch_size, block_rows)
    found = [descent.steps(*piece) for _ in range(epochs) for piece in source.epoch(n_a_call)]
    return [np.concatenate([to_host(part) for part in parts]) for parts in zip(*found, strict=True)]


def descent_of(net, loss, optimizer, batch_size, block_rows=None):
    if net.device == "gpu":
        return FusedDescent(Single(net), loss, optimizer)
    return PlainSteps(net, loss, optimizer, block_rows)


class PlainSteps:
    """Steps on the plain path, called like compiled ones."""

    def __init__(self, net, loss, optimizer, block_rows=None):
        self.net, self.loss, self.optimizer, self.block_rows = net, loss, optimizer, block_rows

    def steps(self, x, y, rows, batch_size):
        x, y = x[rows], y[rows]
        *records, _ = pl.train(
            self.net, self.loss, self.optimizer, x, y, epochs=1, batch_size=batch_size, shuffle=False,
            block_rows=self.block_rows, per_batch=True, compiled=False,
        )  # fmt: skip
        sizes = [len(x[i : i + batch_size]) for i in range(0, len(x), batch_size)]
        n_correct = [[round(r.accuracy * n)] for r, n in zip(records, sizes, strict=True)]
        return np.array([[r.loss] for r in records]), np.array(n_correct)


def compare(make, loss, optimizer, x, y, *, atol=1e-12, **arguments):
    """Train by layers on the CPU and by fused steps on the stand-in; compare everything."""
    nets = make("cpu"), make("gpu")
    start = nets[0].theta.copy()
    found = [run(net, loss, copy.deepcopy(optimizer), x, y, **arguments) for net in nets]
    thetas = [to_host(net.theta) for net in nets]
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=0, atol=atol)
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=0, atol=max(atol, 1e-12))
    np.testing.assert_array_equal(found[1][1], found[0][1])
    np.testing.assert_allclose(to_host(nets[1].grad), to_host(nets[0].grad), rtol=0, atol=atol)
    assert np.abs(thetas[0] - start).max() > 1e-3


@pytest.mark.parametrize("drop_prob", [0.0, 0.4])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation_and_loss(activation, loss, drop_prob):
    def make(device):
        return network(device, activation=activation, drop_prob=drop_prob)

    compare(make, loss(), pl.SGD(0.1), *data())


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("batch_size", [16, None])
def test_each_optimizer(optimizer, batch_size):
    compare(network, pl.SoftmaxCrossEntropy(), optimizer, *data(), batch_size=batch_size)


@pytest.mark.parametrize("loss", LOSSES[2:])
def test_one_output(loss):
    compare(lambda device: network(device, n_out=1), loss(), pl.SGD(0.1), *data(k=1))


@pytest.mark.parametrize("last", [pl.Tanh, pl.Sigmoid, pl.ReLU])
def test_an_activation_at_the_end(last):
    compare(lambda device: network(device, last=[last()]), pl.MeanSquaredError(), pl.SGD(0.5), *data())


@pytest.mark.parametrize(("n", "batch_size"), [(1, None), (17, 1), (40, 39), (300, None), (700, 300)])
def test_any_number_of_rows(n, batch_size):
    """More than 256 rows are summed in three stages; more than 256 threads run in several blocks."""
    compare(network, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), *data(n), batch_size=batch_size)


@pytest.mark.parametrize("n_a_call", [1, 2, 1024])
@pytest.mark.parametrize("shuffle", [True, False])
def test_any_number_of_steps_per_call(n_a_call, shuffle):
    compare(network, pl.SoftmaxCrossEntropy(), pl.Adam(), *data(), shuffle=shuffle, n_a_call=n_a_call)


def test_a_single_dense_layer():
    def make(device):
        return pl.Network([pl.Dense(K)]).build(N_IN, rng=np.random.default_rng(0), dtype=float, device=device)

    compare(make, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), *data())


@pytest.mark.parametrize("first", [[], [pl.Rescale(1 / 255)], [pl.Rescale(np.arange(1, 7) / 99, -0.5)]])
@pytest.mark.parametrize("kind", ["uint8", "bool", "int64", "float16", "float32"])
def test_data_of_any_dtype(kind, first):
    x, y = data()
    x = (100 * abs(x)).astype(kind)
    scale = [] if first else [pl.Rescale(0.01)]
    compare(
        lambda device: network(device, first=copy.deepcopy([*first, *scale])),
        pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint32", "bool"])
def test_labels_of_any_dtype(kind):
    x, y = data(k=2)
    compare(network, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y.astype(kind))


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_float32(kind):
    x, y = data()

    def make(device):
        return network(device, dtype=np.float32, first=[pl.Rescale(0.01, 0.3)], drop_prob=0.3)

    compare(make, pl.SoftmaxCrossEntropy(), pl.Adam(), (90 * abs(x)).astype(kind), y, atol=2e-6)


def test_rows_that_are_not_contiguous():
    x, y = data(2 * N)
    compare(network, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), np.asfortranarray(x)[::2], y[::2])
    there = [to_device(x, "gpu")[::2], to_device(y, "gpu")[::2]]
    nets = network("cpu"), network("gpu")
    run(nets[0], pl.MeanSquaredError(), pl.SGD(0.1), x[::2], y[::2], shuffle=False)
    run(nets[1], pl.MeanSquaredError(), pl.SGD(0.1), *there, shuffle=False)
    np.testing.assert_allclose(to_host(nets[1].theta), nets[0].theta, rtol=0, atol=1e-12)


@pytest.mark.parametrize("drop_prob", [0.0, 0.4])
@pytest.mark.parametrize("batch_size", [None, 20])
def test_with_little_memory_batches_are_cut_into_blocks(batch_size, drop_prob, gpu):
    gpu.cuda.runtime.memGetInfo = lambda: (2 * 7 * 8 * 50, 2**30)
    make = lambda device: network(device, drop_prob=drop_prob)  # noqa: E731
    net = make("gpu")
    assert 2 <= FusedDescent(Single(net), pl.MeanSquaredError(), pl.SGD(0.1)).max_rows <= 16
    compare(make, pl.SoftmaxCrossEntropy(), pl.SGD(0.1, momentum=0.5), *data(), batch_size=batch_size)


def test_full_batch_rescales_once(monkeypatch):
    (x, y), net = data(), network("gpu")
    descent, there = descent_of(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), N), to_device(x, "gpu")
    launches = []
    for rows in (slice(0, N), slice(0, N), slice(0, N - 1), slice(0, N), slice(0, N)):
        before = cuda.RawModule.launches
        descent.steps(there, to_device(y, "gpu"), rows, N)
        launches.append(cuda.RawModule.launches - before)
    once = launches[1]
    assert launches == [once + 1, once, once + 1, once + 1, once]


def test_a_different_x_in_full_batch_is_rescaled_again():
    (x, y), nets = data(), (network("cpu"), network("gpu"))
    for net in nets:
        descent, labels = descent_of(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), N), to_device(y, net.device)
        for values in (x, 2 * x, x):
            descent.steps(to_device(values, net.device), labels, slice(0, N), N)
    np.testing.assert_allclose(to_host(nets[1].theta), nets[0].theta, rtol=0, atol=1e-12)


def test_a_mask_fixed_between_epochs():
    (x, y), nets = data(), (network("cpu", drop_prob=0.4), network("gpu", drop_prob=0.4))
    for net in nets:
        loss, optimizer = pl.SoftmaxCrossEntropy(), pl.SGD(0.1)
        descent = descent_of(net, loss, optimizer, 16)
        for mask in (None, [1, 0, 1, 1, 0, 1, 0, 1], None):
            net.layers[2].fix_mask(mask)
            descent.steps(to_device(x, net.device), to_device(y, net.device), slice(0, N), 16)
    np.testing.assert_allclose(to_host(nets[1].theta), nets[0].theta, rtol=0, atol=1e-12)


def test_fused_and_plain_steps_take_turns():
    """Both share the optimizer's state and step number."""
    (x, y), cpu, net = data(), network("cpu"), network("gpu")
    optimizers = pl.Adam(pl.one_cycle(0.05, 24)), pl.Adam(pl.one_cycle(0.05, 24))
    run(cpu, pl.SoftmaxCrossEntropy(), optimizers[0], x, y, shuffle=False, epochs=6)
    for fused in (True, False, True):
        plain = PlainSteps(net, pl.SoftmaxCrossEntropy(), optimizers[1])
        descent = descent_of(net, pl.SoftmaxCrossEntropy(), optimizers[1], 16) if fused else plain
        for _ in range(2):
            descent.steps(to_device(x, "gpu"), to_device(y, "gpu"), slice(0, N), 16)
    assert optimizers[0].step_number == optimizers[1].step_number == 24
    np.testing.assert_allclose(to_host(net.theta), cpu.theta, rtol=0, atol=1e-12)


def test_steps_never_wait_and_send_only_rows_and_masks(gpu):
    (x, y), net = data(), network("gpu", drop_prob=0.4)
    descent = descent_of(net, pl.SoftmaxCrossEntropy(), pl.Adam(), 16)
    source = InMemory(x, y, 16, np.random.default_rng(2), "gpu")
    [piece] = source.epoch(1024)
    descent.steps(*piece)
    before = copy.copy(gpu.traffic)
    [piece] = source.epoch(1024)
    descent.steps(*piece)
    n_steps = 4
    assert (gpu.traffic.to_host, gpu.traffic.to_device) == (0, before.to_device + 1 + n_steps)


def test_launches_of_a_step():
    """A network like workload F: 9 kernels and 5 products per step, 2 kernels at the end of a call."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(256, size=(1280, N_IN), dtype=np.uint8), rng.integers(10, size=1280)
    net = pl.Network([pl.Rescale(1 / 255), pl.Dense(9), pl.ReLU(), pl.Dense(10)])
    net.build(N_IN, rng=rng, device="gpu")
    run(net, pl.SoftmaxCrossEntropy(), pl.Adam(), x, y, batch_size=128, epochs=1)
    per_call = 2
    assert cuda.RawModule.launches == 10 * 9 + per_call


def test_threads_in_any_order(monkeypatch):
    thetas = []
    for backwards in (False, True):
        monkeypatch.setattr(cuda.RawModule, "backwards", backwards)
        net = network("gpu", drop_prob=0.3)
        run(net, pl.SoftmaxCrossEntropy(), pl.Adam(0.1), *data(300), batch_size=None)
        thetas.append(to_host(net.theta))
    np.testing.assert_array_equal(*thetas)


@pytest.mark.parametrize(("activation", "loss"), list(itertools.product(ACTIVATIONS, LOSSES)))
def test_nan_stays_nan(activation, loss):
    (x, y), net = data(), network("gpu", activation=activation, drop_prob=0.4)
    x[3, 2] = np.nan
    losses, _ = run(net, loss(), pl.SGD(0.1), x, y, shuffle=False, epochs=1)
    assert np.isnan(losses).all()
    assert np.isnan(to_host(net.theta)).any()


def test_large_logits_overflow_nothing():
    (x, y), make = data(), lambda device: network(device, activation=pl.Sigmoid)
    with np.errstate(over="ignore"):
        for loss in LOSSES[:4]:
            compare(make, loss(), pl.SGD(1e-3), 1e4 * x, y, atol=1e-9)


def test_tf32_rounds_the_products(gpu):
    thetas = []
    for tf32 in (False, True):
        net = network("gpu", dtype=np.float32, tf32=tf32)
        run(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), *data(), epochs=1)
        thetas.append(to_host(net.theta))
    assert 1e-6 < np.abs(thetas[1] - thetas[0]).max() < 1e-3
    assert gpu.compute_type == strict.DEFAULT


def test_an_optimizer_of_another_network_is_refused():
    optimizer = pl.Adam()
    optimizer.step(np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match="this optimizer has stepped 3 parameters"):
        run(network("gpu"), pl.SoftmaxCrossEntropy(), optimizer, *data())


def test_targets_are_refused():
    x, y = data()
    with pytest.raises(ValueError, match="cannot be compiled: the labels are targets"):
        run(network("gpu"), pl.MeanSquaredError(), pl.SGD(0.1), x, np.eye(K)[y])


def train(net, x, y=None, *, loss=None, epochs=3, **arguments):
    """Train as users do; return the records."""
    optimizer, rng = pl.SGD(0.1, momentum=0.9, weight_decay=0.01), np.random.default_rng(2)
    loss = loss or pl.SoftmaxCrossEntropy()
    return list(pl.train(net, loss, optimizer, x, y, epochs=epochs, rng=rng, **arguments))


WAYS = [
    {},
    {"block_rows": 7},
    {"batch_size": 16},
    {"batch_size": 16, "shuffle": False},
    {"batch_size": 16, "per_batch": True},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_train(way):
    (x, y), nets = data(), [network(device, drop_prob=0.3) for device in ("cpu", "gpu")]
    found = [
        train(net, x, y, compiled=None if net.device == "gpu" else False, validation=(x[:9], y[:9]), **way)
        for net in nets
    ]
    assert cuda.RawModule.launches > 0
    np.testing.assert_allclose(to_host(nets[1].theta), nets[0].theta, rtol=0, atol=1e-12)
    numbers = [
        [
            (r.epoch, r.batch or 0, r.loss, r.accuracy, r.validation_loss or 0, r.validation_accuracy or 0)
            for r in records
        ]
        for records in found
    ]
    np.testing.assert_allclose(numbers[1], numbers[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("way", WAYS[:4], ids=str)
def test_train_waits_at_the_end_of_an_epoch_only(way, gpu):
    """Four arrays are copied to the host: losses, right rows, smallest and largest parameter."""
    train(network("gpu", drop_prob=0.3), *data(), **way)
    assert gpu.traffic.to_host == 3 * 4


def test_train_from_a_file_window_by_window(tmp_path, monkeypatch):
    for module in (setup, windows):
        monkeypatch.setattr(module, "WINDOW_BYTES", 20 * N_IN * 8)
    monkeypatch.setattr(windows, "RUN_BYTES", 4 * N_IN * 8)
    (x, y), nets = data(), [network(device) for device in ("cpu", "gpu")]
    np.save(tmp_path / "x.npy", x)
    for net in nets:
        train(net, tmp_path / "x.npy", y, batch_size=5, compiled=net.device == "gpu")
    np.testing.assert_allclose(to_host(nets[1].theta), nets[0].theta, rtol=0, atol=1e-12)


@pytest.mark.parametrize("compiled", [None, True])
def test_train_on_batches_that_come_one_by_one(compiled):
    """Steps are fused only on request: labels that are not known in advance may be targets."""
    (x, y), nets = data(), [network(device) for device in ("cpu", "gpu")]
    pairs = [(x[:20], y[:20]), (x[20:27], y[20:27]), (x[27:], y[27:])]
    for net in nets:
        train(net, pairs, compiled=compiled if net.device == "gpu" else False)
    assert (cuda.RawModule.launches > 0) is (compiled is True)
    np.testing.assert_allclose(to_host(nets[1].theta), nets[0].theta, rtol=0, atol=1e-12)


def test_train_by_the_layers_on_request_or_if_necessary():
    x, y = data()
    train(network("gpu"), x, y, compiled=False)
    train(network("gpu"), x, np.eye(K)[y])
    train(network("gpu", last=[pl.Softmax()]), x, y, loss=pl.MeanSquaredError())
    assert cuda.RawModule.launches == 0
    with pytest.raises(ValueError, match=r"compiled=True is not possible: Softmax.* in layers\[5\]"):
        train(network("gpu", last=[pl.Softmax()]), x, y, loss=pl.MeanSquaredError(), compiled=True)


def test_train_restores_theta_if_a_loss_is_not_finite():
    (x, y), net = data(), network("gpu", first=[pl.Rescale(10)])
    before = to_host(net.theta)
    x[20] = np.finfo(float).max
    with pytest.raises(FloatingPointError, match="epoch 1: in batch 2 the loss is nan"):
        train(net, x, y, batch_size=16, shuffle=False)
    np.testing.assert_array_equal(to_host(net.theta), before)
