"""The methods that every layer inherits. `test_contract` tests the contract of each layer."""

import pickle

import numpy as np
import pytest

from pellucid.layers.base import Layer


class Scale(Layer):
    """A layer with one parameter of each kind and a setting."""

    def __init__(self, by=2.0):
        self.by = by

    def settings(self):
        return {"by": self.by}

    def parameter_shapes(self):
        return {"W": (self.n_in, 1), "b": (1,)}


def connected(layer, dtype=np.float32):
    layer.connect(3, dtype=np.dtype(dtype), xp=np)
    return layer


def test_a_layer_says_what_it_lacks():
    layer = connected(Scale())
    with pytest.raises(NotImplementedError, match="Scale has no forward"):
        layer.forward(np.ones((1, 3)), train=False)
    with pytest.raises(NotImplementedError, match="Scale has no backward"):
        layer.backward(np.ones((1, 3)))


def test_by_itself_a_layer_keeps_the_width_and_has_neither_parameters_nor_settings():
    layer = connected(Layer(), np.float64)
    assert (layer.n_in, layer.n_out, layer.dtype) == (3, 3, np.float64)
    assert (layer.parameter_shapes(), layer.settings(), layer.rng) == ({}, {}, None)
    assert not (layer.casts or layer.draws or layer.in_place)
    assert repr(layer) == "Layer()"
    assert repr(Scale(0.5)) == "Scale(by=0.5)"


def test_fewer_rows_are_a_view_of_the_buffer_and_it_grows_to_the_most():
    layer = connected(Layer())
    five = layer.buffer("y", 5, 2)
    assert (five.shape, five.dtype) == ((5, 2), np.float32)
    assert layer.buffer("y", 5, 2) is five
    three = layer.buffer("y", 3, 2)
    five[:] = [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]]
    assert three.tolist() == [[1, 2], [3, 4], [5, 6]]
    four = layer.buffer("y", 4, 2)  # grown back from a view of three rows
    assert four.shape == (4, 2)
    assert np.shares_memory(four, five)
    assert np.shares_memory(layer.buffer("y", 5, 2), five)
    nine = layer.buffer("y", 9, 2)
    assert nine.shape == (9, 2)
    assert not np.shares_memory(nine, five)
    assert np.shares_memory(layer.buffer("y", 5, 2), nine)


def test_buffers_of_other_names_are_other_memory_and_may_have_a_type_of_their_own():
    layer = connected(Layer())
    y, mask = layer.buffer("y", 4, 2), layer.buffer("mask", 4, 2, bool)
    assert mask.dtype == bool
    assert not np.shares_memory(y, mask)
    assert not np.shares_memory(y, connected(Layer()).buffer("y", 4, 2))


def test_connecting_again_drops_the_buffers():
    layer = connected(Layer())
    old = layer.buffer("y", 4, 3)
    connected(layer, np.float64)
    new = layer.buffer("y", 4, 3)
    assert new.dtype == np.float64
    assert not np.shares_memory(old, new)


def test_a_pickle_holds_the_settings_and_neither_buffers_nor_parameters():
    layer = connected(Scale(7.0))
    layer.W, layer.b, layer.dW, layer.db = np.ones((3, 1)), np.ones(1), np.ones((3, 1)), np.ones(1)
    layer.buffer("y", 1000, 3)
    data = pickle.dumps(layer)
    assert len(data) < 500
    again = pickle.loads(data)
    assert (again.by, again.n_in, again.n_out, again.dtype) == (7.0, 3, 3, np.float32)
    assert not {"W", "b", "dW", "db", "scratch", "xp"} & set(vars(again))
    assert pickle.loads(pickle.dumps(Scale(4.0))).by == 4.0  # one that was never connected
