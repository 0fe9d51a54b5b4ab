"""How the cost of an epoch grows with rows, width, depth and batch size: ours and PyTorch eager."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.comparison import compare
from bench.contestants import CONTESTANTS, EAGER, OURS, Contestant
from bench.effort import Effort, Tell, comparison_seconds
from bench.workloads import WORKLOADS, Workload

BASE = replace(WORKLOADS["F"], name="scaling")
AXES: dict[str, tuple[int, ...]] = {
    "rows": (3_000, 7_500, 15_000, 30_000, 60_000),
    "width": (25, 50, 100, 200, 400),
    "depth": (1, 2, 3, 4),
    "batch size": (8, 16, 32, 64, 128, 256, 512),
}
ROUNDS = 3
KEPT = ("median", "min", "max", "samples", "variant", "missing")


def varied(axis: str, value: int) -> Workload:
    """Return the base with one number changed: hidden layers all as wide as the base's.

    Examples
    --------
    >>> varied("depth", 3).sizes, varied("width", 25).sizes, varied("batch size", 8).batch_size
    ((784, 100, 100, 100, 10), (784, 25, 10), 8)
    """
    first, width, last = BASE.sizes
    changes: dict[str, dict[str, Any]] = {
        "rows": {"rows": value},
        "width": {"sizes": (first, value, last)},
        "depth": {"sizes": (first, *[width] * value, last)},
        "batch size": {"batch_size": value},
    }
    return replace(BASE, name=f"{axis} {value}", **changes[axis])


def measure_scaling(effort: Effort, tell: Tell) -> dict[str, Any]:
    """Return the times along each axis, as JSON; a smoke run measures the ends of each axis."""
    axes: dict[str, list[dict[str, Any]]] = {}
    for axis, value in _points(effort):
        entry = compare(varied(axis, value), _contestants(), _short(effort), tell)
        found = {name: _kept(figures) for name, figures in entry["contestants"].items()}
        axes.setdefault(axis, []).append({"value": value, "contestants": found})
    return {"base": BASE.to_json(), "title": BASE.title, "unit": BASE.unit, "axes": axes}


def scaling_seconds(effort: Effort) -> float:
    """Return about how long measuring the scaling takes.

    Examples
    --------
    >>> scaling_seconds(Effort()) > 60
    True
    """
    points = [varied(*point) for point in _points(effort)]
    return sum(comparison_seconds(each, _contestants(), _short(effort)) for each in points)


def _points(effort: Effort) -> list[tuple[str, int]]:
    chosen = {axis: (values[0], values[-1]) if effort.is_smoke else values for axis, values in AXES.items()}
    return [(axis, value) for axis, values in chosen.items() for value in values]


def _contestants() -> Sequence[Contestant]:
    return [CONTESTANTS[OURS], CONTESTANTS[EAGER]]


def _short(effort: Effort) -> Effort:
    return replace(effort, rounds=min(effort.rounds, ROUNDS))


def _kept(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: figures[name] for name in KEPT if name in figures}
