"""What no NumPy library can undercut on this machine: matrix products, gathering rows, reading the pixels.

Each floor is measured like a contestant. Products run on data that stays in the cache, in the shapes of the
workload's own batches; in full batch over blocks of rows.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from bench.problem import Options, Prepared, Problem
from bench.workloads import Workload
from pellucid.backend import Array


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return the floor that ``options["floor"]`` names: products, gathering or memory."""
    floors: dict[str, Callable[[Problem, Options], Prepared]] = {
        "products": _products,
        "gathering": _gathering,
        "memory": _memory,
    }
    return floors[options["floor"]](problem, options)


def flop(work: Workload) -> int:
    """Return the floating-point operations of a unit's products: forward, dW, and dx behind the first layer.

    Examples
    --------
    >>> flop(Workload("small", (784, 10), "relu", None, 100, "sgd")) == 2 * 2 * 100 * 784 * 10
    True
    """
    first, *others = (n_in * n_out for n_in, n_out in work.layers)
    return 2 * work.rows * (2 * first + 3 * sum(others))


def _products(problem: Problem, options: Options) -> Prepared:
    """Return the products of a unit: with BLAS's threads, or in Python threads with one of BLAS's each."""
    work, n_threads = problem.workload, options.get("python_threads", 1)
    size: int = options.get("block_rows") or work.batch_size or work.rows
    rows = [min(size, work.rows - start) for start in range(0, work.rows, size)]
    shares = [rows[i::n_threads] for i in range(n_threads)]
    tasks = [partial(_multiply, _Buffers(work, size), share) for share in shares]
    if n_threads == 1:
        return Prepared(tasks[0])
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
    pool = ThreadPoolExecutor(n_threads)
    return Prepared(lambda: [each.result() for each in [pool.submit(task) for task in tasks]])


class _Buffers:
    """Arrays in the shapes of a batch: activations, their gradients, weights and their gradients."""

    def __init__(self, work: Workload, rows: int) -> None:
        rng = np.random.default_rng(0)
        self.activations = [rng.random((rows, width), np.float32) for width in work.sizes]
        self.gradients = [rng.random((rows, width), np.float32) for width in work.sizes]
        self.weights = [rng.random(shape, np.float32) for shape in work.layers]
        self.weight_gradients = [np.empty(shape, np.float32) for shape in work.layers]

    def calls(self, rows: int) -> Iterator[tuple[Array, Array, Array]]:
        """Yield the factors and the result of each product on so many rows."""
        y, dy = [each[:rows] for each in self.activations], [each[:rows] for each in self.gradients]
        for i, W in enumerate(self.weights):
            yield y[i], W, y[i + 1]
        for i in reversed(range(len(self.weights))):
            yield y[i].T, dy[i + 1], self.weight_gradients[i]
            if i > 0:
                yield dy[i + 1], self.weights[i].T, dy[i]


def _multiply(buffers: _Buffers, batches: list[int]) -> None:
    calls = {rows: list(buffers.calls(rows)) for rows in set(batches)}
    for rows in batches:
        for left, right, out in calls[rows]:
            np.matmul(left, right, out=out)


def _gathering(problem: Problem, options: Options) -> Prepared:
    """Return the gathering of an epoch's batches as floats, from floats or from bytes that are converted."""
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
    """Return the reading of all pixels as float32, once, by a dot product."""
    x = problem.pixels().ravel()
    return Prepared(lambda: np.dot(x, x))
