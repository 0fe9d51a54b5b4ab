"""A training run with early stopping, which can be interrupted and resumed."""

import json
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.app.builder import build_learner, build_loss, build_optimizer
from pellucid.app.labelled_rows import LabelledRows, Labels, Parts, taken
from pellucid.app.options import flag
from pellucid.app.settings import TrainSettings
from pellucid.backend import Array
from pellucid.files.reading import MAX_JSON, parse_json
from pellucid.wording import brief


class TrainingRun:
    """Train a network epoch by epoch; `put_back` restores the kept weights.

    With patience, the weights of the epoch with the lowest validation loss are kept; without it, those of the
    last finished epoch. Iteration may stop at any point, also by Ctrl-C.

    `net` takes the original features; its weights are the initial ones, or those of the last `put_back`.
    `begun` is the number of epochs that were finished when the training was resumed, and `seconds` the time
    from the start of the training to the end of its last epoch. `status` is "running", "finished", "stopped
    early after epoch 7", ...

    Examples
    --------
    >>> from pellucid.app.labelled_rows import divide, load_rows
    >>> settings, rng = TrainSettings(source="digits", hidden=(20,), epochs=2), np.random.default_rng(0)
    >>> source = load_rows(settings)
    >>> run = TrainingRun(settings, source, divide(source, settings, rng), rng)
    >>> [record.epoch for record in run]
    [1, 2]
    >>> run.kept_epoch, run.status
    (2, 'finished')
    """

    def __init__(
        self, settings: TrainSettings, source: LabelledRows, parts: Parts, rng: np.random.Generator
    ) -> None:
        self.settings = settings
        self.learner = build_learner(settings, source, parts.train, rng)
        self.net = self.learner.whole()
        self.loss = build_loss(settings)
        self.records: list[pl.Record] = []
        self.status, self.seconds = "running", 0.0
        self._kept: tuple[int, pl.Record | None, np.ndarray] = (0, None, self.learner.net.theta.copy())
        self.checkpoint = None if settings.checkpoint is None else pl.Checkpoint(settings.checkpoint)
        self._note_extras()
        self.begun = self._finished_epochs() if settings.resume else 0
        self._epochs = pl.train(
            self.learner.net,
            self.loss,
            build_optimizer(settings, len(parts.train)),
            self.learner.rows(taken(source.x, parts.train)),
            taken(source.y, parts.train),
            epochs=settings.epochs,
            batch_size=settings.batch_size or None,
            validation=self._measured_on(source, parts.validation),
            rng=rng,
            deterministic=settings.deterministic,
            checkpoint=self.checkpoint,
            every=settings.every,
            resume=settings.resume,
        )
        if self.checkpoint is not None and settings.resume:
            self._restore(self.checkpoint)

    def __iter__(self) -> Iterator[pl.Record]:
        """Train, and yield each epoch's record."""
        start = perf_counter() - self.seconds
        for record in self._epochs:
            self._keep(record)
            self.seconds = perf_counter() - start
            self._note_extras()
            yield record
            if self._has_waited(record.epoch):
                self.status = f"stopped early after epoch {record.epoch}"
                return
        self.status = "finished"

    @property
    def kept_epoch(self) -> int:
        """The epoch whose weights are kept; 0 before the first epoch has ended."""
        return self._kept[0]

    def put_back(self) -> None:
        """Restore the kept weights."""
        np.copyto(self.learner.net.theta, self._kept[2])
        self.net = self.learner.whole()

    def _measured_on(self, source: LabelledRows, rows: Labels) -> tuple[Array, Labels] | None:
        """Return the network's inputs and the labels of the validation rows, or None without any."""
        return (self.learner.rows(source.x[rows]), source.y[rows]) if len(rows) else None

    def _note_extras(self) -> None:
        """Add the kept weights, the time and the settings to the next checkpoint."""
        if self.checkpoint is not None:
            epoch, _, theta = self._kept
            self.checkpoint.extras = {
                "kept": theta,
                "kept_epoch": np.array([epoch]),
                "seconds": np.array([self.seconds]),
                "settings": np.frombuffer(json.dumps(self.settings.made_of()).encode(), np.uint8),
            }

    def _finished_epochs(self) -> int:
        """Return how many epochs are finished; raise if the checkpoint was made with other settings."""
        checkpoint = pl.Checkpoint(str(self.settings.checkpoint))
        snapshot = checkpoint.load()
        if snapshot is None:
            return 0
        try:
            content = checkpoint.extras["settings"].ravel()[: MAX_JSON + 1].tobytes()
            settings = dict(parse_json(content.decode()))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(_foreign(checkpoint)) from error
        _check_same(settings, self.settings.made_of(), checkpoint)
        return snapshot.epochs

    def _restore(self, checkpoint: pl.Checkpoint) -> None:
        """Restore the records, the kept weights and the time of the run that wrote the checkpoint."""
        self.records = [record for [record] in checkpoint.records]
        try:
            theta, [epoch], [seconds] = (
                checkpoint.extras[name] for name in ("kept", "kept_epoch", "seconds")
            )
            record = self.records[int(epoch) - 1] if epoch else None
            net = self.learner.net
            if theta.shape != net.theta.shape or theta.dtype != net.dtype or epoch < 0:
                raise ValueError("other weights")
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise ValueError(_foreign(checkpoint)) from error
        self._kept, self.seconds = (int(epoch), record, theta), float(seconds)

    def _has_waited(self, epoch: int) -> bool:
        """Whether patience has run out before the last epoch."""
        patience = self.settings.patience
        return patience is not None and epoch - self.kept_epoch >= patience and epoch < self.settings.epochs

    def _keep(self, record: pl.Record) -> None:
        """Record a finished epoch. A single assignment keeps its weights, so Ctrl-C cannot split it."""
        best = self._kept[1]
        if best is None or not self.settings.patience or _is_better(record, best):
            self._kept = (record.epoch, record, self.learner.net.theta.copy())
        self.records.append(record)


def _foreign(checkpoint: pl.Checkpoint) -> str:
    return f"--checkpoint: {checkpoint.path} was not written by pellucid train; resume it with the library"


def _check_same(then: dict[str, Any], now: dict[str, Any], checkpoint: pl.Checkpoint) -> None:
    """Raise if a setting differs from the checkpoint's; epochs may differ if the rate is constant."""
    for name, value in now.items():
        before = then.get(name)
        if name != "epochs" and before != value:
            raise ValueError(
                f"{flag(name)} was {brief(before)} when {checkpoint.path} was made, and is {brief(value)}: "
                "resume with the same settings"
            )
    before, epochs, schedule = then.get("epochs"), now["epochs"], now["schedule"]
    if before != epochs and schedule != "constant":
        raise ValueError(
            f"--epochs was {brief(before)} when {checkpoint.path} was made, and is {epochs}: that would "
            f"change --schedule {schedule}, which spans all epochs; resume with --epochs {brief(before)}"
        )


def _is_better(record: pl.Record, best: pl.Record) -> bool:
    assert record.validation_loss is not None and best.validation_loss is not None
    # NaN is never better; any finite loss is better than NaN.
    return record.validation_loss < best.validation_loss or bool(np.isnan(best.validation_loss))
