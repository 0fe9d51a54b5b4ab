"""Training on a GPU, if there is one, equals training on the CPU to rounding."""

import copy

import numpy as np
import pytest

import pellucid as pl
from pellucid.backend import array_module, to_device, to_host

try:
    array_module("gpu")
except (ImportError, RuntimeError) as error:
    pytest.skip(str(error), allow_module_level=True)


def network(dtype, **where):
    layers = [pl.Rescale(0.1), pl.Dense(64), pl.LeakyReLU(), pl.Dropout(0.2), pl.Dense(32), pl.Tanh()]
    net = pl.Network([*layers, pl.Dense(10)])
    return net.build(100, rng=np.random.default_rng(0), dtype=dtype, **where)


@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 1e-4), (np.float64, 1e-11)])
@pytest.mark.parametrize(
    "optimizer", [pl.SGD(0.05, momentum=0.9, weight_decay=0.01), pl.Adam(epsilon=1e-3)], ids=repr
)
@pytest.mark.parametrize("loss", [pl.SoftmaxCrossEntropy(), pl.SigmoidCrossEntropy(), pl.MeanSquaredError()])
def test_ten_steps(loss, optimizer, dtype, limit, rng):
    x, y = rng.normal(size=(256, 100)).astype(dtype), rng.integers(10, size=256)
    thetas = []
    for device in ("cpu", "gpu"):
        net, ours = network(dtype, device=device), copy.deepcopy(optimizer)
        for _ in range(10):
            _, dy = loss.value_and_grad(net.forward(to_device(x, device), train=True), y)
            net.backward(dy)
            ours.step(net.theta, net.grad, net.n_weights)
        thetas.append(to_host(net.theta))
    assert np.abs(thetas[0] - network(dtype).theta).max() > 1e-3
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=0, atol=limit)


def test_tf32_keeps_ten_bits(rng):
    x = rng.normal(size=(64, 100)).astype(np.float32)
    exact, rounded = (network(np.float32, device="gpu", tf32=tf32).predict(x) for tf32 in (False, True))
    np.testing.assert_allclose(exact, network(np.float32).predict(x), rtol=0, atol=1e-5)
    np.testing.assert_allclose(rounded, exact, rtol=0, atol=1e-2)


@pytest.mark.parametrize("compiled", [None, False])
@pytest.mark.parametrize("batch_size", [64, None])
@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 1e-3), (np.float64, 1e-10)])
def test_training(dtype, limit, batch_size, compiled, rng):
    """By fused kernels and by the layers; 300 rows are summed in three launches."""
    x, y = rng.integers(20, size=(300, 100), dtype=np.uint8), rng.integers(10, size=300)
    nets = [network(dtype, device=device) for device in ("cpu", "gpu")]
    found = [
        list(
            pl.train(
                net, pl.SoftmaxCrossEntropy(), pl.Adam(epsilon=1e-3), x, y, epochs=3, batch_size=batch_size,
                rng=np.random.default_rng(1), compiled=compiled if net.device == "gpu" else False,
                validation=(x, y),
            )
        )
        for net in nets
    ]  # fmt: skip
    np.testing.assert_allclose(to_host(nets[1].theta), nets[0].theta, rtol=0, atol=limit)
    for cpu, gpu in zip(*found, strict=True):
        assert (gpu.loss, gpu.validation_loss) == pytest.approx((cpu.loss, cpu.validation_loss), abs=limit)
    assert found[1][-1].loss < found[1][0].loss


@pytest.mark.parametrize("kind", ["bool", "uint8", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize(
    "optimizer",
    [pl.SGD(0.05), pl.SGD(0.05, momentum=0.9, weight_decay=0.01), pl.SGD(0.05, momentum=0.9, nesterov=True)],
    ids=repr,
)
@pytest.mark.parametrize("loss", [pl.SigmoidCrossEntropy(), pl.MeanSquaredError()])
def test_fused_steps_on_data_of_any_dtype(loss, optimizer, kind, rng):
    x, y = (5 * abs(rng.normal(size=(100, 100)))).astype(kind), rng.integers(10, size=100, dtype=np.uint8)
    thetas = []
    for device in ("cpu", "gpu"):
        net = network(np.float64, device=device)
        for _ in pl.train(net, loss, copy.deepcopy(optimizer), x, y, epochs=4, batch_size=30,
                          rng=np.random.default_rng(1), compiled=device == "gpu"):  # fmt: skip
            pass
        thetas.append(to_host(net.theta))
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=0, atol=1e-10)


def test_the_same_bits_every_time(rng):
    x, y = rng.normal(size=(3000, 100)), rng.integers(10, size=3000)
    thetas = []
    for _ in range(2):
        net = network(np.float32, device="gpu")
        for _ in pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y, epochs=5):
            pass
        thetas.append(to_host(net.theta))
    np.testing.assert_array_equal(*thetas)
