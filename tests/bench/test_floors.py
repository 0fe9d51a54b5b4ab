"""The floors do the work that they stand for."""

from dataclasses import replace

import numpy as np
import pytest
from bench.problem import Problem
from bench.workloads import WORKLOADS

from bench import floors

DATA = np.random.default_rng(0).integers(0, 256, (90, 784), np.uint8), np.arange(90) % 10


@pytest.fixture
def products(monkeypatch):
    """Count the floating-point operations of all products."""
    done, multiply = [], np.matmul

    def matmul(left, right, out):
        done.append(2 * left.shape[0] * left.shape[1] * right.shape[1])
        assert out.shape == (left.shape[0], right.shape[1])
        return multiply(left, right, out=out)

    monkeypatch.setattr(np, "matmul", matmul)
    return done


@pytest.mark.parametrize(
    ("name", "options", "calls"),
    [
        ("D", {}, 2 * 3),  # forward and dW of three batches: 32, 32 and 26 rows
        ("G", {}, 8 * 1),  # one batch: forward and dW of three layers, dx of two
        ("C", {"block_rows": 40}, 8 * 3),
        ("C", {"block_rows": 40, "python_threads": 2}, 8 * 3),
    ],
)
def test_the_products_are_those_of_a_unit(products, name, options, calls):
    work = replace(WORKLOADS[name], rows=90)
    floors.prepare(Problem(work), {"floor": "products", **options}).run()
    assert sum(products) == floors.flop(work)
    assert len(products) == calls


def test_operations_of_a_deep_net():
    """A product of (n, k) and (k, m) has 2nkm; the data's gradient is never formed."""
    work = replace(WORKLOADS["E"], rows=7)
    assert floors.flop(work) == 2 * 7 * (2 * 784 * 30 + 3 * 30 * 10)


@pytest.mark.parametrize("pixels", ["uint8", "float32"])
def test_gathering_takes_each_row_once(monkeypatch, pixels):
    taken, take = [], np.take

    def spy(x, rows, **about):
        taken.extend(rows)
        return take(x, rows, **about)

    monkeypatch.setattr(np, "take", spy)
    work = replace(WORKLOADS["D"], rows=90)
    floors.prepare(Problem(work, data=DATA), {"floor": "gathering", "pixels": pixels}).run()
    assert sorted(taken) == list(range(90))
    assert taken != list(range(90))


def test_memory_reads_all_pixels():
    work = replace(WORKLOADS["D"], rows=90)
    squares = floors.prepare(Problem(work, data=DATA), {"floor": "memory"}).run()
    assert squares == pytest.approx(((DATA[0].astype(float) / 255) ** 2).sum(), rel=1e-4)
