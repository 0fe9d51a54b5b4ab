"""pellucid on the GPU as a user calls it: bytes, a network, a loss, an optimizer, `train`."""

from copy import deepcopy
from itertools import islice

import numpy as np

import pellucid as pl
from bench.gpu_trace import EVERY, report
from bench.ours import ENDLESS, loss_of, optimizer_of
from bench.problem import Options, Parameters, Prepared, Problem, parameters
from pellucid.backend import to_device


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return a training on the GPU.

    Parameters
    ----------
    problem : Problem
    options : dict
        ``tf32``: as in `Network.build`. ``iterations``: how many make a unit, in full batch.
    """
    work, net = problem.workload, problem.network_on_bytes().to("gpu", tf32=options["tf32"])
    iterations: int | None = options.get("iterations")
    records = pl.train(
        net,
        loss_of(work),
        optimizer_of(work),
        to_device(np.array(problem.data[0]), "gpu"),
        problem.labels,
        epochs=ENDLESS,
        batch_size=work.batch_size,
        shuffle=problem.shuffle,
        rng=problem.rng(),
    )
    trace: list[float] = []

    def run() -> None:
        unit = islice(records, iterations or 1)
        trace[:] = [record.loss for record in unit if iterations and record.epoch % EVERY == 0]

    def learnt() -> Parameters:
        return parameters(deepcopy(net).to("cpu"))

    return Prepared(run, learnt, lambda: report(problem, trace, learnt()))
