"""scikit-learn's MLPClassifier: an epoch by `partial_fit`, in float32, without its penalty on weights.

Its SGD always keeps a velocity; workloads without momentum set it to 0. The class has no schedule, so each
epoch of a one-cycle training uses the mean of its learning rates. It has no label smoothing either.
"""

from itertools import islice
from typing import Any

import numpy as np

from bench.problem import Options, Parameters, Prepared, Problem

ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


def prepare(problem: Problem, options: Options) -> Prepared:
    """Prepare training; there are no options."""
    x, y, work = problem.pixels(), problem.labels, problem.workload
    rates, model = problem.rates(), _classifier(problem)
    # The first fit creates the arrays of the weights and the private optimizer.
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
        # Shuffling copies the rows, which full batch does not need.
        shuffle=problem.shuffle and work.batch_size is not None,
    )
