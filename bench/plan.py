"""The plan of a run: the parts to measure, on the CPU or on a GPU, and about how long that takes.

On a GPU all contestants have the data on the device and round products alike. A unit of workload C is then a
whole run of iterations, with recorded losses and the test accuracy.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.contestants import CONTESTANTS, EAGER, OURS, Contestant, gpu_contestants
from bench.effort import Effort, Notify, comparison_seconds
from bench.race import race, race_seconds
from bench.ratios import judged
from bench.results import GPU_WORKLOADS, PRECISIONS
from bench.rounds import compare
from bench.workloads import RACE, WORKLOADS, Workload

#: Workloads of a smoke run by default: full batch with SGD, mini-batches with Adam, and the race.
QUICK_NAMES = ("A", "F", RACE.name)
#: Steps in a unit of full batch on a GPU; in a smoke run just enough for two recorded losses.
ITERATIONS, QUICK_ITERATIONS = 1000, 20
GPU_FULL_BATCH_ROUNDS = SCALING_ROUNDS = 3
SCALING_BASE = replace(WORKLOADS["F"], name="scaling")
SCALING_AXES: dict[str, tuple[int, ...]] = {
    "rows": (3_000, 7_500, 15_000, 30_000, 60_000),
    "width": (25, 50, 100, 200, 400),
    "depth": (1, 2, 3, 4),
    "batch size": (8, 16, 32, 64, 128, 256, 512),
}
SCALING_CONTESTANTS = (CONTESTANTS[OURS], CONTESTANTS[EAGER])
#: The figures of a contestant that the scaling keeps.
SCALING_FIGURES = ("median", "min", "max", "samples", "variant", "missing")


@dataclass(frozen=True)
class Plan:
    """What a run measures."""

    #: Workloads, and the race.
    names: tuple[str, ...]
    #: Contestants on the CPU; on a GPU they are fixed.
    contestants: tuple[Contestant, ...]
    effort: Effort
    #: Whether to measure how the cost grows.
    scaling: bool = False

    @property
    def seconds(self) -> float:
        """Estimated time of the run."""
        return float(sum(seconds for _, seconds, _ in self._parts()))

    def measure(self, notify: Notify) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the name and the results of each part as soon as it is measured."""
        for name, _, measure in self._parts():
            yield name, measure(notify)

    def _parts(self) -> Iterator[tuple[str, float, Callable[[Notify], dict[str, Any]]]]:
        """Yield name, estimated seconds and measurement of each part."""
        for name, workload, entered, effort in self._comparisons():
            seconds = comparison_seconds(workload, entered, effort)
            yield name, seconds, _measurement(workload, entered, effort)
        if RACE.name in self.names:
            seconds = race_seconds(self.contestants, self.effort)
            yield "race", seconds, lambda notify: race(self.contestants, self.effort, notify)
        if self.scaling:
            yield "scaling", scaling_seconds(self.effort), lambda notify: measure_scaling(self.effort, notify)

    def _comparisons(self) -> Iterator[tuple[str, Workload, Sequence[Contestant], Effort]]:
        """Yield name, workload, contestants and effort of each comparison."""
        for workload in [WORKLOADS[name] for name in self.names if name in WORKLOADS]:
            if self.effort.device == "cpu":
                yield workload.name, workload, self.contestants, self.effort
                continue
            iterations = QUICK_ITERATIONS if self.effort.is_smoke else ITERATIONS
            full_batch = workload.batch_size is None
            effort = self.effort.at_most(GPU_FULL_BATCH_ROUNDS) if full_batch else self.effort
            for precision, tf32 in PRECISIONS.items():
                entered = gpu_contestants(tf32=tf32, iterations=iterations)
                yield f"{workload.name} {precision}", workload, list(entered.values()), effort


def _measurement(
    workload: Workload, entered: Sequence[Contestant], effort: Effort
) -> Callable[[Notify], dict[str, Any]]:
    return lambda notify: judged(compare(workload, entered, effort, notify), device=effort.device)


def chosen_names(
    asked: Sequence[str] | None, *, quick: bool = False, scaling: bool = False, device: str = "cpu"
) -> tuple[str, ...]:
    """Return the names of the workloads to measure; raise a ValueError if a name is unknown."""
    known = GPU_WORKLOADS if device == "gpu" else (*WORKLOADS, RACE.name)
    default = () if scaling else QUICK_NAMES if quick and device == "cpu" else known
    wanted = {name.strip().upper() for name in asked or default}
    for name in sorted(wanted - set(known)):
        where = " with --gpu" if device == "gpu" else ""
        raise ValueError(f"--workload must be one of {', '.join(known)}{where}, got {name!r}")
    return tuple(name for name in known if name in wanted)


def varied(axis: str, value: int) -> Workload:
    """Return the base of the scaling with one number changed; hidden layers keep the base's width.

    Examples
    --------
    >>> varied("depth", 3).sizes, varied("width", 25).sizes, varied("batch size", 8).batch_size
    ((784, 100, 100, 100, 10), (784, 25, 10), 8)
    """
    first, width, last = SCALING_BASE.sizes
    changes: dict[str, dict[str, Any]] = {
        "rows": {"rows": value},
        "width": {"sizes": (first, value, last)},
        "depth": {"sizes": (first, *[width] * value, last)},
        "batch size": {"batch_size": value},
    }
    return replace(SCALING_BASE, name=f"{axis} {value}", **changes[axis])


def measure_scaling(effort: Effort, notify: Notify) -> dict[str, Any]:
    """Return the times of pellucid and PyTorch along each axis, as JSON; a smoke run measures the ends."""
    axes: dict[str, list[dict[str, Any]]] = {}
    for axis, value in _points(effort):
        short = effort.at_most(SCALING_ROUNDS)
        entry = compare(varied(axis, value), SCALING_CONTESTANTS, short, notify)
        found = {
            name: {key: figures[key] for key in SCALING_FIGURES if key in figures}
            for name, figures in entry["contestants"].items()
        }
        axes.setdefault(axis, []).append({"value": value, "contestants": found})
    base = SCALING_BASE
    return {"base": base.to_json(), "title": base.title, "unit": base.unit, "axes": axes}


def scaling_seconds(effort: Effort) -> float:
    """Return the estimated time of measuring the scaling."""
    short, points = effort.at_most(SCALING_ROUNDS), [varied(*point) for point in _points(effort)]
    return sum(comparison_seconds(each, SCALING_CONTESTANTS, short) for each in points)


def _points(effort: Effort) -> list[tuple[str, int]]:
    axes = SCALING_AXES.items()
    chosen = {axis: (values[0], values[-1]) if effort.is_smoke else values for axis, values in axes}
    return [(axis, value) for axis, values in chosen.items() for value in values]
