"""Batches shared by several threads give the same numbers as one thread, and leave no thread behind."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as pl
from pellucid.compiled.threads import workers
from pellucid.compiled.threads.blas import libraries
from pellucid.compiled.threads.workers import (
    MANY_ROWS,
    MAX_WEIGHTS,
    MAX_WEIGHTS_SPARSE,
    MIN_BATCH_WORK,
    MIN_SHARE_ROWS,
    n_cuts,
)

pytestmark = pytest.mark.usefixtures("either_method")
N, N_IN = 103, 6


def data():
    rng = np.random.default_rng(0)
    return rng.integers(256, size=(N, N_IN), dtype=np.uint8), rng.integers(3, size=N)


def network(seed=0):
    layers = [pl.Rescale(1 / 255), pl.Dense(7), pl.Tanh(), pl.Dropout(0.2), pl.Dense(3)]
    return pl.Network(layers).build(N_IN, rng=np.random.default_rng(seed), dtype=np.float64)


def training(net, *, compiled=True, epochs=4, block_rows=8, batch_size=None, optimizer=None):
    return pl.train(
        net,
        pl.SoftmaxCrossEntropy(),
        deepcopy(optimizer) or pl.SGD(0.5, momentum=0.9),
        *data(),
        epochs=epochs,
        block_rows=block_rows,
        batch_size=batch_size,
        rng=np.random.default_rng(3),
        compiled=compiled,
    )


def test_which_batches_are_cut(monkeypatch):
    monkeypatch.setattr(workers, "n_threads", lambda: 4)
    one, two = (
        SimpleNamespace(n_weights=MAX_WEIGHTS, sets=[0]),
        SimpleNamespace(n_weights=10**5, sets=[0, 1]),
    )
    rows = [MIN_SHARE_ROWS - 1, 2 * MIN_SHARE_ROWS, 3 * MIN_SHARE_ROWS, 4 * MIN_SHARE_ROWS, 1000]
    cuts = partial(n_cuts, most=4, is_sparse=False)
    assert [cuts(one, n) for n in rows] == [1, 2, 3, 4, 4]
    assert cuts(two, 1000) == 1
    one.n_weights += 1
    assert [cuts(one, n) for n in (MANY_ROWS - 1, MANY_ROWS)] == [1, 4]
    assert cuts(one, MANY_ROWS - 1, is_sparse=True) == 4
    one.n_weights = MAX_WEIGHTS_SPARSE + 1
    assert [cuts(one, n, is_sparse=True) for n in (MANY_ROWS - 1, MANY_ROWS)] == [1, 4]
    one.n_weights = 1000
    assert [cuts(one, MIN_BATCH_WORK // 1000 + more) for more in (0, 1, MIN_BATCH_WORK)] == [1, 2, 4]


def check_twins(**arguments):
    """Train by threads, by threads once more, and by the plain layers; compare."""
    net, again, twin = network(), network(), network()
    found = list(training(net, **arguments))
    expected = list(training(twin, **arguments, compiled=False))
    assert np.abs(net.theta - twin.theta).max() <= 1e-12
    np.testing.assert_allclose([r.loss for r in found], [r.loss for r in expected], rtol=1e-12)
    assert [r.accuracy for r in found] == [r.accuracy for r in expected]
    list(training(again, **arguments))
    np.testing.assert_array_equal(again.theta, net.theta)


@pytest.mark.parametrize("block_rows", [1, 8, 50])
def test_threads_change_no_numbers(block_rows, three_threads):
    check_twins(block_rows=block_rows)


@pytest.mark.parametrize("batch_size", [2, 3, 20])
@pytest.mark.parametrize(
    "optimizer", [pl.SGD(0.05, momentum=0.9, weight_decay=0.01), pl.Adam(weight_decay=0.1)]
)
def test_threads_change_no_numbers_in_small_batches(batch_size, optimizer, three_threads):
    """The last batch has one row, so two threads have none."""
    check_twins(batch_size=batch_size, optimizer=optimizer)


def test_weights_and_biases_in_many_chunks(three_threads, monkeypatch):
    """Shares of the parameters begin anywhere; weight decay acts on weights only."""
    monkeypatch.setattr("pellucid.compiled.threads.workers.MAX_WEIGHTS", 10**9)
    x, y = np.random.default_rng(0).normal(size=(40, 300)), np.arange(40) % 3
    nets = []
    for compiled in (False, True):
        net = pl.Network([pl.Dense(70), pl.ReLU(), pl.Dense(3)]).build(
            300, rng=np.random.default_rng(1), dtype=np.float64
        )
        loss, optimizer = pl.SoftmaxCrossEntropy(), pl.Adam(0.01, weight_decay=0.3)
        rng = np.random.default_rng(2)
        list(pl.train(net, loss, optimizer, x, y, epochs=3, batch_size=9, rng=rng, compiled=compiled))
        nets.append(net)
    assert np.abs(nets[0].theta - nets[1].theta).max() <= 1e-12
    assert np.abs(nets[0].grad - nets[1].grad).max() <= 1e-12


def test_threads_end_when_one_cannot_be_started(three_threads, monkeypatch):
    """No thread goes on training after the error."""
    real = ThreadPoolExecutor.submit

    def submit(pool, *arguments):
        real(pool, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)
    net = network()
    with pytest.raises(KeyboardInterrupt):
        next(training(net, batch_size=2))
    time.sleep(0.05)
    theta = net.theta.copy()
    time.sleep(0.1)
    np.testing.assert_array_equal(net.theta, theta)


def test_after_ctrl_c_the_optimizer_has_counted_the_steps_taken(three_threads, monkeypatch):
    real, optimizer, start = workers.descend, pl.SGD(0.1), network().theta

    def descend(*arguments):
        real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(workers, "n_threads", lambda: 1)
    monkeypatch.setattr(workers, "descend", descend)
    net = network()
    records = pl.train(
        net,
        pl.SoftmaxCrossEntropy(),
        optimizer,
        *data(),
        epochs=1,
        batch_size=2,
        shuffle=False,
        compiled=True,
    )
    with pytest.raises(KeyboardInterrupt):
        next(records)
    assert np.abs(net.theta - start).max() > 0
    assert optimizer.step_number == -(-N // 2)


def test_a_limit_set_between_epochs_holds(monkeypatch):
    monkeypatch.setattr(workers, "MIN_BATCH_WORK", 1)
    monkeypatch.setattr(workers, "MIN_SHARE_ROWS", 16)
    started = []
    real = ThreadPoolExecutor.submit
    monkeypatch.setattr(
        ThreadPoolExecutor, "submit", lambda *arguments: started.append(1) or real(*arguments)
    )
    for make in (lambda: training(network(), batch_size=40), many):
        monkeypatch.setattr(workers, "n_threads", lambda: 2)
        records = make()
        next(records)
        assert started
        monkeypatch.setattr(workers, "n_threads", lambda: 1)
        started.clear()
        next(records)
        assert not started


def many():
    nets = [network(seed) for seed in range(4)]
    rng = np.random.default_rng(0)
    loss, optimizer = pl.SoftmaxCrossEntropy(), pl.SGD(0.1)
    return pl.train_many(nets, loss, optimizer, *data(), epochs=2, batch_size=40, rng=rng, compiled=True)


FORK = """
import os, signal
import numpy as np, pellucid as pl
from pellucid.compiled.threads import workers
workers.n_threads, workers.MIN_BATCH_WORK, workers.MIN_SHARE_ROWS = (lambda: 2), 1, 1
rng = np.random.default_rng(0)
net = pl.Network([pl.Dense(3)]).build(5, rng=rng)
records = pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), rng.normal(size=(40, 5)), np.arange(40) % 3,
                   epochs=2, batch_size=10, rng=rng, compiled=True)
