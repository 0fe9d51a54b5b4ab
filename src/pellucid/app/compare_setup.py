"""The training that a comparison runs in both libraries, from `pellucid train` settings or from a report.

>>> setup = setup_of_settings(TrainSettings(source="digits", hidden=(20,)), steps=100)
>>> setup.net.dtype, len(setup.y)
(dtype('float64'), 1293)
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import pellucid as pl
from pellucid.app.builder import build_learner, build_loss, build_optimizer
from pellucid.app.labelled_rows import divide, load_rows, taken
from pellucid.app.settings import TrainSettings
from pellucid.backend import Array
from pellucid.training.batches import InMemory


@dataclass(frozen=True, eq=False)
class Setup:
    """A training to run in both libraries from the same initial parameters and generator states."""

    name: str  #: Name of the data or of the report.
    net: pl.Network
    loss: pl.Loss
    optimizer: pl.Optimizer
    x: Array  #: Training rows, cast to the network's dtype unless it begins with `Rescale`.
    y: Array  #: Class numbers.
    batch_size: int | None  #: None: all rows at once.
    rng: np.random.Generator  #: Draws a permutation for each epoch, as `pellucid.train` does.

    def batches(self) -> Iterator[tuple[Array, Array]]:
        """Yield copies of the batches, epoch after epoch, without end."""
        source = InMemory(self.x, self.y, self.batch_size, self.rng)
        dtype = self.x.dtype if self.net.layers[0].casts else self.net.dtype
        while True:
            for x, y, rows, _ in source.epoch(steps_at_a_time=1):
                yield np.array(x[rows], dtype), np.array(y[rows])


def setup_of_settings(settings: TrainSettings, steps: int, *, dtype: object = np.float64) -> Setup:
    """Return the training of `pellucid train` with these settings; a schedule spans steps, not epochs."""
    rng = np.random.default_rng(settings.seed)
    source = load_rows(settings)
    rows = divide(source, settings, rng).train
    learner = build_learner(settings, source, rows, rng, dtype=dtype)
    each_step_an_epoch = replace(settings, epochs=steps, batch_size=0)
    return Setup(
        name=source.name,
        net=learner.net,
        loss=build_loss(settings),
        optimizer=build_optimizer(each_step_an_epoch, len(rows)),
        x=learner.rows(taken(source.x, rows)),
        y=taken(source.y, rows),
        batch_size=settings.batch_size or None,
        rng=rng,
    )


def setup_of_report(
    letter: str, seed: int, *, dtype: object = np.float64, folder: Path | None = None
) -> Setup:
    """Return the training of report D or E, the reports that were run in PyTorch too.

    Examples
    --------
    >>> setup_of_report("A", seed=0)
    Traceback (most recent call last):
    ...
    ValueError: --report must be one of D, E, which were run in PyTorch too, got 'A'
    """
    from pellucid.lab.reports import TWINS

    if letter.upper() not in TWINS:
        known = ", ".join(TWINS)
        raise ValueError(f"--report must be one of {known}, which were run in PyTorch too, got {letter!r}")
    training = TWINS[letter.upper()](pl.load_dataset("mnist", folder=folder), seed)
    return Setup(
        name=f"report {letter.upper()}",
        net=_in_precision(training.net, dtype),
        loss=training.loss,
        optimizer=training.optimizer,
        x=training.x,
        y=training.y,
        batch_size=training.batch_size,
        rng=training.rng,
    )


def _in_precision(net: pl.Network, dtype: object) -> pl.Network:
    """Rebuild a report's network in another precision, with the same initial weights."""
    theta = net.theta.copy()
    net.build(net.n_in, rng=np.random.default_rng(0), dtype=dtype)
    net.theta[...] = theta
    return net
