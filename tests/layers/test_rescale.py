"""Rescale: any real dtype in, the network's dtype out; one number for all columns, or one per column."""

import numpy as np
import pytest

import pellucid as pl


def built(layer, n_in, dtype=np.float32):
    return pl.Network([layer]).build(n_in, rng=np.random.default_rng(0), dtype=dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("source", ["u1", "i2", ">i4", "i8", "u8", "?", "f2", "f4", ">f8", "f8"])
def test_every_real_dtype(source, dtype):
    x = np.array([[0, 1, 3]], source)
    y = built(pl.Rescale(0.25), 3, dtype).forward(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, [[0, 0.25, 0.25 if source == "?" else 0.75]])
    shifted = built(pl.Rescale([0.25, -0.5, 0.25], [1, 0, -2]), 3, dtype).forward(x)
    assert shifted.dtype == dtype
    np.testing.assert_array_equal(shifted, [[1, -0.5, -1.75 if source == "?" else -1.25]])


def test_backward_scales_too_and_ignores_the_shift():
    layer = pl.Rescale(-0.5, 7)
    built(layer, 2, np.float64)
    np.testing.assert_array_equal(layer.backward(np.array([[1.0, -4.0]])), [[-0.5, 2.0]])


def test_backward_scales_each_column_by_its_own_number():
    layer = pl.Rescale([2, -3], [1, 1])
    built(layer, 2)
    dx = layer.backward(np.array([[1, 1], [10, 100]], np.float32))
    assert dx.dtype == np.float32
    np.testing.assert_array_equal(dx, [[2, -3], [20, -300]])


def test_a_scalar_shift_goes_to_every_column():
    np.testing.assert_array_equal(built(pl.Rescale(2, 0.5), 2).forward(np.array([[1, -1]])), [[2.5, -1.5]])


def test_float64_input_keeps_its_digits_in_a_float32_network():
    """Seconds since 1970 that differ by 1: float32 counts them in steps of 128."""
    x = 1.7e9 + np.array([[-1.0], [0.0], [1.0]])
    y = built(pl.Rescale(1.0, -1.7e9), 1).forward(x)
    np.testing.assert_array_equal(y, [[-1], [0], [1]])


def test_input_of_each_dtype_is_scaled_by_numbers_of_its_own(rng):
    """float32 input after float64 input gives the same output as in a fresh layer."""
    x = rng.normal(size=(50, 1))
    both, fresh = pl.Rescale(1 / 3, 0.1), pl.Rescale(1 / 3, 0.1)
    built(both, 1).predict(x)
    expected = built(fresh, 1).forward(x.astype(np.float32)).copy()
    np.testing.assert_array_equal(both.forward(x.astype(np.float32), train=False), expected)


@pytest.mark.parametrize("layer", [pl.Rescale(0.3, 0.2), pl.Rescale([0.3, -2], [0, 5]), pl.Rescale([3, 4])])
def test_saved_and_loaded(layer, tmp_path):
    net = built(layer, 2)
    net.save(tmp_path / "net")
    again, x = pl.Network.load(tmp_path / "net"), np.array([[1.5, -2], [0, 3]])
    assert again.layers[0].settings() == layer.settings()
    assert np.ptp(net.predict(x)) > 1
    np.testing.assert_array_equal(again.predict(x), net.predict(x))


def test_settings_are_plain_json_and_leave_out_a_shift_of_0():
    assert pl.Rescale(np.float32(0.5), np.zeros(2)).settings() == {"scale": 0.5}
    assert pl.Rescale(np.array([1, 2]), 3).settings() == {"scale": [1.0, 2.0], "shift": 3.0}
    assert repr(pl.Rescale(np.ones(300), 1)) == "Rescale(scale=<300 numbers>, shift=1.0)"


def test_the_layer_keeps_numbers_of_its_own():
    scale = np.ones(2)
    layer = pl.Rescale(scale)
    scale[:] = 9
    np.testing.assert_array_equal(built(layer, 2).forward(np.ones((1, 2))), [[1, 1]])


@pytest.mark.parametrize("scale", [0, 0.0, np.inf, np.nan, [1, 0], [1, np.nan]])
def test_the_scale_is_checked(scale):
    with pytest.raises(ValueError, match=r"scale must be finite and not 0, got (0.0|inf|nan)$"):
        pl.Rescale(scale)


@pytest.mark.parametrize("shift", [np.inf, [0, np.nan]])
def test_the_shift_is_checked(shift):
    with pytest.raises(ValueError, match=r"shift must be finite, got (inf|nan)$"):
        pl.Rescale(1, shift)


def test_shapes_are_checked():
    with pytest.raises(
        ValueError, match=r"scale must be a number or one number per column, got shape \(1, 2\)"
    ):
        pl.Rescale([[1, 2]])
    with pytest.raises(ValueError, match="scale has 2 numbers, but the input has 3 columns"):
        built(pl.Rescale([1, 2]), 3)
    with pytest.raises(ValueError, match="shift has 4 numbers, but the input has 3 columns"):
        built(pl.Rescale(1, [1, 2, 3, 4]), 3)
