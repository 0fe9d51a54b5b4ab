"""scikit-learn's MLPClassifier, one epoch by `partial_fit`, in float32 and without its penalty on weights.

Its stochastic solver always keeps a velocity, here with a momentum of 0 where there is none. A rate that
changes does so once an epoch, to the mean of the epoch's rates, since the class has no schedule; and labels
are not smoothed, since it has no such setting.
"""

from itertools import islice
from typing import Any

import numpy as np

from bench.problem import Options, Parameters, Prepared, Problem

ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return a training; there are no options."""
    x, y, work = problem.pixels(), problem.labels, problem.workload
    rates, model = problem.rates(), _classifier(problem)
    # The arrays of the weights and the optimizer, which is private, come into being in a first fit.
    model.set_params(batch_size=1).partial_fit(x[:1], y[:1], classes=np.arange(work.sizes[-1]))
    model.set_params(batch_size=work.batch_size or work.rows)
    for start, W, b in zip(problem.weights(), model.coefs_, model.intercepts_, strict=True):
        W[...], b[...] = start
    del model._optimizer

    def epoch() -> None:
        if work.cycle_epochs is not None:
            model.learning_rate_init = float(np.mean(list(islice(rates, work.steps))))
            if hasattr(model, "_optimizer"):
                model._optimizer.learning_rate_init = model.learning_rate_init
        model.partial_fit(x, y)

    def parameters() -> Parameters:
        return [(W.copy(), b.copy()) for W, b in zip(model.coefs_, model.intercepts_, strict=True)]

    return Prepared(epoch, parameters)


def _classifier(problem: Problem) -> Any:
    from sklearn.neural_network import MLPClassifier

    work = problem.workload
    return MLPClassifier(
        work.sizes[1:-1],
        activation=ACTIVATIONS[work.activation],
        solver=work.rule,
        alpha=0,
        learning_rate_init=work.rate,
        momentum=work.momentum,
        nesterovs_momentum=work.momentum > 0,
        # Shuffled rows are copied; in full batch there is nothing to shuffle.
        shuffle=problem.shuffle and work.batch_size is not None,
    )
