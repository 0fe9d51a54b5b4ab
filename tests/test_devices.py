"""`device="gpu"` on a strict stand-in for CuPy: the same bits as on the CPU, and no implicit copies."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from tests import cuda, strict
from tests.layers.test_contract import ALL, WIDTH, make

import pellucid as pl
from pellucid.backend import to_device, to_host
from pellucid.files import whole as files
from pellucid.metrics import count_correct

LOSSES = [pl.SoftmaxCrossEntropy(), pl.SigmoidCrossEntropy(), pl.MeanSquaredError()]
DTYPES = [np.float32, np.float64]
DEVICES = ["cpu", "gpu"]


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """Use the stand-in as the GPU in every test of this module."""
    return strict.install(monkeypatch)


def same(on_cpu, on_gpu):
    """Compare an array of the host with one of the device, bit by bit."""
    assert isinstance(on_cpu, np.ndarray | np.generic)
    assert isinstance(on_gpu, strict.StrictArray)
    assert on_gpu.dtype == on_cpu.dtype
    np.testing.assert_array_equal(to_host(on_gpu), on_cpu)


def twins(make_layers, *, n_in=WIDTH, seed=3, dtype=np.float64, **on_gpu):
    """Return two equal networks, one on each device."""
    return [
        pl.Network(make_layers()).build(n_in, rng=np.random.default_rng(seed), dtype=dtype, **where)
        for where in ({"device": "cpu"}, {"device": "gpu", **on_gpu})
    ]


def mixed():
    """Return a list with most kinds of layers."""
    layers = [pl.Rescale([0.5, 2, 1, 1], 0.25), pl.Dense(6, bias_init=pl.normal(0.1)), pl.LeakyReLU()]
    layers += [pl.Dropout(0.3), pl.Dense(5), pl.ReLU(), pl.Tanh(), pl.Dense(5), pl.Sigmoid(), pl.Dense(3)]
    return layers


def take_steps(net, loss, optimizer, x, y, n_steps=3):
    for _ in range(n_steps):
        _, dy = loss.rows(net.forward(x, train=True), y)
        net.backward(dy)
        optimizer.step(net.theta, net.grad, net.n_weights)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ALL)
def test_layer(name, dtype, rng):
    layers = [net.layers[0] for net in twins(lambda: [make(name, fixed=False)], dtype=dtype)]
    for layer in layers:
        layer.needs_dx = True
    for n_rows, train in itertools.product((5, 9, 2, 9), (False, True)):
        x, dy = (rng.normal(size=(n_rows, WIDTH)).astype(dtype) for _ in range(2))
        same(
            *(layer.forward(to_device(x, at), train=train) for layer, at in zip(layers, DEVICES, strict=True))
        )
        same(*(layer.backward(to_device(dy.copy(), at)) for layer, at in zip(layers, DEVICES, strict=True)))
        for parameter in layers[0].parameter_shapes():
            same(*(getattr(layer, "d" + parameter) for layer in layers))


@pytest.mark.parametrize("pair", list(itertools.product(ALL, ALL)), ids="-".join)
def test_pair_trained(pair, rng):
    x, y = rng.normal(size=(8, WIDTH)), rng.integers(3, size=8)
    nets = twins(lambda: [*(make(name, fixed=False) for name in pair), pl.Dense(3)])
    for net, at in zip(nets, DEVICES, strict=True):
        optimizer = pl.SGD(0.1, momentum=0.9)
        take_steps(net, pl.SoftmaxCrossEntropy(), optimizer, to_device(x, at), to_device(y, at))
    same(*(net.theta for net in nets))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["classes", "targets", "one output"])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_loss(loss, kind, dtype, rng, gpu):
    n_outputs = 1 if kind == "one output" and not isinstance(loss, pl.SoftmaxCrossEntropy) else 4
    outputs, labels = rng.normal(0, 3, (7, n_outputs)).astype(dtype), rng.integers(max(n_outputs, 2), size=7)
    labels = rng.dirichlet(np.ones(n_outputs), 7).astype(dtype) if kind == "targets" else labels
    on_gpu = to_device(outputs, "gpu"), to_device(labels, "gpu")
    sent = gpu.traffic.to_device
    value, dy = loss.value_and_grad(outputs, labels)
    expected = value, dy.copy()
    for found, wanted in zip(loss.value_and_grad(*on_gpu), expected, strict=True):
        same(wanted, found)
    values, dy = loss.rows(outputs, labels)
    expected, before = (values, dy.copy()), copy.copy(gpu.traffic)
    found = loss.rows(*on_gpu)
    assert gpu.traffic == before
    assert before.to_device == sent
    same(expected[0], found[0])
    same(expected[1], found[1])
    assert float(values.mean()) == pytest.approx(float(value), rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_labels_on_either_side_are_checked(loss, gpu):
    outputs = to_device(np.zeros((3, 4)), "gpu")
    for wrong, where in itertools.product(([0, 4, 1], [0, 1, -1]), DEVICES):
        with pytest.raises(
            ValueError, match=r"labels must be class numbers from 0 to 3, got (4 in row 1|-1 in row 2)"
        ):
            loss.value_and_grad(outputs, to_device(np.array(wrong), where))
    gpu.traffic.to_host = 0
    loss.value_and_grad(outputs, np.array([0, 1, 2]))
    assert gpu.traffic.to_host == 0


def test_a_user_defined_loss(rng):
    class ByRows(pl.Loss):
        def rows(self, outputs, labels):
            difference = outputs - self.as_targets(outputs, labels)
            return abs(difference).sum(axis=1), 2 * difference

    class Averaged(pl.Loss):
        def value_and_grad(self, outputs, labels):
            difference = outputs - self.targets(outputs, labels)
            return abs(difference).sum() / len(outputs), 2 * difference / len(outputs)

    outputs, labels = rng.normal(size=(4, 3)), np.array([0, 1, 2, 1])
    results = [
        loss().value_and_grad(to_device(outputs, at), labels) for loss in (ByRows, Averaged) for at in DEVICES
    ]
    for i in (0, 2):
        same(results[i][0], results[i + 1][0])
        same(results[i][1], results[i + 1][1])
    assert float(results[0][0]) == pytest.approx(float(results[2][0]), rel=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "optimizer",
    [
        pl.SGD(0.1),
        pl.SGD(pl.cosine(0.1, 9), momentum=0.9, nesterov=True, weight_decay=0.1),
        pl.Adam(weight_decay=0.1),
    ],
    ids=repr,
)
def test_optimizer(optimizer, dtype, rng, gpu):
    start, grads = rng.normal(size=9).astype(dtype), rng.normal(size=(5, 9)).astype(dtype)
    thetas = [to_device(start.copy(), at) for at in DEVICES]
    for theta, at in zip(thetas, DEVICES, strict=True):
        ours, sent = copy.deepcopy(optimizer), [to_device(grad, at) for grad in grads]
        before = copy.copy(gpu.traffic)
        for grad in sent:
            ours.step(theta, grad, 6)
        assert gpu.traffic == before
    same(*thetas)


@pytest.mark.parametrize("optimizer", [pl.SGD(0.1, momentum=0.9), pl.Adam()], ids=repr)
def test_what_an_optimizer_remembers_follows_theta_and_travels_on_the_host(optimizer, rng):
    grads = rng.normal(size=(6, 9))
    expected, theta = np.zeros(9), np.zeros(9)
    stayed, moved = copy.deepcopy(optimizer), copy.deepcopy(optimizer)
    for i, at in enumerate(["cpu", "gpu", "gpu", "cpu", "gpu", "gpu"]):
        stayed.step(expected, grads[i])
        theta = to_device(theta, at)
        moved.step(theta, to_device(grads[i], at))
        moved = pickle.loads(pickle.dumps(moved)) if i % 2 else moved
    same(expected, theta)
    assert all(isinstance(kept, np.ndarray) for kept in pickle.loads(pickle.dumps(moved)).state.values())


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_network_begins_and_trains_with_the_same_numbers(dtype, rng, gpu):
    """A step never waits for the GPU, and sends it one dropout mask."""
    nets = twins(mixed, dtype=dtype)
    same(*(net.theta for net in nets))
    x, y = rng.integers(9, size=(20, WIDTH), dtype=np.uint8), rng.integers(3, size=20)
    for net, at in zip(nets, DEVICES, strict=True):
        here = to_device(x, at), to_device(y, at)
        take_steps(net, pl.SoftmaxCrossEntropy(), pl.Adam(), *here)
        before = copy.copy(gpu.traffic)
        take_steps(net, pl.SoftmaxCrossEntropy(), pl.Adam(), *here, n_steps=4)
        count_correct(net.forward(here[0]), here[1], 0.0)
    assert (gpu.traffic.to_host, gpu.traffic.to_device) == (before.to_host, before.to_device + 4)
    same(*(net.theta for net in nets))
    assert np.abs(nets[0].theta - twins(mixed, dtype=dtype)[0].theta).max() > 1e-4


def test_prediction_goes_block_by_block_and_comes_back_to_the_host(rng, gpu):
    cpu, net = twins(mixed)
    x = rng.normal(size=(23, WIDTH))
    expected = cpu.predict(x)
    net.predict(x)  # what Rescale multiplies by is sent once
    for data in (x, x.tolist(), x.astype(">f8")):
        gpu.traffic.to_host = gpu.traffic.to_device = 0
        predicted = net.predict(data, block_rows=10)
        assert isinstance(predicted, np.ndarray)
        np.testing.assert_array_equal(predicted, cpu.predict(x, block_rows=10))
        assert gpu.traffic == strict.Traffic(3, 3)
    np.testing.assert_array_equal(net.predict(to_device(x, "gpu")), expected)
    same(cpu.forward(x.astype("f4")), net.forward(x.astype("f4")))


def test_data_on_the_gpu_are_not_taken_back_unasked(rng):
    cpu, net = twins(mixed)
    x = to_device(np.ones((2, WIDTH)), "gpu")
    assert isinstance(net.forward(x), strict.StrictArray)
    for use in (cpu.forward, cpu.predict):
        with pytest.raises(
            ValueError, match=r'x is on the GPU, the network on the CPU: call net\.to\("gpu"\)'
        ):
            use(x)


def test_moved_there_and_back(rng):
    cpu, net = twins(mixed)
    x, y = rng.normal(size=(6, WIDTH)), rng.integers(3, size=6)
    loss, stayed, moved = pl.MeanSquaredError(), pl.Adam(0.1), pl.Adam(0.1)
    for at in ("cpu", "gpu", "gpu", "cpu"):
        assert net.to(at) is net
        assert net.device == at
        theta, grad = net.theta, net.grad
        net.to(at)  # where it is: nothing happens
        assert net.theta is theta
        assert net.grad is grad
        take_steps(cpu, loss, stayed, x, y)
        take_steps(net, loss, moved, to_device(x, at), to_device(y, at))
    np.testing.assert_array_equal(net.theta, cpu.theta)
    np.testing.assert_array_equal(net.predict(x), cpu.predict(x))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_stands_on_the_device_too(again, rng):
    cpu, net = twins(mixed)
    net.forward(rng.normal(size=(3, WIDTH)), train=True)
    cpu.forward(rng.normal(size=(3, WIDTH)), train=True)
    twin, x, y = again(net), rng.normal(size=(6, WIDTH)), rng.integers(3, size=6)
    assert (twin.device, twin.tf32) == ("gpu", False)
    take_steps(twin, pl.MeanSquaredError(), pl.SGD(0.1), to_device(x, "gpu"), to_device(y, "gpu"))
    same(twins(mixed)[0].theta, net.theta)
    take_steps(cpu, pl.MeanSquaredError(), pl.SGD(0.1), x, y)
    same(cpu.theta, twin.theta)


def test_files_know_no_device(tmp_path, rng):
    cpu, net = twins(mixed)
    paths = [tmp_path / "cpu", tmp_path / "gpu"]
    cpu.save(paths[0])
    net.save(paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()
    x = rng.normal(size=(4, WIDTH))
    for path, at in itertools.product(paths, DEVICES):
        loaded = pl.Network.load(path, device=at)
        assert loaded.device == at
        np.testing.assert_array_equal(loaded.predict(x), cpu.predict(x))
    same(cpu.theta, loaded.theta)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_gradient_check(loss, rng):
    nets = twins(lambda: [pl.Dense(4), pl.LeakyReLU(), pl.Dropout(0.2), pl.Dense(3), pl.Tanh()])
    x, y = rng.normal(size=(5, WIDTH)), rng.integers(3, size=5)
    found = []
    for net in nets:
        net.layers[2].fix_mask([1, 0, 1, 1])
        before = to_host(net.theta).copy()
        found.append(pl.gradcheck(net, loss, x, y, rng=np.random.default_rng(1), directions=1))
        np.testing.assert_array_equal(to_host(net.theta), before)
    assert found[0] == found[1]
    assert all(check.passed for check in found[0])


def test_counting_right_rows(gpu):
    for outputs, labels in (
        ([[0.1, 0.9], [0.8, 0.2], [0.3, 0.4]], [1, 0, 0]),
        ([[0.4], [0.6], [0.7]], [[0.0], [1.0], [0.0]]),
    ):
        count = count_correct(to_device(outputs, "gpu"), to_device(labels, "gpu"), 0.5)
        assert gpu.traffic.to_host == 0
        assert count.item() == 2
        gpu.traffic.to_host = 0


def test_tf32_rounds_the_products_alone(rng, gpu):
    """Operands of 11 bits in all: 1 + 2⁻¹¹ is 1 (half goes up: 1 + 2⁻¹⁰), and W = 1 keeps the sum exact."""
    net = pl.Network([pl.Dense(1, init=pl.uniform(1, 1 + 1e-12))]).build(2, rng=rng, device="gpu", tf32=True)
    x = np.array([[1 + 2**-12, 2**-20], [1 + 2**-10, 3.0]], np.float32)
    assert net.predict(x).tolist() == [[1 + 2**-20], [4 + 2**-10]]
    assert net.to("gpu").predict(x).tolist() == [[1 + 2**-12 + 2**-20], [4 + 2**-10]]
    assert net.tf32 is False
    assert net.to("gpu", tf32=True).predict(x)[0] == 1 + 2**-20
    assert copy.deepcopy(net).predict(x)[0] == 1 + 2**-20
    assert gpu.compute_type == strict.DEFAULT


def test_the_choice_of_tf32_is_taken_back_after_an_error(rng, gpu):
    net = pl.Network([pl.Dense(2)]).build(3, rng=rng, device="gpu", tf32=True)
    with pytest.raises(ValueError, match="matmul"):
        net.layers[0].forward(to_device(np.ones((2, 4), np.float32), "gpu"), train=False)
    assert gpu.compute_type == strict.DEFAULT


def test_tf32_is_refused_where_it_means_nothing(rng):
    net = pl.Network([pl.Dense(2)])
    with pytest.raises(ValueError, match="tf32 needs dtype float32, got float64"):
        net.build(3, rng=rng, dtype=float, device="gpu", tf32=True)
    with pytest.raises(ValueError, match='tf32 needs device="gpu", got device="cpu"'):
        net.build(3, rng=rng, tf32=True)
    assert not net.built
    net.build(3, rng=rng, dtype=float, device="gpu")
    with pytest.raises(ValueError, match="tf32 needs dtype"):
        net.to("gpu", tf32=True)
    assert (net.device, net.tf32) == ("gpu", False)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_resumed_training_gives_the_same_bits(compiled, tmp_path, monkeypatch):
    if compiled and cuda.COMPILER is None:
        pytest.skip("there is no C compiler to run the kernels by")

    class Break(files.System):
        def sync_folder(self, folder):
            raise KeyboardInterrupt

    def train(name, *, resume=False):
        layers = [pl.Dense(6), pl.Tanh(), pl.Dropout(0.3), pl.Dense(3)]
        net = pl.Network(layers).build(WIDTH, rng=np.random.default_rng(3), device="gpu")
        rng = np.random.default_rng(5)
        x, y = rng.normal(size=(30, WIDTH)), rng.integers(3, size=30)
        for record in pl.train(
            net, pl.SoftmaxCrossEntropy(), pl.Adam(), x, y, epochs=3, batch_size=7, rng=rng,
            compiled=compiled, checkpoint=tmp_path / name, every=3, resume=resume,
        ):  # fmt: skip
            last = record
        return to_host(net.theta).tobytes(), last

    whole = train("whole")
    monkeypatch.setattr(files, "SYSTEM", Break())
    with pytest.raises(KeyboardInterrupt):
        train("broken")
    monkeypatch.setattr(files, "SYSTEM", files.System())
    assert train("broken", resume=True) == whole


def test_deterministic_training_is_for_the_cpu(rng):
    net = twins(mixed)[1]
    x, y = rng.normal(size=(9, WIDTH)), rng.integers(3, size=9)
    with pytest.raises(ValueError, match="deterministic=True is for the CPU, got a network on 'gpu'"):
        pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y, epochs=1, deterministic=True)
