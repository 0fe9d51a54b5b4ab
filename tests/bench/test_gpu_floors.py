"""The floors of a GPU, on the processor: the products of a unit, and the bytes that they move."""

from dataclasses import replace

import pytest
from bench.problem import Problem
from bench.workloads import WORKLOADS
from tests.bench.peers.test_torch_gpu import run_now

from bench import floors, gpu_floors

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch):
    """Record nothing: a replay is another call."""
    monkeypatch.setattr(gpu_floors, "captured", run_now)
    yield
    torch.set_float32_matmul_precision("highest")


@pytest.fixture
def products(monkeypatch):
    """Count the floating-point operations of all products."""
    done, multiply = [], torch.mm

    def mm(left, right, out):
        done.append(2 * left.shape[0] * left.shape[1] * right.shape[1])
        return multiply(left, right, out=out)

    monkeypatch.setattr(torch, "mm", mm)
    return done


@pytest.mark.parametrize(("name", "iterations"), [("C", 3), ("G", 1)])
def test_the_products_are_those_of_a_unit(name, iterations, products):
    work = replace(WORKLOADS[name], sizes=(784, 20, 12, 10), rows=150)
    options = {"floor": "products", "tf32": True, "device": "cpu", "iterations": iterations}
    prepared = gpu_floors.prepare(Problem(work), options)
    assert torch.get_float32_matmul_precision() == "high"
    products.clear()
    prepared.run()
    assert sum(products) == iterations * floors.flop(work)


def test_the_bytes_of_a_step():
    """x 5 × 3, W 3 × 2 and y 5 × 2, forward and for dW; SGD reads θ and the gradient, and writes θ."""
    work = replace(WORKLOADS["D"], sizes=(3, 2), rows=5)
    assert gpu_floors.traffic(work, 5) == 4 * (2 * (15 + 6 + 10) + 3 * 8)
    deep = replace(work, sizes=(3, 2, 2))
    assert gpu_floors.traffic(deep, 5) == gpu_floors.traffic(work, 5) + 4 * (3 * (10 + 4 + 10) + 3 * 6)


def test_the_bytes_are_moved_by_copies(monkeypatch):
    moved = []
    monkeypatch.setattr(torch.Tensor, "copy_", lambda self, other: moved.append(self.nbytes + other.nbytes))
    work = replace(WORKLOADS["F"], sizes=(784, 12, 10), rows=200)
    options = {"floor": "memory", "tf32": False, "device": "cpu"}
    prepared = gpu_floors.prepare(Problem(work), options)
    moved.clear()
    prepared.run()
    assert sum(moved) == pytest.approx(gpu_floors.traffic(work, 128) + gpu_floors.traffic(work, 72), rel=1e-4)
