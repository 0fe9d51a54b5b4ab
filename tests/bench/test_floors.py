"""The floors do exactly their part of the work; those of a GPU run on the CPU here."""

from dataclasses import replace

import numpy as np
import pytest
from bench.problem import Problem
from bench.workloads import WORKLOADS
from tests.bench.conftest import run_now

from bench import floors

DATA = np.random.default_rng(0).integers(0, 256, (90, 784), np.uint8), np.arange(90) % 10


def flop(work):
    """Return the floating-point operations of the products of a unit.

    These are y = x W and dW for each layer, and dx for all layers but the first.
    """
    first, *others = (n_in * n_out for n_in, n_out in work.layers)
    return 2 * work.rows * (2 * first + 3 * sum(others))


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
    assert sum(products) == flop(work)
    assert len(products) == calls


def test_operations_of_a_deep_net():
    """A product of (n, k) and (k, m) takes 2nkm operations; the gradient of the data is not computed."""
    work = replace(WORKLOADS["E"], rows=7)
    assert flop(replace(WORKLOADS["D"], rows=100)) == 2 * 2 * 100 * 784 * 10
    assert flop(work) == 2 * 7 * (2 * 784 * 30 + 3 * 30 * 10)


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


@pytest.fixture
def torch(monkeypatch):
    """Return PyTorch, with `captured` replaced: a replay calls the step again."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(floors, "captured", run_now)
    yield torch
    torch.set_float32_matmul_precision("highest")


@pytest.fixture
def torch_products(monkeypatch, torch):
    """Count the floating-point operations of all products of PyTorch."""
    done, multiply = [], torch.mm

    def mm(left, right, out):
        done.append(2 * left.shape[0] * left.shape[1] * right.shape[1])
        return multiply(left, right, out=out)

    monkeypatch.setattr(torch, "mm", mm)
    return done


@pytest.mark.parametrize(("name", "iterations"), [("C", 3), ("G", 1)])
def test_the_products_on_a_gpu_are_those_of_a_unit(name, iterations, torch, torch_products):
    work = replace(WORKLOADS[name], sizes=(784, 20, 12, 10), rows=150)
    options = {"floor": "products", "tf32": True, "device": "cpu", "iterations": iterations}
    prepared = floors.prepare(Problem(work), options)
    assert torch.get_float32_matmul_precision() == "high"
    torch_products.clear()
    prepared.run()
    assert sum(torch_products) == iterations * flop(work)


def test_the_bytes_of_a_step():
    """x is 5 × 3, W 3 × 2 and y 5 × 2, in y and in dW; SGD reads θ and the gradient, and writes θ."""
    work = replace(WORKLOADS["D"], sizes=(3, 2), rows=5)
    assert floors.traffic(work, 5) == 4 * (2 * (15 + 6 + 10) + 3 * 8)
    deep = replace(work, sizes=(3, 2, 2))
    assert floors.traffic(deep, 5) == floors.traffic(work, 5) + 4 * (3 * (10 + 4 + 10) + 3 * 6)


def test_the_bytes_are_moved_by_copies(monkeypatch, torch):
    moved = []
    monkeypatch.setattr(torch.Tensor, "copy_", lambda self, other: moved.append(self.nbytes + other.nbytes))
    work = replace(WORKLOADS["F"], sizes=(784, 12, 10), rows=200)
    options = {"floor": "memory", "tf32": False, "device": "cpu"}
    prepared = floors.prepare(Problem(work), options)
    moved.clear()
    prepared.run()
    assert sum(moved) == pytest.approx(floors.traffic(work, 128) + floors.traffic(work, 72), rel=1e-4)
