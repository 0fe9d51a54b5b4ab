"""A peer's run in the race: train all epochs of the recipe, then print the accuracy on MNIST's test set.

``python -m bench.peer_run MODULE WORKLOAD OPTIONS SEED``, with the workload and the options as JSON. The run
has every step of a user's script: imports, reading the data, building, compiling, training, testing.
"""

import json
import sys
from importlib import import_module

import pellucid as pl
from bench.problem import Problem, accuracy
from bench.workloads import Workload


def main() -> None:
    """Train and test by the arguments of the command line."""
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
