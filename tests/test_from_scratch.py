"""The library against examples/from_scratch.py: two independent programs, one result."""

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl

PATH = Path(__file__).parents[1] / "examples" / "from_scratch.py"


@pytest.fixture(scope="module")
def textbook():
    spec = importlib.util.spec_from_file_location("from_scratch", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def network(sizes, parameters):
    """Return our network with a copy of the textbook's parameters."""
    layers = [layer for n_out in sizes[1:] for layer in (pl.Dense(n_out), pl.Tanh())][:-1]
    net = pl.Network(layers).build(sizes[0], rng=np.random.default_rng(0), dtype=np.float64)
    for layer, (W, b) in zip(net.layers[::2], parameters, strict=True):
        layer.W[...], layer.b[...] = W, b
    return net


def data(rng, n, n_in, n_classes):
    y = rng.integers(n_classes, size=n)
    return rng.normal(size=(n, n_in)) + 2 * np.eye(n_classes, n_in)[y], y


def test_it_imports_nothing_of_ours_and_fits_a_page():
    source = PATH.read_text()
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in imports] == ["from itertools import pairwise", "import numpy as np"]
    assert len(source.splitlines()) <= 70


@pytest.mark.parametrize("sizes", [(7, 5), (7, 6, 5), (7, 6, 8, 5)], ids=str)
def test_loss_and_gradient(textbook, sizes, rng):
    parameters = textbook.draw_parameters(sizes, rng)
    parameters = [(W, b + rng.normal(size=b.shape)) for W, b in parameters]
    (x, y), net = data(rng, 12, 7, 5), network(sizes, parameters)
    expected, gradients = textbook.loss_and_gradients(parameters, x, y)
    value, dy = pl.SoftmaxCrossEntropy().value_and_grad(net.forward(x, train=True), y)
    net.backward(dy)
    assert float(value) == pytest.approx(expected, rel=1e-13)
    for layer, (dW, db) in zip(net.layers[::2], gradients, strict=True):
        np.testing.assert_allclose(layer.dW, dW, rtol=0, atol=1e-14)
        np.testing.assert_allclose(layer.db, db, rtol=0, atol=1e-14)


@pytest.mark.parametrize("sizes", [(7, 5), (7, 6, 5), (7, 16, 8, 5)], ids=str)
def test_training(textbook, sizes, rng):
    """Same start and same batches: same losses and parameters after six epochs."""
    parameters = textbook.draw_parameters(sizes, rng)
    (x, y), net = data(rng, 90, 7, 5), network(sizes, parameters)
    start = net.theta.copy()
    arguments = {"epochs": 6, "batch_size": 16}
    expected = list(
        textbook.train(parameters, x, y, learning_rate=0.1, rng=np.random.default_rng(3), **arguments)
    )
    records = list(
        pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y, rng=np.random.default_rng(3), **arguments)
    )
    np.testing.assert_allclose([record.loss for record in records], expected, rtol=0, atol=1e-12)
    for layer, (W, b) in zip(net.layers[::2], parameters, strict=True):
        np.testing.assert_allclose(layer.W, W, rtol=0, atol=1e-12)
        np.testing.assert_allclose(layer.b, b, rtol=0, atol=1e-12)
    assert expected[-1] < 0.8 * expected[0]
    assert np.abs(net.theta - start).max() > 0.1


def test_its_initializer_is_ours(textbook):
    ours, theirs = np.random.default_rng(0), np.random.default_rng(0)
    [(W, b)] = textbook.draw_parameters((300, 200), theirs)
    np.testing.assert_allclose(pl.glorot_uniform(ours, (300, 200), 300, 200), W, rtol=0, atol=1e-15)
    assert not b.any()


def test_prediction(textbook, rng):
    parameters = textbook.draw_parameters((7, 6, 5), rng)
    x, net = rng.normal(size=(30, 7)), network((7, 6, 5), parameters)
    twin = pl.Network([*net.layers, pl.Softmax()])
    theta = net.theta.copy()
    twin.build(7, rng=rng, dtype=np.float64).theta[:] = theta
    np.testing.assert_allclose(twin.predict(x), textbook.forward(parameters, x)[-1], rtol=0, atol=1e-14)
