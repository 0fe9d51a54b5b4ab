"""The network: shapes, the layout of theta, drawing, predicting, errors."""

import copy

import numpy as np
import pytest

import pellucid as pl


def mlp(n_in=4, seed=0, dtype=np.float64, init=pl.glorot_uniform):
    layers = [
        pl.Dense(5, init=init, bias_init=pl.normal(0.1)),
        pl.Tanh(),
        pl.Dropout(0.2),
        pl.Dense(3, init=init),
    ]
    return pl.Network(layers).build(n_in, rng=np.random.default_rng(seed), dtype=dtype)


def test_shapes_are_inferred(rng):
    layers = [pl.Rescale(0.5), pl.Dense(7), pl.ReLU(), pl.Dropout(0.1), pl.Dense(2), pl.Softmax()]
    net = pl.Network(layers).build(3, rng=rng)
    assert [(layer.n_in, layer.n_out) for layer in layers] == [(3, 3), (3, 7), (7, 7), (7, 7), (7, 2), (2, 2)]
    assert (net.n_in, net.n_out, net.theta.size, net.n_weights) == (
        3,
        2,
        3 * 7 + 7 + 7 * 2 + 2,
        3 * 7 + 7 * 2,
    )


def test_theta_holds_weights_first_then_biases():
    net = mlp()
    first, second = net.layers[0], net.layers[3]
    for flat, prefix in ((net.theta, ""), (net.grad, "d")):
        flat[...] = np.arange(43)
        np.testing.assert_array_equal(getattr(first, prefix + "W"), np.arange(20).reshape(4, 5))
        np.testing.assert_array_equal(getattr(second, prefix + "W"), np.arange(20, 35).reshape(5, 3))
        np.testing.assert_array_equal(getattr(first, prefix + "b"), np.arange(35, 40))
        np.testing.assert_array_equal(getattr(second, prefix + "b"), np.arange(40, 43))
    assert net.n_weights == 35


@pytest.mark.parametrize("dtype", [np.float32, np.float64, "float32", float])
def test_parameters_are_drawn_in_float64_layer_by_layer_w_before_b(dtype):
    net, rng = mlp(dtype=dtype, seed=9, init=pl.he_normal), np.random.default_rng(9)
    W1, b1 = rng.normal(0, np.sqrt(2 / 4), (4, 5)), rng.normal(0, 0.1, 5)
    W2 = rng.normal(0, np.sqrt(2 / 5), (5, 3))
    expected = np.concatenate([W1.ravel(), W2.ravel(), b1, np.zeros(3)])
    assert net.theta.dtype == net.grad.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(net.theta, expected.astype(dtype))


def test_building_again_starts_afresh():
    net = mlp(seed=1)
    net.forward(np.ones((3, 4)), train=True)
    old = net.theta
    net.build(6, rng=np.random.default_rng(2), dtype=np.float32)
    np.testing.assert_array_equal(net.theta, mlp(6, seed=2, dtype=np.float32).theta)
    assert not np.shares_memory(old, net.layers[0].W)
    assert net.predict(np.ones((2, 6))).dtype == np.float32


def test_predict_copies_out_and_works_in_blocks(rng):
    net, x = mlp(), rng.normal(size=(23, 4))
    hidden = np.tanh(x @ net.layers[0].W + net.layers[0].b)
    expected = hidden @ net.layers[3].W + net.layers[3].b
    for block_rows in (1, 5, 23, 24, 2048):
        predicted = net.predict(x, block_rows=block_rows)
        np.testing.assert_allclose(predicted, expected, rtol=1e-13, atol=1e-14)
    before = predicted.copy()
    net.predict(2 * x)
    net.forward(3 * x)
    np.testing.assert_array_equal(predicted, before)
    assert net.predict(x[:0]).shape == (0, 3)


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f8", "f2", "i8", "u1", "?"])
@pytest.mark.parametrize(
    "first", [pl.Identity, pl.ReLU, pl.Tanh, pl.Sigmoid, pl.Softmax, lambda: pl.Dropout(0.5)]
)
def test_input_is_cast_and_never_written(first, dtype, rng):
    net = pl.Network([first(), pl.Dense(2)]).build(3, rng=rng)
    x = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], dtype)
    x.flags.writeable = False
    y = net.forward(x, train=True)
    net.backward(np.ones_like(y))
    np.testing.assert_array_equal(net.predict(x), net.predict(x.astype(np.float32)))
    np.testing.assert_array_equal(x, [[0, 1, 1], [1, 0, 1], [1, 1, 0]])


def test_a_list_is_data_too():
    np.testing.assert_array_equal(mlp().predict([[1, 2, 3, 4]]), mlp().predict(np.array([[1.0, 2, 3, 4]])))


def test_forward_returns_a_buffer_of_the_network(rng):
    net, x = mlp(), rng.normal(size=(6, 4))
    assert np.shares_memory(net.forward(x), net.forward(x))
    assert not np.shares_memory(net.forward(x), net.predict(x))


def test_a_deep_copy_stands_alone(rng):
    net, x = mlp(), rng.normal(size=(6, 4))
    twin, before = copy.deepcopy(net), net.predict(x)
    twin.theta *= 2
    np.testing.assert_array_equal(net.predict(x), before)
    assert np.abs(twin.predict(x) - before).max() > 0.1
    np.testing.assert_array_equal(copy.deepcopy(net).forward(x, train=True), net.forward(x, train=True))


