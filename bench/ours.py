"""pellucid as a user calls it, on the CPU and on the GPU: a network, a loss, an optimizer, `train`."""

from copy import deepcopy
from itertools import islice

import numpy as np

import pellucid as pl
from bench.problem import TRACE_EVERY, Options, Parameters, Prepared, Problem, parameters
from bench.workloads import Workload
from pellucid.backend import to_device

#: `train` yields epochs one by one; no benchmark runs this many.
ENDLESS = 10**9


def prepare(problem: Problem, options: Options) -> Prepared:
    """Prepare training.

    Options on the CPU are ``pixels``, "uint8" or "float32", and ``compiled`` as in `train`; on the GPU
    ``device`` "gpu", ``tf32`` as in `Network.build`, and in full batch ``iterations``, the steps in a unit.
    """
    work, iterations = problem.workload, options.get("iterations", 1)
    as_bytes = options.get("pixels", "uint8") == "uint8"
    net = problem.network_on_bytes() if as_bytes else problem.network()
    x = np.array(problem.data[0]) if as_bytes else problem.pixels()
    if options.get("device") == "gpu":
        net, x = net.to("gpu", tf32=options["tf32"]), to_device(x, "gpu")
    records = pl.train(
        net, loss_of(work), optimizer_of(work), x, problem.labels, epochs=ENDLESS, batch_size=work.batch_size,
        shuffle=problem.shuffle, rng=problem.rng(), compiled=options.get("compiled"),
    )  # fmt: skip
    trace: list[float] = []

    def run() -> None:
        unit = islice(records, iterations)
        trace[:] = [record.loss for record in unit if record.epoch % TRACE_EVERY == 0]

    def trained() -> Parameters:
        return parameters(deepcopy(net).to("cpu"))

    if "iterations" in options:
        return Prepared(run, trained, lambda: problem.report(trace, trained()))
    return Prepared(lambda: next(records), trained)


def loss_of(work: Workload) -> pl.Loss:
    """Return the loss."""
    return pl.SoftmaxCrossEntropy(label_smoothing=work.label_smoothing)


def optimizer_of(work: Workload) -> pl.Optimizer:
    """Return the optimizer with its learning rate or schedule."""
    if work.rule == "adam":
        return pl.Adam(work.schedule())
    return pl.SGD(work.schedule(), momentum=work.momentum, nesterov=work.momentum > 0)
