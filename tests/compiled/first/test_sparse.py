"""Sparse first products equal the plain layers."""

from functools import partial

import numpy as np
import pytest
from tests.compiled.test_descent import OPTIMIZERS, check_same, check_twins, run

import pellucid as pl
from pellucid.compiled import feed
from pellucid.compiled.threads import workers

N = 300


def data(n_in=30, dtype=np.uint8, seed=0, n=N):
    """Return data that can be learned, of which few entries and none of the last column are nonzero."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    x = rng.integers(1, 100, size=(n, n_in)) * (rng.random((n, n_in)) < 0.08)
    x[np.arange(n), y] = 90
    x[:, -1] = 0
    return x.astype(dtype), y


def network(n_in=30, n_out=24, *, scale=1 / 100, shift=0, dtype=np.float64, seed=1, drop_prob=None):
    """Return a network whose first layer has n_out outputs."""
    dropout = [] if drop_prob is None else [pl.Dropout(drop_prob)]
    hidden = [pl.Dense(n_out, bias_init=pl.normal(0.5)), pl.Tanh(), *dropout, pl.Dense(3)]
    return pl.Network([pl.Rescale(scale, shift), *hidden]).build(
        n_in, rng=np.random.default_rng(seed), dtype=dtype
    )


def dense_as_well(x, y, n_out, monkeypatch, **way):
    """Train with sparse and with dense products; return both networks and records."""
    nets = [network(x.shape[1], n_out) for _ in range(2)]
    records = [run(nets[0], x, y, compiled=True, **way)]
    monkeypatch.setattr(feed, "is_sparse", lambda x: False)
    records.append(run(nets[1], x, y, compiled=True, **way))
    return nets, records


WAYS = [{"batch_size": 64}, {"batch_size": 250}, {"block_rows": 130}, {"block_rows": None}]


@pytest.mark.parametrize("way", WAYS[1:], ids=str)
def test_sparse_and_dense_products_are_equal_to_rounding(way, monkeypatch):
    """Different bits, from another order of sums, show that the tests below really use sparse products."""
    nets, records = dense_as_well(*data(200), 64, monkeypatch, **way)
    check_same(nets, *records)
    assert not np.array_equal(nets[0].theta, nets[1].theta)


def test_dense_data_have_dense_products(monkeypatch):
    x, y = data()
    nets, _ = dense_as_well(x + 1, y, 64, monkeypatch, batch_size=64)
    assert np.array_equal(nets[0].theta, nets[1].theta)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("n_out", [1, 8, 16, 23, 32, 33, 50, 64, 65, 100, 130, 200])
def test_widths(n_out, way):
    """Tiles of one to four cache lines, full and not."""
    check_twins(*data(), make=partial(network, n_out=n_out), **way)


@pytest.mark.parametrize("n_in", [4, 5, 6, 7, 8, 31])
def test_columns_that_do_not_fill_a_group(n_in):
    check_twins(*data(n_in), make=partial(network, n_in, 40), batch_size=150)


@pytest.mark.parametrize("n", [150, 299, 513])
def test_rows_that_do_not_fill_a_part(n):
    x, y = data(n=n)
    for block_rows in (n, 200):
        check_twins(x, y, make=partial(network, n_out=70), block_rows=block_rows)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("way", [WAYS[0], WAYS[2]], ids=str)
def test_optimizers(optimizer, way):
    make = partial(network, n_out=40, drop_prob=0.3)
    check_twins(*data(), make=make, optimizer=OPTIMIZERS[optimizer], **way)


@pytest.mark.parametrize("scale", [1 / 100, [1 / (100 + 9 * i) for i in range(31)]])
@pytest.mark.parametrize("shift", [-0.5, [0.1 * (i % 7) for i in range(31)]])
@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_shift_is_one_more_row(shift, scale, dtype, bound):
    make = partial(network, 31, 40, scale=scale, shift=shift, dtype=dtype)
    check_twins(*data(31), make=make, batch_size=64, bound=bound)
    check_twins(*data(31), make=make, block_rows=150, bound=bound)


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_columns_that_are_shifted_in_float64_keep_their_digits(dtype):
    """A column of seconds since 1970, which float32 rounds to minutes, beside columns of zeros and ones."""
    rng = np.random.default_rng(0)
    seconds = rng.integers(-10, 11, size=N)
    x = np.eye(31)[rng.integers(30, size=N)]
    x[:, 30] = 1.6e9 + seconds
    shift = [0] * 30 + [-1.6e9 / 6]
    make = partial(network, 31, 64, scale=[1] * 30 + [1 / 6], shift=shift, dtype=np.float32)
    check_twins(x.astype(dtype), (seconds > 0).astype(int), make=make, batch_size=100, bound=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_float32(dtype):
    x, y = data(31)
    check_twins(
        x.astype(dtype), y, make=partial(network, 31, 40, dtype=np.float32), batch_size=64, bound=1e-5
    )


def check_many(make, x, y, *, n_nets, **way):
    """Train several networks together, compiled and not, and compare."""
    made = [[make(seed=seed) for seed in range(n_nets)] for _ in range(2)]
    found = []
    for nets, compiled in zip(made, (False, True), strict=True):
        rng = np.random.default_rng(5)
        training = pl.train_many(
            nets, pl.SoftmaxCrossEntropy(), pl.Adam(0.01), x, y, epochs=3, rng=rng, compiled=compiled, **way
        )
        found.append(list(zip(*training, strict=True)))
    for k in range(n_nets):
        check_same((made[0][k], made[1][k]), found[0][k], found[1][k])


@pytest.mark.parametrize("way", [WAYS[0], WAYS[2]], ids=str)
def test_several_networks(way):
    check_many(partial(network, n_out=20), *data(), n_nets=3, **way)


@pytest.mark.parametrize("n_shares", [1, 2, 3])
def test_shares_of_rows(n_shares, monkeypatch):
    monkeypatch.setattr(workers, "MIN_BATCH_WORK", 1)
    monkeypatch.setattr(workers, "max_shares", lambda: n_shares)
    check_twins(*data(), make=partial(network, n_out=64), optimizer=OPTIMIZERS["adam"], batch_size=200)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("shift", [0, -0.5])
@pytest.mark.parametrize("rows", [1, 2])
def test_shares_without_rows(rows, shift, optimizer, monkeypatch):
    """The last batch has fewer rows than there are shares."""
    monkeypatch.setattr(workers, "MIN_BATCH_WORK", 1)
    monkeypatch.setattr(workers, "max_shares", lambda: 3)
    make = partial(network, n_out=64, shift=shift)
    check_twins(*data(n=200 + rows), make=make, optimizer=OPTIMIZERS[optimizer], batch_size=200)


@pytest.mark.parametrize("max_lines", [1, 2])
def test_processors_with_fewer_registers(max_lines, monkeypatch):
    monkeypatch.setattr("pellucid.compiled.first.tiles.MAX_LINES", max_lines)
    check_twins(*data(31), make=partial(network, 31, 100), batch_size=150)


def test_a_small_batch_has_the_same_bits_after_larger_ones(tmp_path):
    """A resumed training may begin with a batch that is too small for lists."""
    x, y = data(1500, np.float32, n=110)
    batches, nets = [(x[:10], y[:10]), (x[10:], y[10:])], []
    for all_epochs in ([2], [1, 2]):
        for epochs in all_epochs:
            net, path = network(1500, 128, dtype=np.float32), tmp_path / f"{len(nets)}.ckpt"
            run(net, batches, None, compiled=True, epochs=epochs, checkpoint=path, resume=True)
        nets.append(net)
    assert np.array_equal(nets[0].theta, nets[1].theta)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_noticed(value):
    """`train` refuses such arrays; if data come batch by batch, the loss shows it."""
    x, y = data(31, np.float32)
    x[70, 30] = value
    batches = [(x[start : start + 100], y[start : start + 100]) for start in (0, 100, 200)]
    with pytest.raises((ValueError, FloatingPointError), match=r"nan|inf"):
        list(
            pl.train(network(31, 64), pl.SoftmaxCrossEntropy(), pl.SGD(0.1), batches, epochs=1, compiled=True)
        )
