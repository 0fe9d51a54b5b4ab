"""Our steps and PyTorch's side by side: how far apart losses, gradients and weights are after each.

>>> difference(np.array([1.0, 2.0]), np.array([1.0, 2.5]))
Difference(absolute=0.5, relative=0.2)
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import tee
from time import perf_counter
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.app.compare_setup import Setup
from pellucid.backend import Array
from pellucid.files.saved_network import named_parameters

OURS, THEIRS = "pellucid", "PyTorch"


@dataclass(frozen=True)
class Difference:
    """How far our numbers are from PyTorch's: the largest |a - b|, and that over the largest |b|."""

    absolute: float
    relative: float


@dataclass(frozen=True)
class StepDifferences:
    """One step: both losses, ours first, and what differs in loss, gradient and new value of each block."""

    step: int
    losses: tuple[float, float]
    loss: Difference
    gradients: tuple[Difference, ...]
    weights: tuple[Difference, ...]

    @property
    def largest(self) -> float:
        """The largest relative difference of all."""
        # Of NaN and a number, NumPy's is NaN, Python's whichever comes first.
        return float(np.max([each.relative for each in (self.loss, *self.gradients, *self.weights)]))


class SideBySide:
    """A training in both libraries at once.

    Attributes
    ----------
    blocks : list of str
        The blocks of parameters as `pellucid.gradcheck` names them: ``1.W`` is W of layers[1].
    seconds : dict of str to list of float
        What each library took for each step, without the comparison.

    Raises
    ------
    TypeError
        If PyTorch has no counterpart of something.
    """

    def __init__(self, setup: Setup) -> None:
        from pellucid.interop.torch import Twin

        net, optimizer = setup.net, setup.optimizer
        ours, self._batches = tee(setup.batches())
        self._twin = Twin(net, setup.loss, optimizer)
        self._records = pl.train(net, setup.loss, optimizer, ours, epochs=1, per_batch=True, compiled=False)
        self._layers = {name: (layer, ours) for name, layer, ours in named_parameters(net.layers)}
        places = {id(layer): i for i, layer in enumerate(net.layers)}
        self.blocks = [f"{places[id(layer)]}.{ours}" for layer, ours in self._layers.values()]
        self.seconds: dict[str, list[float]] = {OURS: [], THEIRS: []}

    def steps(self, n: int) -> Iterator[StepDifferences]:
        """Take n steps, and yield what differs after each.

        Raises
        ------
        FloatingPointError
            If a loss is not finite.
        """
        for number in range(1, n + 1):
            value = self._timed(OURS, self._step)
            batch = next(self._batches)
            expected = self._timed(THEIRS, partial(self._twin.step, *batch))
            yield StepDifferences(
                number,
                (value, expected),
                difference(value, expected),
                self._differences("d", self._twin.gradients()),
                self._differences("", self._twin.parameters()),
            )

    def _step(self) -> tuple[float, object]:
        """Take a step of ours; return its loss first, as the twin does."""
        record = next(self._records)
        return record.loss, record

    def _timed(self, library: str, step: Callable[[], tuple[Any, object]]) -> float:
        """Take a step, note how long it took, and return its loss."""
        start = perf_counter()
        value, _ = step()
        self.seconds[library].append(perf_counter() - start)
        return float(value)

    def _differences(self, prefix: str, theirs: Mapping[str, Array]) -> tuple[Difference, ...]:
        """Compare all blocks: with the prefix "d" their gradients."""
        return tuple(
            difference(getattr(layer, prefix + ours), theirs[name])
            for name, (layer, ours) in self._layers.items()
        )


def difference(ours: Any, theirs: Any) -> Difference:
    """Return max |a - b|, and max |a - b| / max |b|: relative to the size of the block, not entry by entry.

    An entry by itself may be rounding alone, such as the gradient of a weight that no longer matters. Where
    all b are 0 it is relative to the largest |a|, and 0 if these are 0 too.

    Examples
    --------
    >>> difference(np.ones(2), np.zeros(2))
    Difference(absolute=1.0, relative=1.0)
    """
    absolute = float(np.abs(ours - theirs).max())
    size = float(np.abs(theirs).max()) or absolute
    return Difference(absolute, absolute / size if size else 0.0)
