"""Floors: the parts of a workload that no implementation can skip, each measured like a contestant.

On the CPU, for a library on NumPy: matrix products, gathering rows, reading the pixels. The products run on
data that stays in the cache, in the shapes of the workload's batches; in full batch over blocks of rows. On a
GPU: the matrix products, and copies of as many bytes as they move, both replayed as CUDA graphs by PyTorch so
that no time goes into launches.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from bench.peers.pytorch import captured, torch_device
from bench.problem import Options, Prepared, Problem
from bench.ratios import PASSES
from bench.workloads import Workload

#: The factors of a matrix product and the array of its result, of NumPy or of PyTorch.
Product = tuple[Any, Any, Any]


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return the floor that ``options["floor"]`` names: products, gathering or memory.

    Further options on the CPU are ``block_rows`` and ``python_threads`` of the products and ``pixels`` of
    gathering; on a GPU ``tf32``, ``device`` and ``iterations``, the steps in a unit.
    """
    if "tf32" in options:
        return _on_gpu(problem, options)
    floors = {"products": _products, "gathering": _gathering, "memory": _memory}
    return floors[options["floor"]](problem, options)


def traffic(work: Workload, rows: int) -> int:
    """Return the least bytes that a step moves: operands and results of its products and of its update."""
    entries = PASSES[work.rule] * work.parameters
    for i, (n_in, n_out) in enumerate(work.layers):
        entries += (2 if i == 0 else 3) * (rows * n_in + n_in * n_out + rows * n_out)
    return 4 * entries


class ProductArrays:
    """Arrays for the products of a step on up to `rows` rows.

    `random` takes a shape and returns an array of NumPy or a tensor of PyTorch.
    """

    def __init__(self, work: Workload, rows: int, random: Callable[[tuple[int, int]], Any]) -> None:
        self.activations = [random((rows, width)) for width in work.sizes]
        self.gradients = [random((rows, width)) for width in work.sizes]
        self.weights = [random(shape) for shape in work.layers]
        self.weight_gradients = [random(shape) for shape in work.layers]

    def products(self, rows: int) -> Iterator[Product]:
        """Yield the products of a step on the first rows."""
        y, dy = [each[:rows] for each in self.activations], [each[:rows] for each in self.gradients]
        for i, W in enumerate(self.weights):
            yield y[i], W, y[i + 1]
        for i in reversed(range(len(self.weights))):
            yield y[i].T, dy[i + 1], self.weight_gradients[i]
            if i > 0:
                yield dy[i + 1], self.weights[i].T, dy[i]


def _products(problem: Problem, options: Options) -> Prepared:
    """Return the products of a unit, with BLAS's threads or in Python threads with one BLAS thread each."""
    work, n_threads = problem.workload, options.get("python_threads", 1)
    size: int = options.get("block_rows") or work.batch_size or work.rows
    rows = [min(size, work.rows - start) for start in range(0, work.rows, size)]
    shares = [rows[i::n_threads] for i in range(n_threads)]
    tasks = [partial(_multiply, _numpy_arrays(work, size), share) for share in shares]
    if n_threads == 1:
        return Prepared(tasks[0])
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
    pool = ThreadPoolExecutor(n_threads)
    return Prepared(lambda: [each.result() for each in [pool.submit(task) for task in tasks]])


def _numpy_arrays(work: Workload, rows: int) -> ProductArrays:
    rng = np.random.default_rng(0)
    return ProductArrays(work, rows, lambda shape: rng.random(shape, np.float32))


def _multiply(arrays: ProductArrays, batches: list[int]) -> None:
    products = {rows: list(arrays.products(rows)) for rows in set(batches)}
    for rows in batches:
        for left, right, out in products[rows]:
            np.matmul(left, right, out=out)


def _gathering(problem: Problem, options: Options) -> Prepared:
    """Return the gathering of an epoch's batches as floats, from floats or from converted bytes."""
    size = problem.workload.batch_size or problem.workload.rows
    as_bytes = options["pixels"] == "uint8"
    x = np.array(problem.data[0]) if as_bytes else problem.pixels()
    batch = np.empty((size, x.shape[1]), x.dtype)
    floats = np.empty(batch.shape, np.float32)
    orders = problem.orders()

    def epoch() -> None:
        order = next(orders)
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            np.take(x, rows, axis=0, out=batch[: len(rows)], mode="clip")
            if as_bytes:
                np.multiply(batch[: len(rows)], np.float32(1 / 255), out=floats[: len(rows)])

    return Prepared(epoch)


def _memory(problem: Problem, options: Options) -> Prepared:
    """Return a dot product that reads all pixels as float32 once."""
    x = problem.pixels().ravel()
    return Prepared(lambda: np.dot(x, x))


def _on_gpu(problem: Problem, options: Options) -> Prepared:
    """Return the products of a unit, or copies of their bytes, as replayed CUDA graphs."""
    import torch

    work, device = problem.workload, torch_device(options)
    step_of = {"products": _torch_products, "memory": _torch_copies}[options["floor"]]
    replays = {n: captured(step_of(work, n, device))[0] for n in set(work.batches)}

    def run() -> None:
        for _ in range(options.get("iterations", 1)):
            for n in work.batches:
                replays[n]()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return Prepared(run)


def _torch_products(work: Workload, rows: int, device: Any) -> Callable[[], object]:
    """Return a function that computes the products of a step."""
    import torch

    arrays = ProductArrays(work, rows, lambda shape: torch.rand(shape, device=device))
    products = list(arrays.products(rows))

    def step() -> None:
        for left, right, out in products:
            torch.mm(left, right, out=out)

    return step


def _torch_copies(work: Workload, rows: int, device: Any) -> Callable[[], object]:
    """Return a copy that reads half of a step's bytes and writes the other half."""
    import torch

    source, target = (torch.zeros(traffic(work, rows) // 8, device=device) for _ in range(2))
    return lambda: target.copy_(source)
