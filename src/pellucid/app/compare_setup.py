"""What a comparison trains in both libraries: by settings of `pellucid train`, or as a report does.

>>> setup = setup_of_settings(TrainSettings(source="digits", hidden=(20,)), steps=100)
>>> setup.net.dtype, len(setup.y)
(dtype('float64'), 1293)
"""

from collections.abc import Callable, Iterator
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
    """What is trained in both libraries.

    Attributes
    ----------
    name : str
        The data, or the report.
    net : Network
        Built; its parameters and its generators are where both begin.
    loss : Loss
    optimizer : Optimizer
    x, y : array
        Training rows and class numbers; rows are cast to the network's dtype unless it begins with `Rescale`.
    batch_size : int or None
        None: all rows at once.
    rng : numpy.random.Generator
        Draws a permutation for each epoch, as `pellucid.train` does.
    """

    name: str
    net: pl.Network
    loss: pl.Loss
    optimizer: pl.Optimizer
    x: Array
    y: Array
    batch_size: int | None
    rng: np.random.Generator

    def batches(self) -> Iterator[tuple[Array, Array]]:
        """Yield copies of the batches of one epoch after the other, without end."""
        source = InMemory(self.x, self.y, self.batch_size, self.rng)
        dtype = self.x.dtype if self.net.layers[0].casts else self.net.dtype
        while True:
            for x, y, rows, _ in source.epoch(steps_at_a_time=1):
                yield np.array(x[rows], dtype), np.array(y[rows])


def setup_of_settings(settings: TrainSettings, steps: int, *, dtype: object = np.float64) -> Setup:
    """Return what `pellucid train` does by these settings; a schedule spans the steps, not the epochs."""
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
    """Return what report D or E trains here and in PyTorch.

    Raises
    ------
    ValueError
        If the report has no run in PyTorch.

    Examples
    --------
    >>> setup_of_report("A", seed=0)
    Traceback (most recent call last):
    ...
    ValueError: --report must be one of D, E, which were run in PyTorch too, got 'A'
    """
    if letter.upper() not in REPORTS:
        known = ", ".join(REPORTS)
        raise ValueError(f"--report must be one of {known}, which were run in PyTorch too, got {letter!r}")
    return REPORTS[letter.upper()](seed, dtype, folder)


def _report_d(seed: int, dtype: object, folder: Path | None) -> Setup:
    from pellucid.lab.reports import d_run

    data = pl.load_dataset("mnist", folder=folder)
    variant, (normalize, _) = d_run.TWIN_CELL
    rows, _ = d_run.drawn_rows(data, seed)
    return Setup(
        name="report D",
        net=_in_precision(d_run.network(variant, data.x_train.shape[1], seed), dtype),
        loss=pl.SoftmaxCrossEntropy(),
        optimizer=pl.SGD(d_run.LEARNING_RATE),
        x=d_run.NORMALIZE[normalize](data.x_train)[rows],
        y=data.y_train[rows],
        batch_size=d_run.BATCH_SIZE,
        rng=np.random.default_rng([seed, 2]),
    )


def _report_e(seed: int, dtype: object, folder: Path | None) -> Setup:
    from pellucid.lab.reports import e_run

    data = pl.load_dataset("mnist", folder=folder)
    cell = e_run.TWIN_CELLS[0]
    rows = e_run.drawn_rows(len(data.x_train), seed)[0]
    return Setup(
        name="report E",
        net=_in_precision(e_run.network(cell, seed), dtype),
        loss=e_run.loss_of(cell),
        optimizer=e_run.optimizer(cell),
        x=np.multiply(data.x_train, np.float32(1 / 255))[rows],
        y=data.y_train[rows],
        batch_size=cell.batch_size,
        rng=np.random.default_rng([seed, 2]),
    )


def _in_precision(net: pl.Network, dtype: object) -> pl.Network:
    """Return a report's network in another precision, beginning with the report's own numbers."""
    theta = net.theta.copy()
    net.build(net.n_in, rng=np.random.default_rng(0), dtype=dtype)
    net.theta[...] = theta
    return net


REPORTS: dict[str, Callable[[int, object, Path | None], Setup]] = {"D": _report_d, "E": _report_e}
