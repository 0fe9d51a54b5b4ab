"""The slip that two reports make: one sum moves every bias of a layer."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.lab.reports.slips import DenseWithScalarBias

X = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
DY = np.array([[1.0, 2.0], [3.0, -10.0]])


def built(kind, *after):
    net = pl.Network([pl.Dense(3), kind(2, bias_init=pl.normal(1)), *after])
    return net.build(3, rng=np.random.default_rng(0), dtype=np.float64)


def test_one_sum_over_rows_and_units():
    wrong, right = built(DenseWithScalarBias), built(pl.Dense)
    np.testing.assert_array_equal(wrong.forward(X), right.forward(X))
    for net in (wrong, right):
        net.backward(DY.copy())
    assert right.layers[1].db.tolist() == [4.0, -8.0]
    assert wrong.layers[1].db.tolist() == [-4.0, -4.0]
    # The weights' gradient and what goes to the layer before are the true ones.
    np.testing.assert_array_equal(wrong.layers[1].dW, right.layers[1].dW)
    np.testing.assert_array_equal(wrong.layers[0].dW, right.layers[0].dW)
    np.testing.assert_array_equal(wrong.layers[0].db, right.layers[0].db)


def test_the_first_layer_of_a_network_too():
    net = pl.Network([DenseWithScalarBias(2)]).build(3, rng=np.random.default_rng(0), dtype=np.float64)
    net.forward(X)
    net.backward(DY.copy())
    assert net.layers[0].dW.tolist() == [[1.0, 2.0], [3.0, -10.0], [-1.0, 14.0]]
    assert net.layers[0].db.tolist() == [-4.0, -4.0]


@pytest.mark.parametrize("block_rows", [None, 7])
def test_biases_keep_their_differences_in_training(block_rows, rng):
    """Also where a full batch is walked in blocks. Squared errors: those of a softmax would add up to 0."""
    net = built(DenseWithScalarBias, pl.Sigmoid())
    x, y = rng.normal(size=(20, 3)), rng.integers(0, 2, 20)
    before = net.layers[1].b.copy()
    steps = pl.train(net, pl.MeanSquaredError(), pl.SGD(0.5), x, y, epochs=5, block_rows=block_rows)
    assert len([*steps]) == 5
    moved = net.layers[1].b - before
    assert moved[0] == pytest.approx(moved[1], rel=1e-12)
    assert abs(moved[0]) > 1e-3