def test_summary_and_repr():
    layers = [pl.Rescale(0.5), pl.Dense(100), pl.ReLU(), pl.Dropout(0.1), pl.Dense(10)]
    net = pl.Network(layers).build(784, rng=np.random.default_rng(0))
    assert net.summary() == (
        "layer                   output  parameters\n"
        "(input)                    784\n"
        "Rescale(scale=0.5)         784           0\n"
        "Dense(100)                 100      78,500\n"
        "ReLU()                     100           0\n"
        "Dropout(drop_prob=0.1)     100           0\n"
        "Dense(10)                   10       1,010\n"
        "79,510 parameters, float32, 318,040 bytes"
    )
    assert repr(eval(repr(net), vars(pl))) == repr(net)
    assert repr(net).startswith("Network([Rescale(scale=0.5), Dense(100), ")


def test_network_without_parameters(rng):
    net = pl.Network([pl.Rescale(2.0), pl.ReLU()]).build(2, rng=rng)
    np.testing.assert_array_equal(net.forward(np.array([[-1, 3]]), train=True), [[0, 6]])
    net.backward(np.ones((1, 2), np.float32))
    assert (net.theta.size, net.n_weights) == (0, 0)


def test_what_cannot_be_a_network():
    dense = pl.Dense(2)
    with pytest.raises(ValueError, match="a network needs at least one layer, got an empty list"):
        pl.Network([])
    with pytest.raises(TypeError, match=r"layers\[1\] must be a layer such as pellucid\.Dense\(10\), got 10"):
        pl.Network([dense, 10])
    with pytest.raises(TypeError, match=r"layers\[0\] must be a layer .*, got <class"):
        pl.Network([pl.ReLU])
    with pytest.raises(
        ValueError, match=r"layers\[2\], Dense\(2\), occurs twice in the list: make a second one"
    ):
        pl.Network([dense, pl.ReLU(), dense])


@pytest.mark.parametrize(
    ("arguments", "exception", "message"),
    [
        ({"n_in": 0}, ValueError, "n_in must be a whole number >= 1, got 0"),
        ({"n_in": 2.0}, ValueError, r"n_in must be a whole number >= 1, got 2\.0"),
        ({"dtype": np.float16}, ValueError, "dtype must be float32 or float64, got <class 'numpy.float16'>"),
        ({"dtype": "int"}, ValueError, "dtype must be float32 or float64, got 'int'"),
        ({"dtype": None}, ValueError, "dtype must be float32 or float64, got None"),
        ({"device": "tpu"}, ValueError, r"device must be one of \['cpu'.*\], got 'tpu'"),
        ({"rng": 0}, TypeError, r"rng must be a generator such as numpy\.random\.default_rng\(0\), got 0"),
        ({"rng": None}, TypeError, "rng must be a generator such as .*, got None"),
    ],
)
def test_build_names_what_is_wrong(arguments, exception, message):
    with pytest.raises(exception, match=message):
        pl.Network([pl.Dense(2)]).build(**{"n_in": 3, "rng": np.random.default_rng(0), **arguments})


@pytest.mark.parametrize("use", ["forward", "predict", "summary", "save"])
def test_an_unbuilt_network_says_so(use, tmp_path):
    net = pl.Network([pl.Dense(2)])
    assert not net.built
    argument = {"forward": [np.ones((1, 2))], "predict": [np.ones((1, 2))], "save": [tmp_path / "a"]}
    with pytest.raises(RuntimeError, match=r"no parameters yet: call net\.build\(n_in, rng=\.\.\.\) first"):
        getattr(net, use)(*argument.get(use, []))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((2, 3)), r"x must have shape \(n, 4\), got \(2, 3\)"),
        (np.ones(4), r"x must have shape \(n, 4\), got \(4,\)"),
        (np.ones((2, 2, 4)), r"x must have shape \(n, 4\), got \(2, 2, 4\)"),
        (np.ones((2, 4), complex), "x must hold real numbers, got dtype complex128"),
        (np.full((2, 4), "a"), "x must hold real numbers, got dtype <U1"),
    ],
)
def test_data_of_a_wrong_kind(x, message):
    for use in (mlp().forward, mlp().predict):
        with pytest.raises(ValueError, match=message):
            use(x)


@pytest.mark.parametrize("block_rows", [0, -1])
def test_block_rows_are_checked(block_rows):
    with pytest.raises(ValueError, match="block_rows must be >= 1, or None for one pass, got"):
        mlp().predict(np.ones((3, 4)), block_rows=block_rows)


def test_a_shallow_copy_leaves_the_network_bound(rng):
    net = pl.Network([pl.Dense(3)]).build(4, rng=rng)
    twin = copy.copy(net)
    net.forward(np.ones((1, 4)))
    net.backward(np.ones((1, 3), np.float32))
    assert np.abs(net.grad).max() == 1.0
    assert np.abs(twin.grad).max() == 0.0


def test_backward_follows_a_forward_with_its_shape(rng):
    net = pl.Network([pl.Dense(3)])
    with pytest.raises(RuntimeError, match=r"call net\.build"):
        net.backward(np.ones((1, 3)))
    net.build(4, rng=rng)
    with pytest.raises(ValueError, match="one forward before each"):
        net.backward(np.ones((1, 3)))
    net.forward(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"backward needs shape \(2, 3\), got dy of shape \(1, 3\)"):
        net.backward(np.ones((1, 3)))


def test_the_outputs_themselves_may_be_the_gradient(rng):
    """The loss Σ y² / 2, whose gradient is y: the result is the same if dy is the output buffer itself."""
    net = pl.Network([pl.Dense(3), pl.Tanh()]).build(4, rng=rng, dtype=float)
    x = rng.normal(size=(5, 4))
    net.backward(net.forward(x).copy())
    expected = net.grad.copy()
    net.backward(net.forward(x))
    assert np.array_equal(net.grad, expected)


def test_one_layer_is_not_a_list():
    with pytest.raises(TypeError, match=r"write Network\(\[Dense\(3\)\]\)"):
        pl.Network(pl.Dense(3))