next(records)
if os.fork() == 0:
    signal.alarm(20)
    next(records)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_trains_on_by_itself():
    """The child has none of its parent's threads."""
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"


def ours():
    return [thread for thread in threading.enumerate() if thread.name.startswith("pellucid")]


def test_the_threads_end_with_the_training(three_threads):
    records = training(network())
    next(records)
    assert 1 <= len(ours()) <= 3
    del records
    gc.collect()
    deadline = time.monotonic() + 5
    while ours() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not ours()


def test_trainings_in_two_python_threads(three_threads):
    expected = []
    for seed in range(2):
        net = network(seed)
        list(training(net, epochs=30))
        expected.append(net.theta)
    before = [library["num_threads"] for library in libraries().info()]
    nets = [network(seed) for seed in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda net: list(training(net, epochs=30)), nets))
    for net, theta in zip(nets, expected, strict=True):
        np.testing.assert_array_equal(net.theta, theta)
    assert [library["num_threads"] for library in libraries().info()] == before


LONG = """
import sys
import numpy as np, pellucid as pl
rng = np.random.default_rng(0)
x, y = rng.integers(256, size=(200_000, 50), dtype=np.uint8), rng.integers(3, size=200_000)
layers = [pl.Rescale(1 / 255), pl.Dense(500), pl.Tanh(), pl.Dense(3)]
net = pl.Network(layers).build(50, rng=rng, dtype=np.float64)
batch_size = int(sys.argv[1]) or None
for record in pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x[:1000], y[:1000], epochs=1,
                       batch_size=batch_size, block_rows=100, rng=rng, compiled=True):
    print("compiled", flush=True)
for record in pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y, epochs=1000,
                       batch_size=batch_size, rng=rng, compiled=True):
    pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent differently on Windows")
@pytest.mark.parametrize("batch_size", [32, 0])
def test_ctrl_c_stops_at_once(batch_size):
    """Ctrl-C is sent in the middle of an epoch that takes seconds."""
    command = [sys.executable, "-c", LONG, str(batch_size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "compiled\n"
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=5)
        finally:
            process.kill()
    assert errors.rstrip().endswith("KeyboardInterrupt")
