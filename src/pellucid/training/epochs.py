"""The epochs of a training run: their batches, records, checkpoints and resuming.

The loop itself is in `pellucid.training.loop`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pellucid.backend import Array, Scratch, array_module, module_of, to_device, to_host
from pellucid.network import Network, blocks
from pellucid.optimizers import Optimizer
from pellucid.provenance import Arithmetic, warn_of_changes
from pellucid.training.batches import Piece, Source
from pellucid.training.checkpoint import Checkpoint, Running, Snapshot, generator_state, set_generator_state
from pellucid.training.many import Model, StepLoss, generators_of
from pellucid.training.records import History, Measured, Record, Tally

#: The most steps on the plain path between two checks of the losses.
STEPS_AT_A_TIME = 1024


class CompiledSteps(Protocol):
    """Compiled code that takes many steps of gradient descent in one call."""

    #: The largest number of steps that one call should take.
    steps_at_a_time: int

    def steps(self, x: Array, y: Array, rows: Array | slice, batch_size: int) -> tuple[Array, Array]:
        """Take a step for each batch of these rows; return losses and correct rows, both (steps, k)."""


@dataclass(frozen=True)
class Saving:
    """Where and when a training run is saved.

    Attributes
    ----------
    checkpoint : Checkpoint
    every : int or None
        Save after this many steps; None: after each epoch. The end of the run is always saved.
    training : dict
        What is trained and how; see `Snapshot`.
    arithmetic : callable
        Returns the versions and hardware that rounding depends on; called when the run begins.
    """

    checkpoint: Checkpoint
    every: int | None
    training: dict[str, object]
    arithmetic: Callable[[], Arithmetic]


@dataclass
class Training:
    """A training run: its parts and its progress.

    Attributes
    ----------
    model, loss, optimizer, source
        What is trained, how, and on which rows.
    compiled : CompiledSteps or None
        None: the layers take the steps.
    n_epochs : int
        Epochs in all.
    block_rows : int or None
        Largest number of rows in one block; None: each batch is one block.
    measure : callable
        Returns the loss and the accuracy of a network on the validation rows.
    per_batch : bool
        Whether each batch has a record.
    threads : callable
        Returns the context that sets the number of threads for matrix products.
    saving : Saving or None
    done : int
        Finished epochs.
    history : History
        Their records.
    """

    model: Model
    loss: StepLoss
    optimizer: Optimizer
    source: Source
    compiled: CompiledSteps | None
    n_epochs: int
    block_rows: int | None
    measure: Callable[[Network], Measured]
    per_batch: bool
    threads: Callable[[], AbstractContextManager[None]]
    saving: Saving | None = None
    done: int = 0
    history: History = field(default_factory=History)
    #: Whether the run resumes where an epoch ended: its record is then yielded again.
    resumed_at_end_of_epoch: bool = False
    #: Losses and correct rows of the current epoch so far; None between two epochs.
    tally: Tally | None = None
    #: The state of the generator of permutations when the epoch began.
    order: dict[str, object] | None = None
    steps_since_saving: int = 0
    scratch: Scratch = field(default_factory=Scratch)

    def begin(self, start: Snapshot | None) -> None:
        """Start from scratch or from a snapshot."""
        self.before = self.model.theta.copy()
        if self.saving:
            with self.threads():
                self.arithmetic = self.saving.arithmetic()
        if start is not None:
            assert self.saving is not None
            warn_of_changes(start.arithmetic, self.arithmetic, self.saving.checkpoint.path)
            self._restore(start)

    def epochs(self) -> Iterator["Epoch"]:
        """Yield the epochs that remain; the first may have been interrupted."""
        while self.done < self.n_epochs:
            yield Epoch(self, self.tally or self._begin_epoch())

    def end_epoch(self, records: list[Record]) -> None:
        """Record the end of an epoch, and save if that is due."""
        self.done, self.tally = self.done + 1, None
        self.history.append(records)
        if self.saving and (self.saving.every is None or self.done == self.n_epochs):
            self._save(self.saving)

    def save_if_due(self, n_steps: int) -> None:
        """Count steps, and save in the middle of an epoch if ``every`` steps have been taken."""
        self.steps_since_saving += n_steps
        if self.saving and self.saving.every and self.steps_since_saving >= self.saving.every:
            assert self.tally is not None
            self.tally.check()  # never replace a good checkpoint with non-finite numbers
            self._save(self.saving)

    @property
    def steps_at_a_time(self) -> int:
        """Steps in a piece; between two pieces, checkpoints and records of batches are made where due."""
        largest = self.compiled.steps_at_a_time if self.compiled else STEPS_AT_A_TIME
        largest = 1 if self.per_batch else largest
        if self.saving is None or self.saving.every is None:
            return largest
        n_calls = -(-self.saving.every // largest)
        return -(-self.saving.every // n_calls)

    def _begin_epoch(self) -> Tally:
        """Store the state at the start of an epoch, in case of an error or a checkpoint in mid-epoch."""
        self.before[...] = self.model.theta
        if self.saving and self.source.rng:
            self.order = generator_state(self.source.rng)
        self.tally = Tally(self.model, self.before, self.done + 1)
        return self.tally

    def _save(self, saving: Saving) -> None:
        self.steps_since_saving = 0
        saving.checkpoint.save(self._snapshot(saving.training))

    def _snapshot(self, training: dict[str, object]) -> Snapshot:
        """Return the current state of the run."""
        running, order = None, self.order
        if self.tally is not None:
            running = Running(to_host(self.before), *self.tally.so_far())
        elif self.source.rng:
            order = generator_state(self.source.rng)
        generators = [generator_state(rng) for rng in generators_of(self.model)]
        return Snapshot(
            training, self.done, to_host(self.model.theta), self.optimizer.state, self.optimizer.step_number,
            generators, order, self.history, running, self.arithmetic,
        )  # fmt: skip

    def _restore(self, start: Snapshot) -> None:
        """Put network, optimizer and generators into the state of a snapshot."""
        device = self.model.device
        self.model.theta[...] = to_device(start.theta, device)
        self.model.scatter()
        self.optimizer.state = {name: to_device(kept, device) for name, kept in start.optimizer.items()}
        self.optimizer.step_number = start.step_number
        for rng, state in zip(generators_of(self.model), start.generators, strict=True):
            set_generator_state(rng, state)
        if self.source.rng and start.order:
            set_generator_state(self.source.rng, start.order)
        self.done, self.history, self.order = start.epochs, start.records, start.order
        self.resumed_at_end_of_epoch = start.running is None
        if start.running is not None:
            self.before[...] = to_device(start.running.before, device)
            self.tally = Tally(self.model, self.before, self.done + 1)
            self.tally.continue_with(start.running.losses, start.running.right, start.running.sizes)


class Epoch:
    """One pass over the data, or the rest of one."""

    def __init__(self, training: Training, tally: Tally) -> None:
        self.training, self.tally = training, tally

    def pieces(self) -> Iterator[Piece]:
        """Yield the rows piece by piece, and save between two pieces where that is due."""
        training, sizes = self.training, self.tally.sizes
        for piece in training.source.epoch(training.steps_at_a_time, skip=len(sizes)):
            n_before = len(sizes)
            yield piece
            training.save_if_due(len(sizes) - n_before)

    def batches(self) -> Iterator["Batch"]:
        """Yield the rows batch by batch."""
        model, training = self.training.model, self.training
        xp = array_module(model.device)
        for piece in self.pieces():
            sizes = piece.sizes
            shape = (len(sizes), model.k)
            losses, n_correct = xp.empty(shape, model.dtype), xp.empty(shape, np.int64)
            self.tally.add(sizes, losses, n_correct)
            for i, (x, y) in enumerate(piece.batches(training.scratch)):
                yield Batch(training, x, y, losses[i], n_correct[i])

    def add(self, piece: Piece, losses: Array, n_correct: Array) -> None:
        """Add the losses and correct rows of the steps on a piece, both (steps, k)."""
        self.tally.add(piece.sizes, losses, n_correct)

    def records_of_batch(self) -> list[Record]:
        """Return a record of the last batch for each network."""
        self.tally.check()
        self.training.model.scatter()
        return self.tally.of_last_batch()

    def end(self) -> list[Record]:
        """End the epoch: measure, save if due, and return a record for each network."""
        training = self.training
        self.tally.check()
        training.model.scatter()
        records = self.tally.of_epoch([training.measure(net) for net in training.model.nets])
        training.end_epoch(records)
        return records


class Batch:
    """The rows of one step, computed in one block, or in several if there are more than ``block_rows``.

    The gradient of the batch is the sum of its blocks' gradients, each weighted by its share of the rows.

    Parameters
    ----------
    training : Training
    x, y : array
    loss, n_correct : array, shape (k,)
        Filled with the mean loss and the number of correct rows of each network.
    """

    def __init__(self, training: Training, x: Array, y: Array, loss: Array, n_correct: Array) -> None:
        self.training, self.x, self.y, self.loss, self.n_correct = training, x, y, loss, n_correct
        self.share = 1.0

    def blocks(self) -> Iterator[tuple[Array, Array]]:
        """Yield x and y of each block."""
        block_rows, n_rows = self.training.block_rows, len(self.x)
        if block_rows is None or n_rows <= block_rows:
            yield self.x, self.y
            return
        grad = self.training.model.grad
        self.total = self.training.scratch.array("total", grad.shape, grad.dtype, module_of(grad))
        for whole in (self.total, self.loss, self.n_correct):
            whole.fill(0)
        for rows in blocks(n_rows, block_rows):
            self.share = (rows.stop - rows.start) / n_rows
            yield self.x[rows], self.y[rows]
        grad[...] = self.total

    def add(self, loss: Any, n_correct: Any) -> None:
        """Add the loss, the number of correct rows and the gradient of a block."""
        if self.share == 1:
            self.loss[...], self.n_correct[...] = loss, n_correct
            return
        grad = self.training.model.grad
        grad *= self.share
        self.total += grad
        self.loss += loss * self.share
        self.n_correct += n_correct
