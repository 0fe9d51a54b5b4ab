"""Data are checked before training starts. Errors name row and column, and nothing is copied."""

import tracemalloc

import numpy as np
import pytest
from tests import strict

import pellucid as pl
from pellucid import checks
from pellucid.backend import to_device
from pellucid.checks import check_finite

NUMBERS = [np.nan, np.inf, -np.inf]


@pytest.fixture
def small_blocks(monkeypatch):
    """Use blocks of 3 rows of 4 float32, so that errors occur in several blocks."""
    monkeypatch.setattr(checks, "BLOCK_BYTES", 50)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("row", [0, 2, 3, 9])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_the_first_wrong_number_is_named(row, number, dtype):
    x = np.ones((10, 4), dtype)
    check_finite("x", x, x.dtype)
    x[row, 3] = number
    x[9, 3] = np.nan if row < 9 else number
    with pytest.raises(ValueError, match=rf"^x\[{row}, 3\] is {number}: data must be finite; leave the row"):
        check_finite("x", x, x.dtype)


@pytest.mark.usefixtures("small_blocks")
def test_rows_in_another_order_of_memory_and_vectors():
    x = np.ones((4, 10)).T
    x[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"^x\[7, 1\] is nan"):
        check_finite("x", x, x.dtype)
    with pytest.raises(ValueError, match=r"^x\[3, 1\] is nan"):
        check_finite("x", x[1::2], x.dtype)
    with pytest.raises(ValueError, match=r"^y\[107\] is nan"):
        check_finite("y", x[:, 1], x.dtype, first_row=100)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_whole_numbers_are_finite(dtype):
    check_finite("x", np.ones((3, 2), dtype), np.dtype(np.float32))


def test_the_largest_numbers_are_allowed():
    for dtype in (np.float32, np.float64):
        x = np.full((50, 4), np.finfo(dtype).max, dtype)
        x[::2] *= -1
        check_finite("x", x, x.dtype)
        check_finite("x", x, np.dtype(np.float64))
    with pytest.raises(ValueError, match=r"^x\[0, 0\] is -1.79769e\+308: data must be at most 3.4e"):
        check_finite("x", x, np.dtype(np.float32))


def test_no_copy_is_made():
    x = np.ones((4000, 100))
    tracemalloc.start()
    check_finite("x", x, x.dtype)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < x.nbytes / 100


def call(x, y, *, layers=(), n_out=3, compiled=False, **given):
    """Return the generator of `train`, not started, and the network."""
    net = pl.Network([*layers, pl.Dense(n_out)]).build(4, rng=np.random.default_rng(0))
    loss = pl.MeanSquaredError()
    return pl.train(net, loss, pl.SGD(0.1), x, y, epochs=1, compiled=compiled, **given), net


def with_number(shape, place, number):
    values = np.ones(shape)
    values[place] = number
    return values


X, Y = np.ones((6, 4)), np.array([0, 1, 2, 0, 1, 2])
X_WRONG, Y_WRONG = with_number((6, 4), (5, 2), np.nan), with_number((6, 3), (4, 1), np.inf)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": X_WRONG, "y": Y}, r"x\[5, 2\] is nan: data must be finite"),
        ({"x": X_WRONG.tolist(), "y": Y}, r"x\[5, 2\] is nan"),
        ({"x": X, "y": Y_WRONG}, r"y\[4, 1\] is inf: data must be finite"),
        ({"x": X, "y": with_number(6, 4, -np.inf), "n_out": 1}, r"y\[4\] is -inf: data must be finite"),
        ({"x": X, "y": Y, "validation": (X_WRONG, Y)}, r"validation x\[5, 2\] is nan"),
        ({"x": X, "y": Y, "validation": (X, Y_WRONG)}, r"validation y\[4, 1\] is inf"),
        ({"x": with_number((6, 4), (1, 0), 1e39), "y": Y}, r"x\[1, 0\] is 1e\+39: data must be at most 3.4e"),
        ({"x": X, "y": with_number((6, 3), (1, 0), 1e39)}, r"y\[1, 0\] is 1e\+39: data must be at most 3.4e"),
    ],
)
def test_train_itself_raises(given, message, compiled):
    with pytest.raises(ValueError, match="^" + message):
        call(**given, compiled=compiled)


def test_a_small_memory_map_is_checked_beforehand(tmp_path):
    np.save(tmp_path / "x.npy", X_WRONG)
    with pytest.raises(ValueError, match=r"^x\[5, 2\] is nan"):
        call(tmp_path / "x.npy", Y, batch_size=2, shuffle=False)


def test_a_layer_that_casts_takes_numbers_too_large_for_the_network():
    """1e39 is too large for float32, but Rescale computes in float64 and returns 1."""
    records, net = call(np.full((6, 4), 1e39), Y, layers=[pl.Rescale(1e-39, [1, 0, 0, 0])])
    next(records)
    assert np.isfinite(net.theta).all()


def test_an_iterable_names_the_batch():
    records, _ = call([(X, Y), (X_WRONG, Y)], None)
    with pytest.raises(ValueError, match=r"^batch 2: x\[5, 2\] is nan: data must be finite"):
        next(records)


def test_evaluate_raises_and_predict_passes_it_through():
    _, net = call(X, Y)
    with pytest.raises(ValueError, match=r"^x\[5, 2\] is nan: data must be finite"):
        pl.evaluate(net, pl.MeanSquaredError(), X_WRONG, Y)
    outputs = net.predict(X_WRONG)
    assert np.isnan(outputs[5]).all()
    assert np.isfinite(outputs[:5]).all()


def test_data_on_the_gpu(monkeypatch):
    """With the stand-in for CuPy, which does not mix with NumPy arrays."""
    strict.install(monkeypatch)
    net = pl.Network([pl.Dense(3)]).build(4, rng=np.random.default_rng(0), device="gpu")
    given = net, pl.MeanSquaredError(), pl.SGD(0.1)
    pl.train(*given, to_device(X, "gpu"), to_device(Y, "gpu"), epochs=1)
    with pytest.raises(ValueError, match=r"^x\[5, 2\] is nan: data must be finite"):
        pl.train(*given, to_device(X_WRONG, "gpu"), to_device(Y, "gpu"), epochs=1)
