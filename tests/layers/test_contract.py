"""The contract of every layer, alone and in pairs. New layers are found automatically."""

import importlib
import itertools
import pickle
import pkgutil
import tracemalloc

import numpy as np
import pytest

import pellucid as pl
import pellucid.layers

WIDTH = 4

#: How to make one of each layer. All take and give WIDTH columns, so that they can stand in any order.
MAKE = {
    "Dense": lambda: pl.Dense(WIDTH, init=pl.normal(0.7), bias_init=pl.normal(0.3)),
    "Dropout": lambda: pl.Dropout(0.4),
    "Identity": pl.Identity,
    "LeakyReLU": lambda: pl.LeakyReLU(0.2),
    "ReLU": pl.ReLU,
    "Rescale": lambda: pl.Rescale(0.7, -0.4),
    "Sigmoid": pl.Sigmoid,
    "Softmax": pl.Softmax,
    "Tanh": pl.Tanh,
}
LOSSES = [pl.SoftmaxCrossEntropy(), pl.SigmoidCrossEntropy(), pl.MeanSquaredError()]


def subclasses(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


def layer_names():
    """Return the names of all layers that the library defines and that can run forward."""
    for module in pkgutil.iter_modules(pellucid.layers.__path__):
        importlib.import_module(f"pellucid.layers.{module.name}")
    ours = {sub for sub in subclasses(pl.Layer) if sub.__module__.startswith("pellucid.layers")}
    return sorted(sub.__name__ for sub in ours if sub.forward is not pl.Layer.forward)


ALL = layer_names()


def make(name, *, fixed=True):
    """Return a layer; a Dropout has a fixed mask by default."""
    assert name in MAKE, f"{name} is new: give it an example in MAKE, so that its contract is tested"
    layer = MAKE[name]()
    if fixed and layer.draws:
        layer.fix_mask([1, 0, 1, 1])
    return layer


def alone(name, rng, *, dtype=np.float64, fixed=True):
    """Return a layer built in its own network, with needs_dx set."""
    layer = make(name, fixed=fixed)
    pl.Network([layer]).build(WIDTH, rng=rng, dtype=dtype)
    layer.needs_dx = True
    return layer


def batch(rng, n_rows, dtype=np.float64):
    """Return data away from 0, so that small changes do not change signs."""
    x = rng.uniform(0.05, 1.5, (n_rows, WIDTH)) * rng.choice([-1, 1], (n_rows, WIDTH))
    return x.astype(dtype)


def test_every_layer_is_exported_and_can_be_saved():
    assert len(ALL) >= 9
    assert set(ALL) <= set(pl.__all__)
    assert set(ALL) == set(pellucid.layers.SAVED_LAYERS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ALL)
def test_shape_dtype_and_ownership(name, dtype, rng):
    layer, x = alone(name, rng, dtype=dtype, fixed=False), batch(rng, 6, dtype)
    before = x.copy()
    x.flags.writeable = False
    for train in (False, True):
        y = layer.forward(x, train=train)
        assert (y.shape, y.dtype) == ((6, layer.width(WIDTH)), dtype)
        assert not np.shares_memory(x, y)
    dx = layer.backward(np.ones_like(y))
    assert (dx.shape, dx.dtype) == ((6, WIDTH), dtype)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", ALL)
def test_gradient_of_the_layer_alone(name, rng):
    """L = Σ c y for a random c: dx and every dW against five-point differences of the layer's forward."""
    layer, x = alone(name, rng), batch(rng, 5)
    c = rng.normal(size=(5, layer.n_out))

    def value():
        return float((layer.forward(x, train=True) * c).sum())

    value()
    dx = layer.backward(c.copy()).copy()
    parameters = layer.parameter_shapes()
    gradients = {name: getattr(layer, "d" + name).copy() for name in parameters}
    for array, gradient in [(x, dx), *((getattr(layer, p), gradients[p]) for p in parameters)]:
        start, h = array.copy(), 1e-3
        for _ in range(5):
            direction = rng.normal(size=array.shape)
            direction /= np.linalg.norm(direction)
            values = []
            for t in (-2 * h, -h, h, 2 * h):
                array[...] = start + t * direction
                values.append(value())
            array[...] = start
            numeric = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
            analytic = float((gradient * direction).sum())
            scale = max(abs(analytic), abs(numeric), 0.01 * np.linalg.norm(gradient), 1e-6)
            assert abs(analytic - numeric) / scale <= 1e-7


@pytest.mark.parametrize("name", ALL)
def test_other_row_counts(name, rng):
    """Buffers that grow and shrink hold what a fresh layer would compute."""
    used = alone(name, np.random.default_rng(3))
    for n_rows in (5, 9, 2, 9, 1, 12):
        fresh, x, dy = alone(name, np.random.default_rng(3)), batch(rng, n_rows), batch(rng, n_rows)
        expected = fresh.forward(x, train=True).copy()
        np.testing.assert_array_equal(used.forward(x, train=True), expected)
        expected = fresh.backward(dy.copy()).copy()
        np.testing.assert_array_equal(used.backward(dy.copy()), expected)


@pytest.mark.parametrize("name", ALL)
def test_prediction_is_deterministic(name, rng):
    layer, x = alone(name, rng, fixed=False), batch(rng, 30)
    state = layer.rng.bit_generator.state if layer.rng else None
    first = layer.forward(x, train=False).copy()
    layer.forward(batch(rng, 30), train=False)
    np.testing.assert_array_equal(layer.forward(x, train=False), first)
    assert (layer.rng.bit_generator.state if layer.rng else None) == state


@pytest.mark.parametrize("name", ALL)
def test_repr_evaluates_back(name):
    layer = MAKE[name]()
    again = eval(repr(layer), {key: getattr(pl, key) for key in pl.__all__})
    assert type(again) is type(layer)
    assert repr(again) == repr(layer)
    assert again.settings() == layer.settings()


@pytest.mark.parametrize("name", ALL)
def test_settings_make_an_equal_layer(name):
    layer = MAKE[name]()
    again = type(layer)(**layer.settings())
    assert again.settings() == layer.settings()


@pytest.mark.parametrize("name", ALL)
def test_pickled_network_continues(name, rng):
    layers = [pl.Dense(WIDTH), make(name, fixed=False), pl.Dropout(0.5), pl.Dense(3)]
    net = pl.Network(layers).build(WIDTH, rng=rng, dtype=np.float64)
    x, loss = batch(rng, 8), pl.MeanSquaredError()
    net.forward(x, train=True)
    again = pickle.loads(pickle.dumps(net))
    assert repr(again) == repr(net)
    for _ in range(2):
        dy = loss.value_and_grad(net.forward(x, train=True), np.zeros((8, 3)))[1]
        net.backward(dy)
        dy = loss.value_and_grad(again.forward(x, train=True), np.zeros((8, 3)))[1]
        again.backward(dy)
        np.testing.assert_array_equal(again.grad, net.grad)
        assert np.abs(net.grad).max() > 0
        net.theta *= 1.5
        again.theta *= 1.5
    assert not np.shares_memory(again.theta, net.theta)
    for layer in again.layers:
        for parameter in layer.parameter_shapes():
            assert np.shares_memory(getattr(layer, parameter), again.theta)
            assert np.shares_memory(getattr(layer, "d" + parameter), again.grad)


@pytest.mark.parametrize("name", ALL)
def test_no_allocation(name, rng):
    """A second pass allocates a few vectors and NumPy's cast buffers at most: a tenth of one activation."""
    layer = make(name, fixed=False)
    pl.Network([pl.Dense(64), layer]).build(64, rng=rng)
    x, dy = np.ones((2048, 64), np.float32), np.ones((2048, layer.width(64)), np.float32)
    for _ in range(2):
        tracemalloc.start()
        layer.forward(x, train=True)
        layer.backward(dy)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < x.nbytes / 10


@pytest.mark.parametrize("place", ["between", "first", "last", "only"])
@pytest.mark.parametrize("pair", list(itertools.product(ALL, ALL)), ids="-".join)
def test_pair(pair, place, rng):
    """Any two layers in any order: every gradient against differences, under every loss."""
    first, second = (make(name) for name in pair)
    layers = {
        "between": [pl.Dense(WIDTH), first, second, pl.Dense(3)],
        "first": [first, second, pl.Dense(3)],
        "last": [pl.Dense(WIDTH), first, second],
        "only": [first, second],
    }[place]
    net = pl.Network(layers).build(WIDTH, rng=rng, dtype=np.float64)
    if not net.theta.size:
        return
    net.theta += rng.normal(0, 0.2, net.theta.size)
    x, labels = batch(rng, 5), rng.integers(3, size=5)
    before = x.copy()
    for loss in LOSSES:
        for check in pl.gradcheck(net, loss, x, labels, rng=rng, directions=1):
            assert check.passed, (loss, check)
    np.testing.assert_array_equal(x, before)
