"""The loop of training: epochs, the steps in them, what they have shown, and checkpoints.

What a step is stands in `pellucid.training.step`, where its rows come from in `pellucid.training.batches`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np

from pellucid.backend import to_device, to_host
from pellucid.network import Network
from pellucid.optimizers import Optimizer
from pellucid.provenance import Arithmetic, warn_of_changes
from pellucid.training.batches import Source
from pellucid.training.checkpoint import Checkpoint, Running, Snapshot, generator_state, set_generator_state
from pellucid.training.many import Model, generators_of
from pellucid.training.records import History, Measured, Record, Tally
from pellucid.training.step import Descent


@dataclass(frozen=True)
class Saving:
    """Where a training is saved, and when.

    Attributes
    ----------
    checkpoint : Checkpoint
    every : int or None
        After so many steps; None: after each epoch. In any case at the end.
    training : dict
        What is trained and how; see `Snapshot`.
    arithmetic : callable
        Returns with what it is computed, as things stand when the training begins.
    """

    checkpoint: Checkpoint
    every: int | None
    training: dict[str, object]
    arithmetic: Callable[[], Arithmetic]


@dataclass
class Loop:
    """A training: `run` carries it out.

    Attributes
    ----------
    model, descent, optimizer, source
        What is trained, how and on what.
    epochs : int
        How many there shall be.
    measure : callable
        Of a network: loss and accuracy on the validation rows.
    per_batch : bool
        Whether each batch has a record.
    threads : callable
        Returns the context in which products are computed.
    saving : Saving or None
    done : int
        Epochs done.
    past : History
        Their records.
    tally : Tally or None
        Of the epoch that is running.
    """

    model: Model
    descent: Descent
    optimizer: Optimizer
    source: Source
    epochs: int
    measure: Callable[[Network], Measured]
    per_batch: bool
    threads: Callable[[], AbstractContextManager[None]]
    saving: Saving | None = None
    done: int = 0
    past: History = field(default_factory=History)
    tally: Tally | None = None
    #: The state of the generator of permutations when the epoch began.
    order: dict[str, object] | None = None
    steps_since_saving: int = 0

    def run(self, start: Snapshot | None) -> Iterator[list[Record]]:
        """Train from the start or from a snapshot, and yield records, one for each network."""
        self.before = self.model.theta.copy()
        if self.saving:
            self._note_arithmetic(self.saving, start)
        if start is not None:
            self._go_to(start)
            if self.tally is None:
                yield self.past[-1]
        while self.done < self.epochs:
            yield from self._epoch()

    def _note_arithmetic(self, saving: Saving, start: Snapshot | None) -> None:
        """Note with what the steps are computed, and warn where that has changed."""
        with self.threads():
            self.arithmetic = saving.arithmetic()
        if start is not None:
            warn_of_changes(start.arithmetic, self.arithmetic, saving.checkpoint.path)

    def _epoch(self) -> Iterator[list[Record]]:
        """Carry out an epoch, or the rest of one."""
        tally = self.tally = self.tally or self._begin()
        for piece in self.source.epoch(self._steps_at_a_time(), skip=len(tally.sizes)):
            # Numbers that overflow are reported by the tally, with epoch and batch, not as a warning.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"), self.threads():
                tally.add(piece, *self.descent.steps(*piece))
            if self.per_batch:
                tally.check()
                self.model.scatter()
                yield tally.of_last_batch()
            self._save_if_due(len(piece.sizes))
        tally.check()
        self.model.scatter()
        with self.threads():
            records = tally.of_epoch([self.measure(net) for net in self.model.nets])
        self._end(records)
        yield records

    def _begin(self) -> Tally:
        """Note how things stand when an epoch begins."""
        self.before[...] = self.model.theta
        if self.saving and self.source.rng:
            self.order = generator_state(self.source.rng)
        return Tally(self.model, self.before, self.done + 1)

    def _end(self, records: list[Record]) -> None:
        """Note that an epoch is done."""
        self.done, self.tally = self.done + 1, None
        self.past.append(records)
        if self.saving and (self.saving.every is None or self.done == self.epochs):
            self._save(self.saving)

    def _steps_at_a_time(self) -> int:
        """Return how many steps to ask for: so many that checkpoints come when they are due."""
        most = 1 if self.per_batch else self.descent.steps_at_a_time
        if self.saving is None or self.saving.every is None:
            return most
        n_calls = -(-self.saving.every // most)
        return -(-self.saving.every // n_calls)

    def _save_if_due(self, n_steps: int) -> None:
        """Count steps, and save in the middle of an epoch after so many."""
        self.steps_since_saving += n_steps
        if self.saving and self.saving.every and self.steps_since_saving >= self.saving.every:
            assert self.tally is not None
            self.tally.check()  # what is not finite does not replace a good checkpoint
            self._save(self.saving)

    def _save(self, saving: Saving) -> None:
        self.steps_since_saving = 0
        saving.checkpoint.save(self._snapshot(saving.training))

    def _snapshot(self, training: dict[str, object]) -> Snapshot:
        """Return the state of the training as it is now."""
        running, order = None, self.order
        if self.tally is not None:
            running = Running(to_host(self.before), *self.tally.so_far())
        elif self.source.rng:
            order = generator_state(self.source.rng)
        generators = [generator_state(rng) for rng in generators_of(self.model)]
        return Snapshot(
            training, self.done, to_host(self.model.theta), self.optimizer.state, self.optimizer.step_number,
            generators, order, self.past, running, self.arithmetic,
        )  # fmt: skip

    def _go_to(self, start: Snapshot) -> None:
        """Put network, optimizer and generators where they were."""
        device = self.model.device
        self.model.theta[...] = to_device(start.theta, device)
        self.model.scatter()
        self.optimizer.state = {name: to_device(kept, device) for name, kept in start.optimizer.items()}
        self.optimizer.step_number = start.step_number
        for rng, state in zip(generators_of(self.model), start.generators, strict=True):
            set_generator_state(rng, state)
        if self.source.rng and start.order:
            set_generator_state(self.source.rng, start.order)
        self.done, self.past, self.order = start.epochs, start.records, start.order
        if start.running is not None:
            self.before[...] = to_device(start.running.before, device)
            self.tally = Tally(self.model, self.before, self.done + 1)
            self.tally.take_up(start.running.losses, start.running.right, start.running.sizes)
