"""What no library can undercut on this GPU: the matrix products of a unit, and the bytes that these move.

Both are replayed as CUDA graphs by PyTorch, so that no launch is waited for. The bytes are moved by copies of
arrays as large as a step's: what fits the GPU's cache stays there.
"""

from collections.abc import Callable
from typing import Any

from bench.peers.torch_gpu import captured
from bench.problem import Options, Prepared, Problem
from bench.ratios import PASSES
from bench.workloads import Workload


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return the floor that ``options["floor"]`` names: products or memory.

    Parameters
    ----------
    problem : Problem
    options : dict
        ``floor``, ``tf32``, ``iterations`` and ``device`` as in `torch_gpu`.
    """
    import torch

    torch.set_float32_matmul_precision("high" if options["tf32"] else "highest")
    work, device = problem.workload, torch.device(options.get("device", "cuda"))
    make = {"products": _products, "memory": _copies}[options["floor"]]
    replays = {n: captured(make(work, n, device))[0] for n in set(work.batches)}

    def run() -> None:
        for _ in range(options.get("iterations", 1)):
            for n in work.batches:
                replays[n]()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return Prepared(run)


def traffic(work: Workload, rows: int) -> int:
    """Return the bytes that a step moves at least: operands and results of its products, and the optimizer's.

    Examples
    --------
    >>> traffic(Workload("small", (3, 2), "relu", None, 5, "sgd"), 5) == 4 * (2 * (15 + 6 + 10) + 3 * 8)
    True
    """
    entries = PASSES[work.rule] * work.parameters
    for i, (n_in, n_out) in enumerate(work.layers):
        entries += (2 if i == 0 else 3) * (rows * n_in + n_in * n_out + rows * n_out)
    return 4 * entries


def _products(work: Workload, rows: int, device: Any) -> Callable[[], object]:
    """Return the products of a step: forward, dW, and dx behind the first layer."""
    import torch

    def random(*shape: int) -> Any:
        return torch.rand(shape, device=device)

    y, dy = ([random(rows, width) for width in work.sizes] for _ in range(2))
    weights, gradients = ([random(*shape) for shape in work.layers] for _ in range(2))

    def step() -> None:
        for i, W in enumerate(weights):
            torch.mm(y[i], W, out=y[i + 1])
        for i in reversed(range(len(weights))):
            torch.mm(y[i].T, dy[i + 1], out=gradients[i])
            if i > 0:
                torch.mm(dy[i + 1], weights[i].T, out=dy[i])

    return step


def _copies(work: Workload, rows: int, device: Any) -> Callable[[], object]:
    """Return a copy that reads one half of a step's bytes and writes the other."""
    import torch

    source, target = (torch.zeros(traffic(work, rows) // 8, device=device) for _ in range(2))
    return lambda: target.copy_(source)
