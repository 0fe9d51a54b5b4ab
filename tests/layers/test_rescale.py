"""Rescale: any real dtype in, the network's dtype out."""

import numpy as np
import pytest

import pellucid as pl


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("source", ["u1", "i2", ">i4", "i8", "u8", "?", "f2", "f4", ">f8", "f8"])
def test_every_real_dtype(source, dtype, rng):
    net = pl.Network([pl.Rescale(0.25)]).build(3, rng=rng, dtype=dtype)
    y = net.forward(np.array([[0, 1, 3]], source))
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, [[0, 0.25, 0.25 if source == "?" else 0.75]])


def test_backward_scales_too(rng):
    layer = pl.Rescale(-0.5)
    pl.Network([layer]).build(2, rng=rng, dtype=np.float64)
    np.testing.assert_array_equal(layer.backward(np.array([[1.0, -4.0]])), [[-0.5, 2.0]])


@pytest.mark.parametrize("scale", [0, 0.0, np.inf, np.nan])
def test_the_scale_is_checked(scale):
    with pytest.raises(ValueError, match="scale must be finite and not 0, got"):
        pl.Rescale(scale)
