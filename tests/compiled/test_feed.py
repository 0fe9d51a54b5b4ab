"""What compiled steps read: x in forms that Numba supports, and the random numbers of each dropout."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.compiled.feed import Feed
from pellucid.compiled.first.tiles import DENSE

ROWS = np.array([4, 0, 0, 5])


def network(*layers, dtype=np.float32, seed=0):
    layers = [pl.Rescale(0.5), *(layers or [pl.Dense(3)])]
    return pl.Network(layers).build(4, rng=np.random.default_rng(seed), dtype=dtype)


def fed(x, nets=None):
    """Return the data for ROWS of x, and the rows that a compiled step would gather."""
    data = Feed(nets or [network()]).data(x, np.arange(6, dtype=np.int8) % 3, ROWS, DENSE)
    return data, data.x[data.rows]


@pytest.mark.parametrize("dtype", ["u1", "i2", "i8", "?", "f4", "f8"])
def test_forms_that_numba_supports_are_not_copied(dtype):
    x = np.arange(24).reshape(6, 4).astype(dtype)
    data, gathered = fed(x)
    assert np.shares_memory(data.x, x)
    assert not data.x.flags.writeable
    np.testing.assert_array_equal(gathered, x[ROWS])
    np.testing.assert_array_equal(data.labels, ROWS % 3)
    assert data.labels.dtype == data.rows.dtype == np.int64


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (lambda x: x.astype("f2"), "f4"),
        (lambda x: x.astype(">f4"), "f4"),
        (lambda x: x.astype(">f8"), "f8"),
        (lambda x: x.astype(np.longdouble), "f8"),
        (lambda x: x.astype(">u2"), "u2"),
        (lambda x: np.asfortranarray(x.astype("f8")), "f8"),
        (lambda x: np.frombuffer(b" " + x.astype("f8").tobytes(), "f8", offset=1).reshape(x.shape), "f8"),
        (lambda x: np.repeat(x, 2, axis=1)[:, ::2], "i8"),
    ],
)
def test_other_forms_are_copied_row_by_row(make, dtype):
    x = np.arange(24).reshape(6, 4)
    data, gathered = fed(make(x))
    assert data.x.dtype == np.dtype(dtype)
    assert data.x.flags.c_contiguous
    assert data.x.flags.aligned
    assert data.x.shape == (4, 4)
    np.testing.assert_array_equal(gathered, x[ROWS])


def test_numbers_drawn():
    """Layer by layer, network by network, row by row: each dropout uses its own generator."""
    layers = [(pl.Dense(3), pl.Dropout(0.1), pl.Dense(2), pl.Tanh(), pl.Dropout(0.2), pl.Dense(2))] * 2
    nets = [network(*(type(y)(**y.settings()) for y in each), seed=i) for i, each in enumerate(layers)]
    twins = [network(*(type(y)(**y.settings()) for y in each), seed=i) for i, each in enumerate(layers)]
    feed = Feed(nets)
    data = feed.data(np.zeros((6, 4)), np.zeros(6, int), ROWS, DENSE)
    np.testing.assert_allclose(data.drop_prob, [0.1, 0.2, -1])
    assert feed.n_drawn == 2 * (3 + 2)
    expected = [
        twins[j].layers[i].rng.random((4, width), dtype=np.float32)
        for i, width in ((2, 3), (5, 2))
        for j in range(2)
    ]
    np.testing.assert_array_equal(data.drawn, np.concatenate([part.ravel() for part in expected]))
