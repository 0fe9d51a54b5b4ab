"""A peer's run in the race: train the recipe's epochs, then print the accuracy on MNIST's test rows.

``python -m bench.finish MODULE WORKLOAD OPTIONS SEED``, workload and options as JSON. All that
a user's script would do is in it: imports, reading the data, building, compiling, training, testing.
"""

import json
import sys
from importlib import import_module

import pellucid as pl
from bench.peers.published import ACTIVATIONS
from bench.problem import Parameters, Problem
from bench.workloads import Workload
from pellucid.backend import Array


def accuracy(weights: Parameters, activation: str, x: Array, labels: Array) -> float:
    """Return the share of scaled images that weights and biases put into their class.

    Examples
    --------
    >>> import numpy as np
    >>> weights = [(np.eye(2), np.zeros(2))]
    >>> accuracy(weights, "relu", np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1, 1]))
    0.5
    """
    *hidden, (W, b) = weights
    for each in hidden:
        x = ACTIVATIONS[activation](x @ each[0] + each[1])
    return pl.accuracy(labels, (x @ W + b).argmax(axis=1))


def main() -> None:
    """Train and test as the command line says."""
    module, workload, options, seed = sys.argv[1:]
    mnist, work = pl.load_dataset("mnist"), Workload.from_json(json.loads(workload))
    problem = Problem(work, seed=int(seed), data=(mnist.x_train, mnist.y_train))
    prepared = import_module(module).prepare(problem, json.loads(options))
    for _ in range(work.cycle_epochs or 1):
        prepared.run()
    found = accuracy(prepared.parameters(), work.activation, problem.scaled(mnist.x_test), mnist.y_test)
    n_rows = len(mnist.y_test)
    print(f"test accuracy {found:.2%} ({round(found * n_rows)} of {n_rows})")


if __name__ == "__main__":
    main()
