"""PyTorch on the CPU and on the GPU: operation by operation, by torch.compile, or as replayed CUDA graphs.

Its fastest form on both devices: data on the device, batches by index_select, fused Adam, denormal numbers
flushed to zero, one thread for each core of the worker. On the GPU all optimizers are fused, and the CPU
waits for the GPU only at the end of a unit.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench.problem import TRACE_EVERY, Options, Parameters, Prepared, Problem
from bench.workloads import Workload


def prepare(problem: Problem, options: Options) -> Prepared:
    """Prepare training.

    Options are ``way``, "eager" (the default), "compiled" or "graphs", and ``mode`` of torch.compile; on the
    GPU also ``device``, ``tf32``, whether products may round to TF32, and in full batch ``iterations``, the
    steps in a unit with recorded losses.
    """
    kinds = {"eager": TorchTraining, "compiled": CompiledTraining, "graphs": GraphTraining}
    training = kinds[options.get("way", "eager")](problem, options)
    return Prepared(training.unit, training.parameters, training.report)


def torch_device(options: Options) -> Any:
    """Return the device of PyTorch that options name; on a GPU, set the rounding of its products."""
    import torch

    if "tf32" in options:
        torch.set_float32_matmul_precision("high" if options["tf32"] else "highest")
    name = options.get("device", "cpu")
    return torch.device("cuda" if name == "gpu" else name)


class TorchTraining:
    """Network, loss, optimizer and data on a device; steps run operation by operation."""

    def __init__(self, problem: Problem, options: Options) -> None:
        import torch

        torch.set_flush_denormal(True)
        self.problem, self.work, self.device = problem, problem.workload, torch_device(options)
        self.x, self.y = self.tensor(problem.pixels()), self.tensor(problem.labels)
        self.orders, self.rates = problem.orders(), problem.rates()
        self.net = _network(problem).to(self.device)
        self.optimizer = _optimizer(self.work, self.net, on_gpu="tf32" in options)
        cross_entropy = torch.nn.CrossEntropyLoss(label_smoothing=self.work.label_smoothing)
        self.loss: Callable[[Any, Any], Any] = lambda x, y: cross_entropy(self.net(x), y)
        self.iterations: int | None = options.get("iterations")
        self.trace: list[float] = []
        self.unit = self.epoch if self.device.type == "cpu" and self.iterations is None else self.waited_unit

    def tensor(self, array: Any) -> Any:
        """Return an array of NumPy as a tensor on the device."""
        import torch

        return torch.from_numpy(array).to(self.device)

    def waited_unit(self) -> None:
        """Run an epoch or iterations, record losses of iterations, and wait for the device."""
        import torch

        if self.iterations is None:
            self.epoch()
        else:
            self.trace = self._trace(self.iterations)
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def epoch(self) -> None:
        """Run an epoch; in full batch, a step on all rows."""
        if self.work.batch_size is None:
            self.step(self.x, self.y)
            return
        for rows in self.tensor(next(self.orders)).split(self.work.batch_size):
            self.step(self.x.index_select(0, rows), self.y.index_select(0, rows))

    def step(self, x: Any, y: Any) -> Any:
        """Take one step; return its loss, on the device."""
        if self.work.cycle_epochs is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = next(self.rates)
        value = self.loss(x, y)
        value.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return value

    def iteration(self) -> Any:
        """Take a step on all rows; return its loss."""
        return self.step(self.x, self.y)

    def parameters(self) -> Parameters:
        """Return weights of shape (n_in, n_out) and biases."""
        arrays = [each.detach().cpu().numpy() for each in self.net.parameters()]
        return [(W.T.copy(), b.copy()) for W, b in zip(arrays[::2], arrays[1::2], strict=True)]

    def report(self) -> dict[str, Any]:
        """Return the recorded losses and the test accuracy; empty without losses."""
        return self.problem.report(self.trace, self.parameters())

    def _trace(self, iterations: int) -> list[float]:
        """Run iterations; return the recorded losses, copied because the next step may overwrite them."""
        import torch

        values = (self.iteration() for _ in range(iterations))
        recorded = [value.detach().clone() for i, value in enumerate(values, 1) if i % TRACE_EVERY == 0]
        return list(torch.stack(recorded).tolist())


class CompiledTraining(TorchTraining):
    """Forward pass, loss and backward pass compiled by torch.compile, for each batch size."""

    def __init__(self, problem: Problem, options: Options) -> None:
        import torch

        super().__init__(problem, options)
        mode = options.get("mode")
        self.loss = torch.compile(self.loss, dynamic=False, mode=mode)
        self.mark = torch.compiler.cudagraph_mark_step_begin if mode is not None else lambda: None
        for rows in sorted(set(self.work.batches)):
            for _ in range(1 if mode is None else 3):  # with CUDA graphs, the third call records them
                self.mark()
                self.loss(self.x[:rows], self.y[:rows]).backward()
                self.optimizer.zero_grad()

    def step(self, x: Any, y: Any) -> Any:
        """Take one step, which may overwrite the results of the step before."""
        self.mark()
        return super().step(x, y)


class GraphTraining(TorchTraining):
    """A CUDA graph of a whole step, with gathering and update, for each batch size."""

    def __init__(self, problem: Problem, options: Options) -> None:
        import torch

        super().__init__(problem, options)
        start = [each.detach().clone() for each in self.net.parameters()]
        self.rows = {n: torch.arange(n, device=self.device) for n in set(self.work.batches)}
        self.graphs = {n: captured(partial(self._step_on, n)) for n in self.rows}
        # Capturing has taken steps: restore the weights and the optimizer's state in place.
        with torch.no_grad():
            for weights, first in zip(self.net.parameters(), start, strict=True):
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
    """Return a function that replays a step as a CUDA graph, and the tensor that each replay overwrites."""
    import torch

    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        value = step()
    return graph.replay, value


def _network(problem: Problem) -> Any:
    """Return the network with the starting weights."""
    import torch

    activations = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}
    modules: list[Any] = []
    for W, b in problem.weights():
        linear = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(np.ascontiguousarray(W.T)))
            linear.bias.copy_(torch.from_numpy(b))
        modules += [linear, activations[problem.workload.activation]()]
    return torch.nn.Sequential(*modules[:-1])


def _optimizer(work: Workload, net: Any, *, on_gpu: bool) -> Any:
    """Return the optimizer in its fastest form."""
    import torch

    weights = list(net.parameters())
    if work.rule == "sgd":
        form: dict[str, Any] = {"fused": True} if on_gpu else {"foreach": False}
        nesterov = work.momentum > 0
        return torch.optim.SGD(weights, lr=work.rate, momentum=work.momentum, nesterov=nesterov, **form)
    return torch.optim.Adam(weights, lr=work.rate, fused=True, capturable=weights[0].is_cuda)
