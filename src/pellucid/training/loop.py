"""The training loop: gradient descent as in a textbook.

For each epoch, for each batch: run the network forward, compute the loss and its gradient, run the network
backward, update the parameters. `gradient_descent` is the code that `pellucid.train` runs. When compiled
code takes many steps per call, `compiled_descent` replaces it.

Epochs come from `pellucid.training.epochs`, which also writes checkpoints; batches come from
`pellucid.training.batches`.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import TypeAlias

import numpy as np

from pellucid.training.checkpoint import Snapshot
from pellucid.training.epochs import Training
from pellucid.training.records import Record

#: A record for each network, after each epoch or batch.
Records: TypeAlias = Generator[list[Record], None, None]


def gradient_descent(training: Training) -> Records:
    """Train on the plain path and yield the records of each epoch, one for each network.

    A batch is one block, unless it is larger than ``block_rows``: then the gradients of its blocks add up.
    """
    model, loss, optimizer = training.model, training.loss, training.optimizer
    for epoch in training.epochs():
        for batch in epoch.batches():
            for x, y in batch.blocks():
                outputs = model.forward(x, train=True)
                value, dy = loss.value_and_grad(outputs, y)
                n_correct = loss.count_correct(outputs, y)
                model.backward(dy)
                batch.add(value, n_correct)
            optimizer.step(model.theta, model.grad, model.n_weights)
            if training.per_batch:
                yield epoch.records_of_batch()
        yield epoch.end()


def compiled_descent(training: Training) -> Records:
    """Train by compiled code, which takes the steps of many batches in one call."""
    assert training.compiled is not None
    for epoch in training.epochs():
        for piece in epoch.pieces():
            epoch.add(piece, *training.compiled.steps(*piece))
            if training.per_batch:
                yield epoch.records_of_batch()
        yield epoch.end()


def run(training: Training, snapshot: Snapshot | None) -> Iterator[list[Record]]:
    """Train from the start or from a snapshot, and yield records.

    NumPy's overflow warnings are off, because the epoch reports overflow and names the batch. Between two
    records, the caller's code runs with its own settings of NumPy and BLAS.
    """
    training.begin(snapshot)
    if training.resumed_at_end_of_epoch:
        yield training.history[-1]
    descent = gradient_descent if training.compiled is None else compiled_descent
    with closing(descent(training)) as descending:
        while True:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"), training.threads():
                records = next(descending, None)
            if records is None:
                return
            yield records
