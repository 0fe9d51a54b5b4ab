"""A run of the benchmark: what it measures, part by part, and about how long that takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.comparison import compare
from bench.contestants import Contestant
from bench.effort import Effort, Tell, comparison_seconds
from bench.race import race, race_seconds
from bench.ratios import judged
from bench.scaling import measure_scaling, scaling_seconds
from bench.workloads import RACE, WORKLOADS

#: What a smoke run measures where no workload is named: full batch and SGD, batches and Adam, the race.
QUICK_NAMES = ("A", "F", RACE.name)


@dataclass(frozen=True)
class Session:
    """The workloads, by name and with the race among them, the contestants, the effort, and the scaling.

    Examples
    --------
    >>> Session(("A",), (), Effort()).seconds
    0.0
    """

    names: tuple[str, ...]
    contestants: tuple[Contestant, ...]
    effort: Effort
    scaling: bool = False

    @property
    def seconds(self) -> float:
        """About how long the run takes."""
        chosen = [WORKLOADS[name] for name in self.names if name in WORKLOADS]
        seconds = sum(comparison_seconds(each, self.contestants, self.effort) for each in chosen)
        if RACE.name in self.names:
            seconds += race_seconds(self.contestants, self.effort)
        return seconds + (scaling_seconds(self.effort) if self.scaling else 0)

    def measure(self, tell: Tell) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each part with its name when it has been measured."""
        for name in self.names:
            if name in WORKLOADS:
                yield name, judged(compare(WORKLOADS[name], self.contestants, self.effort, tell))
        if RACE.name in self.names:
            yield "race", race(self.contestants, self.effort, tell)
        if self.scaling:
            yield "scaling", measure_scaling(self.effort, tell)


def chosen_names(asked: list[str] | None, *, quick: bool, scaling: bool) -> tuple[str, ...]:
    """Return the workloads to measure, in their order.

    Raises
    ------
    ValueError
        If there is no such workload.

    Examples
    --------
    >>> chosen_names(["t98", "d"], quick=False, scaling=False)
    ('D', 'T98')
    """
    known = (*WORKLOADS, RACE.name)
    wanted = {name.strip().upper() for name in asked or ()}
    for name in sorted(wanted - set(known)):
        raise ValueError(f"--workload must be one of {', '.join(known)}, got {name!r}")
    if not wanted and not scaling:
        wanted = set(QUICK_NAMES if quick else known)
    return tuple(name for name in known if name in wanted)
