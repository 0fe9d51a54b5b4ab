"""Narrow first products equal the plain layers, and unpack the weights at the end."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from tests.compiled.first import test_sparse
from tests.compiled.test_descent import OPTIMIZERS, check_same, check_twins, run

import pellucid as pl
from pellucid.compiled.descent import CompiledDescent, best_block
from pellucid.compiled.first import tiles
from pellucid.compiled.threads import workers
from pellucid.compiled.threads.shares import STRIDE, TAKEN
from pellucid.training.many import Single

N = 150


def data(n_in=30, dtype=np.uint8, n=N, n_classes=3):
    """Return data that can be learned and have few zeros."""
    rng = np.random.default_rng(0)
    y = rng.integers(n_classes, size=n)
    x = rng.integers(1, 60, size=(n, n_in))
    x[np.arange(n), y] += 60
    return x.astype(dtype), y


def network(n_in=30, n_out=10, **settings):
    """Return a network whose first layer has few outputs."""
    return test_sparse.network(n_in, n_out, **settings)


WAYS = [{"batch_size": 32}, {"batch_size": 7}, {"block_rows": 60}, {"block_rows": None}]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_panels_and_blas_are_equal_to_rounding(way, monkeypatch):
    """Different bits, from another order of sums, show that the tests below really use panels."""
    nets = [network(200, 10, scale=1 / 1000) for _ in range(2)]
    records = [run(nets[0], *data(200), compiled=True, **way)]
    monkeypatch.setattr(tiles, "MAX_NARROW", (0, 0))
    records.append(run(nets[1], *data(200), compiled=True, **way))
    check_same(nets, *records)
    assert not np.array_equal(nets[0].theta, nets[1].theta)


@pytest.mark.parametrize("way", WAYS[:3], ids=str)
@pytest.mark.parametrize("n_out", [*range(1, 13), 15, 20, 22, 30, 48, 100])
def test_widths(n_out, way):
    """All panel widths, one panel and several, full tiles and others."""
    check_twins(*data(), make=partial(network, n_out=n_out), **way)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_in", [4, 7, 8, 15, 16, 17, 31, 32, 33, 48, 100])
def test_columns_that_do_not_fill_a_vector(n_in, dtype):
    bound = 1e-12 if dtype == np.float64 else 1e-5
    check_twins(*data(n_in), make=partial(network, n_in, 5, dtype=dtype), batch_size=20, bound=bound)


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_few_rows(n):
    x, y = data(n=n)
    check_twins(x, y, make=partial(network, n_out=8), batch_size=n)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("way", WAYS[1:3], ids=str)
def test_optimizers(optimizer, way):
    """In blocks too: the weights must not change between the blocks of a batch."""
    check_twins(*data(), make=partial(network, drop_prob=0.3), optimizer=OPTIMIZERS[optimizer], **way)


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint16, np.int64, np.float32, np.float64])
@pytest.mark.parametrize(("net_dtype", "bound"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_data_of_other_dtypes(dtype, net_dtype, bound):
    x, y = data(37)
    make = partial(network, 37, scale=1 if dtype == np.bool_ else 1 / 100, shift=-0.5, dtype=net_dtype)
    check_twins(x.astype(dtype), y, make=make, batch_size=32, bound=bound)


def test_scale_and_shift_by_column():
    scale, shift = [1 / (90 + i) for i in range(37)], [0.1 * (i % 5) for i in range(37)]
    check_twins(*data(37), make=partial(network, 37, scale=scale, shift=shift), batch_size=32)


@pytest.mark.parametrize("n_nets", [2, 3])
@pytest.mark.parametrize("way", [WAYS[0], WAYS[2]], ids=str)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_several_networks(way, n_nets, n_threads, monkeypatch):
    """Three networks in two threads: sets of two and of one network, whose panels are equally wide."""
    monkeypatch.setattr(workers, "n_threads", lambda: n_threads)
    monkeypatch.setattr("pellucid.compiled.threads.blas.n_threads", lambda: n_threads)
    test_sparse.check_many(network, *data(), n_nets=n_nets, **way)


@pytest.mark.parametrize("n_nets", [74, 75])
def test_sets_that_have_panels_only_together(n_nets, monkeypatch):
    """Sets of 37 and 38 networks of one output: a single set of 37 cannot be cut into panels."""
    monkeypatch.setattr(workers, "n_threads", lambda: 2)
    monkeypatch.setattr("pellucid.compiled.threads.blas.n_threads", lambda: 2)
    found = []
    for compiled in (True, False):
        nets = [network(20, 1, seed=seed) for seed in range(n_nets)]
        training = pl.train_many(
            nets, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), *data(20), epochs=1, batch_size=32,
            rng=np.random.default_rng(0), compiled=compiled,
        )  # fmt: skip
        list(training)
        found.append(np.array([net.theta for net in nets]))
    np.testing.assert_allclose(*found, rtol=1e-10, atol=1e-12)


def test_blocks_of_a_batch_do_not_depend_on_earlier_batches():
    """A dense batch after a sparse one, whose blocks are larger."""
    rng = np.random.default_rng(0)
    dense = rng.integers(1, 100, size=(200, 70)).astype(np.uint8), rng.integers(3, size=200)
    sparse = np.zeros((256, 70), np.uint8), rng.integers(3, size=256)
    sizes = []
    for batches in ([dense], [sparse, dense]):
        net = network(70, 130)
        descent = CompiledDescent(Single(net), pl.SoftmaxCrossEntropy(), pl.SGD(0.1), 0, 2048)
        for x, y in batches:
            descent.steps(x, y, slice(0, len(x)), len(x))
        sizes.append(descent._workers_for(200, is_sparse=False)[2])
    assert sizes[0] == sizes[1] == (200, best_block(70 * 130))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_shares_of_rows(rows, optimizer, three_threads):
    """The last batch has fewer rows than there are shares."""
    check_twins(*data(n=100 + rows), make=network, optimizer=OPTIMIZERS[optimizer], batch_size=50)


@pytest.mark.parametrize("way", WAYS[:3], ids=str)
def test_calls_that_hold_a_part_of_a_batch(way, monkeypatch):
    """Gradients are accumulated over calls; each call packs the weights and unpacks them."""
    monkeypatch.setattr("pellucid.compiled.descent.AHEAD", 1)
    nets = [network(drop_prob=0.2) for _ in range(2)]
    records = [
        run(net, *data(), compiled=compiled, **way) for net, compiled in zip(nets, (True, False), strict=True)
    ]
    check_same(nets, *records)


def test_weights_are_restored_if_threads_are_stopped(three_threads, monkeypatch):
    """Ctrl-C while threads start, one of which has already packed its weights."""
    real, has_begun = ThreadPoolExecutor.submit, []

    def submit(pool, function, *arguments):
        if has_begun:
            raise KeyboardInterrupt
        has_begun.append(real(pool, function, *arguments))
        counters = arguments[-2]
        while not counters[TAKEN + 1 :: STRIDE].all():
            pass
        return has_begun[0]

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    net = network(60)
    before = net.theta.copy()
    with pytest.raises(KeyboardInterrupt):
        run(net, *data(60, n=20_000), compiled=True, optimizer=pl.SGD(1e-9), batch_size=50)
    np.testing.assert_allclose(net.theta, before, atol=1e-6)


@pytest.mark.parametrize(("vector_bytes", "max_sums"), [(16, 24), (32, 12), (64, 24)])
def test_orders_in_panels_are_permutations(vector_bytes, max_sums, monkeypatch):
    monkeypatch.setattr(tiles, "VECTOR_BYTES", vector_bytes)
    for order, size in zip(tiles.orders_in_panels([(37, 20), (37, 10)], itemsize=4), (740, 370), strict=True):
        np.testing.assert_array_equal(np.sort(order[:size]), np.arange(size))


@pytest.mark.parametrize(
    ("rows", "n_outs", "itemsize", "is_sparse", "expected"),
    [
        (32, [10], 4, True, 10),
        (256, [10], 4, True, 10),
        (256, [24], 4, True, "sparse"),
        (256, [24], 4, False, 12),
        (32, [100], 4, False, 10),
        (256, [100], 4, False, "dense"),
        (32, [17], 4, False, "dense"),
        (256, [13], 4, True, "sparse"),
        (32, [20, 10], 4, False, 10),
        (32, [130], 4, False, "dense"),
    ],
)
def test_choice_of_method(rows, n_outs, itemsize, is_sparse, expected):
    method = tiles.choose_method(rows, 784, n_outs, itemsize, is_sparse=is_sparse)
    names = {tiles.DENSE: "dense", tiles.SPARSE: "sparse"}
    assert names.get(method, len(method) - 1) == expected


@pytest.mark.parametrize("full_bytes", [0, 128])
def test_rows_that_fill_cache_lines_are_left_to_blas(full_bytes, monkeypatch):
    monkeypatch.setattr(tiles, "FULL_BYTES", full_bytes)
    method = tiles.choose_method(32, 784, [32], 4, is_sparse=False)
    assert (method == tiles.DENSE) == bool(full_bytes)
