"""PyTorch on the GPU: operation by operation, by torch.compile, or with each step replayed as a CUDA graph.

Its best form here: data on the device, fused optimizers, batches by index_select, nothing waited for within a
unit.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from bench.gpu_trace import EVERY, report
from bench.peers import torch_eager
from bench.problem import Options, Parameters, Prepared, Problem


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return a training on the GPU.

    Parameters
    ----------
    problem : Problem
    options : dict
        ``way``: eager, compiled or graphs. ``tf32``: whether products may round to TF32. ``iterations``: how
        many make a unit, in full batch. ``mode``: of torch.compile. ``device``: cuda, unless a test says
        otherwise.
    """
    kinds = {"eager": Training, "compiled": Compiled, "graphs": Graphs}
    training = kinds[options["way"]](problem, options)
    return Prepared(training.unit, training.parameters, training.report)


class Training(torch_eager.Training):
    """Model, loss, optimizer and data on the GPU; steps operation by operation."""

    def __init__(self, problem: Problem, options: Options) -> None:
        import torch

        super().__init__(problem)
        self.device = torch.device(options.get("device", "cuda"))
        torch.set_float32_matmul_precision("high" if options["tf32"] else "highest")
        self.tensor = lambda array: torch.from_numpy(array).to(self.device)
        self.x, self.y, self.model = (each.to(self.device) for each in (self.x, self.y, self.model))
        self.optimizer = self._make_optimizer()
        self.iterations: int | None = options.get("iterations")
        self.trace: list[float] = []

    def unit(self) -> None:
        """Carry out one unit, and wait for its end."""
        import torch

        if self.iterations is None:
            self.epoch()
        else:
            self.trace = torch.stack(self._losses(self.iterations)).tolist()
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def step(self, x: Any, y: Any) -> Any:
        """Take one step; return its loss, which stays on the device."""
        value = self.loss(x, y)
        value.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return value

    def iteration(self) -> Any:
        """Take a step on all rows; return its loss."""
        return self.step(self.x, self.y)

    def parameters(self) -> Parameters:
        """Return the weights in our orientation."""
        arrays = [each.detach().cpu().numpy() for each in self.model.parameters()]
        return [(W.T.copy(), b.copy()) for W, b in zip(arrays[::2], arrays[1::2], strict=True)]

    def report(self) -> dict[str, Any]:
        """Return the losses on the way and the test accuracy."""
        return report(self.problem, self.trace, self.parameters())

    def _losses(self, iterations: int) -> list[Any]:
        """Return every tenth loss, copied: the next step may write over it."""
        kept = []
        for i in range(1, iterations + 1):
            value = self.iteration()
            if i % EVERY == 0:
                kept.append(value.detach().clone())
        return kept

    def _make_optimizer(self) -> Any:
        import torch

        weights, is_cuda = list(self.model.parameters()), self.device.type == "cuda"
        if self.work.rule == "sgd":
            return torch.optim.SGD(weights, fused=True, **torch_eager.sgd_settings(self.work))
        return torch.optim.Adam(weights, lr=self.work.rate, fused=True, capturable=is_cuda)


class Compiled(Training):
    """Forward pass and loss compiled, backward pass with them; batches of both sizes."""

    def __init__(self, problem: Problem, options: Options) -> None:
        import torch

        super().__init__(problem, options)
        self.loss = torch.compile(self.loss, dynamic=False, mode=options["mode"])
        for rows in sorted(set(self.work.batches)):
            for _ in range(3):  # its own graphs are recorded by the third call
                torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
                self.loss(self.x[:rows], self.y[:rows]).backward()
                self.optimizer.zero_grad()

    def step(self, x: Any, y: Any) -> Any:
        """Take one step; what the one before returned may be written over."""
        import torch

        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return super().step(x, y)


class Graphs(Training):
    """A CUDA graph of a whole step, gathering and update with it, for each size of a batch."""

    def __init__(self, problem: Problem, options: Options) -> None:
        import torch

        super().__init__(problem, options)
        start = [each.detach().clone() for each in self.model.parameters()]
        self.rows = {n: torch.arange(n, device=self.device) for n in set(self.work.batches)}
        self.graphs = {n: captured(partial(self._step_on, n)) for n in self.rows}
        # Recording has taken steps: back to the beginning, in place.
        with torch.no_grad():
            for weights, first in zip(self.model.parameters(), start, strict=True):
                weights.copy_(first)
            for state in self.optimizer.state.values():
                for remembered in state.values():
                    if remembered is not None:
                        remembered.zero_()

    def epoch(self) -> None:
        """Replay the steps of an epoch, each on its rows."""
        for rows in self.tensor(next(self.orders)).split(self.work.batch_size):
            self.rows[len(rows)].copy_(rows)
            self.graphs[len(rows)][0]()

    def iteration(self) -> Any:
        """Replay a step on all rows; return its loss."""
        replay, value = self.graphs[self.work.rows]
        replay()
        return value

    def _step_on(self, n: int) -> Any:
        if self.work.batch_size is None:
            return super().iteration()
        rows = self.rows[n]
        return self.step(self.x.index_select(0, rows), self.y.index_select(0, rows))


def captured(step: Callable[[], Any]) -> tuple[Callable[[], object], Any]:
    """Return what replays a step, and the tensor that the step returns, written anew by each replay."""
    import torch

    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value = step()
    return graph.replay, value
