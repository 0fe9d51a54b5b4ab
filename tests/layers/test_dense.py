"""The fully connected layer."""

import numpy as np
import pytest

import pellucid as pl


def test_values_by_hand(rng):
    net = pl.Network([pl.Dense(3)]).build(2, rng=rng, dtype=np.float64)
    layer = net.layers[0]
    layer.W[...] = [[1, 2, 3], [4, 5, 6]]
    layer.b[...] = [0.5, 0, -0.5]
    np.testing.assert_array_equal(
        net.forward(np.array([[1, 0], [2, -1.0]])), [[1.5, 2, 2.5], [-1.5, -1, -0.5]]
    )
    layer.needs_dx = True
    dx = layer.backward(np.array([[1.0, 0, 0], [0, 1, 2]]))
    np.testing.assert_array_equal(layer.dW, [[1, 2, 4], [0, -1, -2]])
    np.testing.assert_array_equal(layer.db, [1, 1, 2])
    np.testing.assert_array_equal(dx, [[1, 4], [8, 17]])


@pytest.mark.parametrize("n_out", [0, -3, 2.5, 2.0, "10", None, True])
def test_units_are_checked(n_out):
    with pytest.raises(ValueError, match="n_out must be a whole number >= 1, got"):
        pl.Dense(n_out)


@pytest.mark.parametrize("arguments", [{"init": "he"}, {"bias_init": 0}])
def test_initializers_are_checked(arguments):
    with pytest.raises(TypeError, match=r"init must be a function such as pellucid\.he_normal, got"):
        pl.Dense(3, **arguments)


def test_initializer_of_a_wrong_shape(rng):
    def transposed(rng, shape, n_in, n_out):
        return np.zeros(shape[::-1])

    message = r"the initializer transposed must return shape \(4, 3\) for W, got \(3, 4\)"
    with pytest.raises(ValueError, match=message):
        pl.Network([pl.Dense(3, init=transposed)]).build(4, rng=rng)


def test_the_gradient_of_the_data_is_never_formed(rng):
    layers = [pl.Rescale(2.0), pl.Tanh(), pl.Dense(3), pl.Dense(2)]
    net = pl.Network(layers).build(4, rng=rng)
    assert (layers[2].needs_dx, layers[3].needs_dx) == (False, True)
    net.forward(np.ones((1, 4)), train=True)
    assert layers[3].backward(np.ones((1, 2), np.float32)) is not None
    assert layers[2].backward(np.ones((1, 3), np.float32)) is None


def test_repr_names_initializers():
    layer = pl.Dense(5, init=pl.uniform(-0.05, 0.05), bias_init=pl.normal(0.1))
    assert repr(layer) == "Dense(5, init=uniform(low=-0.05, high=0.05), bias_init=normal(std=0.1))"
