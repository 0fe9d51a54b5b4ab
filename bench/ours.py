"""pellucid as a user calls it: a network, a loss, an optimizer, `train`."""

import numpy as np

import pellucid as pl
from bench.problem import Options, Prepared, Problem, parameters
from bench.workloads import Workload

#: More epochs than anyone waits for: `train` yields one after another.
ENDLESS = 10**9


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return a training on bytes that are rescaled block by block, or on floats.

    Parameters
    ----------
    problem : Problem
    options : dict
        ``pixels``: "uint8" or "float32". ``compiled``: as in `train`.
    """
    work = problem.workload
    as_bytes = options["pixels"] == "uint8"
    net = problem.network_on_bytes() if as_bytes else problem.network()
    x = np.array(problem.data[0]) if as_bytes else problem.pixels()
    records = pl.train(
        net,
        loss_of(work),
        optimizer_of(work),
        x,
        problem.labels,
        epochs=ENDLESS,
        batch_size=work.batch_size,
        shuffle=problem.shuffle,
        rng=problem.rng(),
        compiled=options["compiled"],
    )
    return Prepared(lambda: next(records), lambda: parameters(net))


def loss_of(work: Workload) -> pl.Loss:
    """Return the loss.

    Examples
    --------
    >>> from bench.workloads import WORKLOADS
    >>> loss_of(WORKLOADS["D"])
    SoftmaxCrossEntropy()
    """
    return pl.SoftmaxCrossEntropy(label_smoothing=work.label_smoothing)


def optimizer_of(work: Workload) -> pl.Optimizer:
    """Return the rule with its rates.

    Examples
    --------
    >>> from bench.workloads import WORKLOADS
    >>> optimizer_of(WORKLOADS["D"])
    SGD(learning_rate=0.1, momentum=0.0, nesterov=False, weight_decay=0)
    """
    if work.rule == "adam":
        return pl.Adam(work.schedule())
    return pl.SGD(work.schedule(), momentum=work.momentum, nesterov=work.momentum > 0)
