"""Activations against values worked out by hand."""

import numpy as np
import pytest

import pellucid as pl

LN3 = np.log(3)

#: layer, x, y, dx for dy = 1, 2, 3 …; every number by hand.
CASES = [
    (pl.Identity(), [-1.0, 0.0, 2.0], [-1.0, 0.0, 2.0], [1.0, 2.0, 3.0]),
    (pl.ReLU(), [-1.0, 0.0, 2.0], [0.0, 0.0, 2.0], [0.0, 0.0, 3.0]),
    (pl.LeakyReLU(0.25), [-2.0, 0.0, 2.0], [-0.5, 0.0, 2.0], [0.25, 0.5, 3.0]),
    # tanh(ln 3) = (9 - 1) / (9 + 1)
    (pl.Tanh(), [-LN3, 0.0, LN3], [-0.8, 0.0, 0.8], [0.36, 2.0, 1.08]),
    (pl.Sigmoid(), [-LN3, 0.0, LN3], [0.25, 0.5, 0.75], [0.1875, 0.5, 0.5625]),
    # y = 1/6, 2/6, 3/6; Σ dy y = 14/6
    (pl.Softmax(), np.log([1.0, 2.0, 3.0]), [1 / 6, 1 / 3, 1 / 2], [-2 / 9, -1 / 9, 1 / 3]),
]


@pytest.mark.parametrize("after_dense", [False, True])
@pytest.mark.parametrize(
    ("layer", "x", "y", "dx"), CASES, ids=lambda case: getattr(case, "shape", repr(case))
)
def test_values(layer, x, y, dx, after_dense):
    layer.connect(3, dtype=np.dtype(np.float64), xp=np)
    layer.in_place = after_dense
    np.testing.assert_allclose(layer.forward(np.array([x]), train=True), [y], rtol=0, atol=1e-15)
    np.testing.assert_allclose(layer.backward(np.array([[1.0, 2.0, 3.0]])), [dx], rtol=0, atol=1e-15)
    layer.in_place = False


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer", [pl.Sigmoid(), pl.Tanh(), pl.Softmax()], ids=repr)
def test_huge_inputs_saturate(layer, dtype):
    layer.connect(2, dtype=np.dtype(dtype), xp=np)
    low, high = layer.forward(np.array([[-1e4, 1e4]], dtype), train=False)[0]
    assert high == 1
    assert low == (-1 if isinstance(layer, pl.Tanh) else pytest.approx(0, abs=1e-37))
    assert np.isfinite(layer.backward(np.ones((1, 2), dtype))).all()


def test_in_place_only_directly_after_dense(rng):
    layers = [
        pl.ReLU(),
        pl.Dense(3),
        pl.Tanh(),
        pl.ReLU(),
        pl.Dropout(0.1),
        pl.Sigmoid(),
        pl.Dense(2),
        pl.ReLU(),
    ]
    net = pl.Network(layers).build(3, rng=rng)
    assert [layer.in_place for layer in layers] == [False, False, True, False, False, False, False, True]
    assert pl.Network(layers[2:4]).build(3, rng=rng).layers[0].in_place is False
    assert net.layers[0] is layers[0]


@pytest.mark.parametrize("slope", [0, 1, -0.1, 2.0, np.nan])
def test_slope_is_checked(slope):
    with pytest.raises(ValueError, match=r"slope must be in \(0, 1\), got"):
        pl.LeakyReLU(slope)
