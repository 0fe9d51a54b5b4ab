"""Groups of runs that are trained together, their cost, and their order.

A group holds runs of one seed that differ only in their starting values, as their report says. They share
rows, split and batches anyway, so training them together does not reduce the variance over seeds.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TypeAlias

from pellucid.lab.report import Run

#: Runs of one report and seed, often just one.
Group: TypeAlias = list[Run]
#: Cost of each further run of a group relative to the first; 0.4 to 0.9 were measured.
FURTHER = 0.7


def in_groups(runs: Sequence[Run], together: Callable[[Run], Hashable], at_once: int) -> list[Group]:
    """Return the runs in groups, each run with its share of the cost of its group.

    Runs of one report and seed for which `together` returns equal values are trained together, runs with None
    alone. Groups are smaller if there are too few runs for `at_once` groups.

    Examples
    --------
    >>> runs = [Run("F", {"rate": rate}, seed=0, cost=10.0) for rate in (1, 1, 1, 2)]
    >>> groups = in_groups(runs, lambda run: run.settings["rate"], at_once=1)
    >>> [[round(run.cost, 3) for run in group] for group in groups]
    [[8.0, 8.0, 8.0], [10.0]]
    >>> [len(group) for group in in_groups(runs, lambda run: run.settings["rate"], at_once=2)]
    [2, 1, 1]
    """
    found: dict[Hashable, list[Run]] = {}
    for i, run in enumerate(runs):
        value = together(run)
        found.setdefault(i if value is None else (run.report, run.seed, value), []).append(run)
    size = max(1, len(runs) // at_once)
    return [_shared(alike[i : i + size]) for alike in found.values() for i in range(0, len(alike), size)]


def _shared(group: Group) -> Group:
    share = (1 + FURTHER * (len(group) - 1)) / len(group)
    return [replace(run, cost=run.cost * share) for run in group]


def cost(group: Group) -> float:
    """Return the estimated seconds of a group."""
    return sum(run.cost for run in group)


def in_order(groups: Sequence[Group]) -> list[Group]:
    """Return the groups in order: the quickest with all its seeds, for an early row, then the longest first.

    Examples
    --------
    >>> groups = [[Run("F", {"rate": r}, seed, cost=r)] for seed in (0, 1) for r in (1, 2, 3)]
    >>> [(group[0].settings["rate"], group[0].seed) for group in in_order(groups)]
    [(1, 0), (1, 1), (3, 0), (3, 1), (2, 0), (2, 1)]
    """
    quickest = _cells(min(groups, key=cost)) if groups else []
    return sorted(groups, key=lambda group: (_cells(group) != quickest, -cost(group), group[0].seed))


def _cells(group: Group) -> list[tuple[str, dict[str, object]]]:
    return [(run.report, run.settings) for run in group]
