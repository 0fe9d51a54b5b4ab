"""What a comparison has shown: marked steps in full, the largest difference over all, the verdict.

>>> [step for step in range(1, 31) if is_marked(step)]
[1, 2, 5, 10, 20]
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import floor, log10
from statistics import median
from typing import Any

import numpy as np

from pellucid.app.compare_setup import Setup
from pellucid.app.compare_steps import OURS, THEIRS, Difference, SideBySide, StepDifferences

#: By dtype: up to which step no relative difference may be larger than what.
BARS: dict[str, tuple[tuple[int, float], ...]] = {"float64": ((100, 1e-10), (1000, 1e-8)), "float32": ()}
KINDS = ("gradients", "weights")
#: Points of a curve in every decade of steps.
POINTS = 40


@dataclass(frozen=True)
class Verdict:
    """The largest relative difference of the first so many steps, and what it may be."""

    steps: int
    measured: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the difference is small enough."""
        return self.measured <= self.limit


class History:
    """The steps of a comparison: all that is told of it afterwards.

    Attributes
    ----------
    kept : list of StepDifferences
        Marked steps and those of a smooth curve on a logarithmic axis; the last one.
    peaks : list of dict of str to list of float
        For each of these the largest relative difference of each block until then: gradients, weights.
    largest : list of float
        Of every step.
    """

    def __init__(self, setup: Setup, side_by_side: SideBySide) -> None:
        self.setup, self.side_by_side = setup, side_by_side
        self.kept: list[StepDifferences] = []
        self.peaks: list[dict[str, list[float]]] = []
        self.largest: list[float] = []
        self._peaks = {kind: [0.0] * len(side_by_side.blocks) for kind in KINDS}

    def add(self, found: StepDifferences, *, is_last: bool) -> None:
        """Take in the next step."""
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
        """Return what was found on each bar that the steps reach into."""
        return verdicts(self.largest, self.setup.net.dtype.name)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
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
    """Return what the largest difference of each step means for each bar that the steps reach into.

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
    """Tell whether a step stands in the table: 1, 2, 5, 10, 20, 50 …"""
    return str(step).rstrip("0") in ("1", "2", "5")


def is_on_curve(step: int) -> bool:
    """Tell whether a step is a curve's next point on a logarithmic axis."""
    return step == 1 or floor(POINTS * log10(step)) > floor(POINTS * log10(step - 1))


def _as_json(found: StepDifferences) -> dict[str, Any]:
    """Return pairs of absolute and relative difference."""
    return {
        "step": found.step,
        "losses": dict(zip((OURS, THEIRS), found.losses, strict=True)),
        "loss": _pair(found.loss),
        "gradients": [_pair(each) for each in found.gradients],
        "weights": [_pair(each) for each in found.weights],
    }


def _pair(found: Difference) -> list[float]:
    return [found.absolute, found.relative]
