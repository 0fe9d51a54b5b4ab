"""Train in pellucid and PyTorch side by side; compare losses, gradients and weights after each step.

>>> difference(np.array([1.0, 2.0]), np.array([1.0, 2.5]))
Difference(absolute=0.5, relative=0.2)
>>> [step for step in range(1, 31) if is_marked(step)]
[1, 2, 5, 10, 20]
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import partial
from itertools import tee
from math import floor, log10
from statistics import median
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
    """Differences of our numbers a from PyTorch's b: max |a - b|, and max |a - b| / max |b|."""

    absolute: float
    relative: float


@dataclass(frozen=True)
class StepDifferences:
    """The losses of one step, pellucid's first, and the differences of the loss and of each block."""

    step: int
    losses: tuple[float, float]
    loss: Difference
    gradients: tuple[Difference, ...]
    weights: tuple[Difference, ...]

    @property
    def largest(self) -> float:
        """The largest relative difference of the step."""
        # NumPy's max propagates NaN; Python's depends on the order.
        return float(np.max([each.relative for each in (self.loss, *self.gradients, *self.weights)]))


class SideBySide:
    """Train in both libraries step by step; raise `TypeError` if PyTorch lacks a layer, loss or optimizer.

    `blocks` names the blocks of parameters as `pellucid.gradcheck` does: ``1.W`` is W of layers[1].
    `seconds` holds the time of each step in each library, without the comparison.
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
        """Take n steps, and yield the differences after each."""
        for number in range(1, n + 1):
            value = self._timed(OURS, self._step)
            expected = self._timed(THEIRS, partial(self._twin.step, *next(self._batches)))
            yield StepDifferences(
                number,
                (value, expected),
                difference(value, expected),
                self._differences("d", self._twin.gradients()),
                self._differences("", self._twin.parameters()),
            )

    def _step(self) -> tuple[float, pl.Record]:
        """Take a step in pellucid; return the loss first, as `Twin.step` does."""
        record = next(self._records)
        return record.loss, record

    def _timed(self, library: str, step: Callable[[], tuple[Any, object]]) -> float:
        """Take a step, record its time, and return its loss."""
        start = perf_counter()
        value, _ = step()
        self.seconds[library].append(perf_counter() - start)
        return float(value)

    def _differences(self, prefix: str, theirs: Mapping[str, Array]) -> tuple[Difference, ...]:
        """Compare all blocks: their gradients if `prefix` is "d", else their parameters."""
        return tuple(
            difference(getattr(layer, prefix + ours), theirs[name])
            for name, (layer, ours) in self._layers.items()
        )


def difference(ours: Any, theirs: Any) -> Difference:
    """Return max |a - b|, and max |a - b| / max |b|: relative to the size of the block, not entry by entry.

    A single entry can be pure rounding error, such as the gradient of a weight without effect. If all b are
    0, the difference is relative to the largest |a|; if all a are 0 too, it is 0.

    Examples
    --------
    >>> difference(np.ones(2), np.zeros(2))
    Difference(absolute=1.0, relative=1.0)
    """
    absolute = float(np.abs(ours - theirs).max())
    size = float(np.abs(theirs).max()) or absolute
    return Difference(absolute, absolute / size if size else 0.0)


#: For each dtype, pairs (step, limit): the largest relative difference allowed up to that step.
BARS: dict[str, tuple[tuple[int, float], ...]] = {"float64": ((100, 1e-10), (1000, 1e-8)), "float32": ()}
KINDS = ("gradients", "weights")
#: Points of a curve per decade of steps.
POINTS = 40


@dataclass(frozen=True)
class Verdict:
    """The largest relative difference of the first `steps` steps, and its limit."""

    steps: int
    measured: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the difference is within the limit."""
        return self.measured <= self.limit


class Comparison:
    """The recorded steps of a comparison."""

    def __init__(self, setup: Setup, side_by_side: SideBySide) -> None:
        self.setup, self.side_by_side = setup, side_by_side
        #: The steps of the table, of a smooth curve on a logarithmic axis, and the last step.
        self.kept: list[StepDifferences] = []
        #: For each kept step, the largest relative differences so far of each block's gradients and weights.
        self.peaks: list[dict[str, list[float]]] = []
        #: The largest relative difference of every step.
        self.largest: list[float] = []
        self._peaks = {kind: [0.0] * len(side_by_side.blocks) for kind in KINDS}

    def add(self, found: StepDifferences, *, is_last: bool) -> None:
        """Record the next step."""
        self.largest.append(found.largest)
        for kind, peaks in self._peaks.items():
            self._peaks[kind] = [
                float(np.maximum(p, each.relative))
                for p, each in zip(peaks, getattr(found, kind), strict=True)
            ]
        if is_last or is_marked(found.step) or is_on_curve(found.step):
            self.kept.append(found)
            self.peaks.append(dict(self._peaks))

    def verdicts(self) -> list[Verdict]:
        """Return a verdict for each limit in `BARS` that applies to the steps taken."""
        return verdicts(self.largest, self.setup.net.dtype.name)

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        setup, net = self.setup, self.setup.net
        return {
            "name": setup.name,
            "layers": [repr(layer) for layer in net.layers],
            "loss": repr(setup.loss),
            "optimizer": repr(setup.optimizer),
            "rows": len(setup.y),
            "batch_size": setup.batch_size,
            "dtype": net.dtype.name,
            "steps": len(self.largest),
            "relative": "largest |ours - PyTorch's| of a block over the largest |PyTorch's| of the block",
            "largest": float(np.max(self.largest)),
            "bars": [{**asdict(each), "holds": each.holds} for each in self.verdicts()],
            "seconds": {
                library: {"total": sum(taken), "median of a step": median(taken)}
                for library, taken in self.side_by_side.seconds.items()
            },
            "blocks": self.side_by_side.blocks,
            "curve": [
                {**_as_json(each), "largest so far": peaks}
                for each, peaks in zip(self.kept, self.peaks, strict=True)
            ],
        }


def verdicts(largest: Sequence[float], dtype: str) -> list[Verdict]:
    """Return a verdict for each limit in `BARS` that applies, from the largest difference of each step.

    Examples
    --------
    >>> verdicts([1e-16, 3e-12], "float64")
    [Verdict(steps=2, measured=3e-12, limit=1e-10)]
    """
    bars = BARS[dtype]
    before = (0, *(steps for steps, _ in bars))
    return [
        Verdict(min(steps, len(largest)), float(np.max(largest[:steps])), limit)
        for (steps, limit), done in zip(bars, before, strict=False)
        if len(largest) > done
    ]


def is_marked(step: int) -> bool:
    """Whether a step is shown in the table: 1, 2, 5, 10, 20, 50 …"""
    return str(step).rstrip("0") in ("1", "2", "5")


def is_on_curve(step: int) -> bool:
    """Whether a step is the next point of a curve on a logarithmic axis."""
    return step == 1 or floor(POINTS * log10(step)) > floor(POINTS * log10(step - 1))


def _as_json(found: StepDifferences) -> dict[str, Any]:
    """Return the differences of a step as JSON values, each as the pair (absolute, relative)."""
    return {
        "step": found.step,
        "losses": dict(zip((OURS, THEIRS), found.losses, strict=True)),
        "loss": astuple(found.loss),
        "gradients": [astuple(each) for each in found.gradients],
        "weights": [astuple(each) for each in found.weights],
    }
