"""What many full-batch iterations show beside their time: the losses on the way, and the accuracy."""

from collections.abc import Sequence
from typing import Any

import pellucid as pl
from bench.finish import accuracy
from bench.problem import Parameters, Problem

#: Every so many iterations the loss is noted: that of the training rows, before the update.
EVERY = 10


def report(problem: Problem, trace: Sequence[float], parameters: Parameters) -> dict[str, Any]:
    """Return the trace, and the accuracy on MNIST's test rows, as JSON; nothing without a trace.

    Examples
    --------
    >>> from bench.workloads import WORKLOADS
    >>> report(Problem(WORKLOADS["F"]), [], [])
    {}
    """
    if not trace:
        return {}
    mnist = pl.load_dataset("mnist")
    found = accuracy(parameters, problem.workload.activation, problem.scaled(mnist.x_test), mnist.y_test)
    return {"trace": list(trace), "test_accuracy": found}
