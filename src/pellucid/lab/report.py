"""The interface between report modules and the laboratory.

A report plans `Run`s for a `Mode`, carries them out given their settings and a seed (`Report.run`, the only
place where networks are trained), and turns the results, read back from their JSON files, into rows of the
ledger, costs of the slips and pictures.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, TypeAlias

from pellucid.lab.ledger import Row
from pellucid.lab.pictures.figures import Picture

PUBLISHED, INTENDED = "as published", "as intended"

Settings: TypeAlias = dict[str, Any]
#: What a run found, as JSON holds it.
Result: TypeAlias = dict[str, Any]
#: Carries out runs of one seed: ``(settings of each, seed) -> results``.
CarryOut: TypeAlias = Callable[[Sequence[Settings], int], list[Result]]


@dataclass(frozen=True)
class Mode:
    """How much to run: "quick" is a smoke run, "full" has the published lengths and every reading."""

    name: str
    seeds: int

    @property
    def notice(self) -> str | None:
        """The warning on all output of a smoke run; None in the other modes."""
        return "Smoke run: cut short, nothing here is a result." if self.name == "quick" else None


@dataclass(frozen=True)
class Run:
    """One training of one network, fully determined by its settings (plain JSON values) and seed.

    `cost` is the estimated time in seconds on one core of a 2023 server; it also decides the order.
    """

    report: str
    settings: Settings
    seed: int
    cost: float = field(compare=False)


@dataclass(frozen=True)
class Finished:
    """A finished run, as read back from its file, with the time it took in seconds."""

    settings: Settings
    seed: int
    result: Result
    seconds: float = 0.0


@dataclass(frozen=True)
class Slip:
    """A mistake in a report's code: it differs from the report's text or from the textbook."""

    name: str
    text: str


@dataclass(frozen=True)
class Cost:
    """What a slip changes: the figure with it minus the figure without it, by seed."""

    slip: str
    figure: str
    unit: str
    values: tuple[float, ...]
    note: str


def one_by_one(run: Callable[[Settings, int], Result]) -> CarryOut:
    """Return a function that carries out runs one after the other."""
    return lambda group, seed: [run(settings, seed) for settings in group]


def alone(settings: Settings) -> None:
    """Return None: every run is trained alone, whatever its settings."""


def has_torch() -> bool:
    """Whether PyTorch is installed."""
    return find_spec("torch") is not None


def planned(
    report: str,
    mode: Mode,
    settings: Sequence[Settings],
    cost: Callable[[Settings], float],
    *,
    twins: Sequence[Settings] = (),
) -> list[Run]:
    """Return a run for each of the settings and each seed.

    `twins` run in PyTorch where it is installed: with one seed, in the full mode with all.
    """
    runs = [(each, seed) for each in settings for seed in range(mode.seeds)]
    if twins and has_torch():
        seeds = mode.seeds if mode.name == "full" else 1
        runs += [(each, seed) for each in twins for seed in range(seeds)]
    return [Run(report, each, seed, cost(each)) for each, seed in runs]


@dataclass(frozen=True)
class Report:
    """A published report and how to rerun it.

    Attributes
    ----------
    assumptions : tuple of str
        What the report leaves out, and the values assumed instead.
    run : callable
        ``run(group, seed) -> list of results``. A group holds the settings of one run, or of several that
        `together` allows.
    rows, plots : callable
        All rows, whatever has been run; the pictures whose runs are finished.
    data_sets : tuple of str
        Data sets that the report reads if the user has them.
    together : callable
        ``together(settings) -> hashable``. Runs of one seed with equal values may be trained together by
        `pellucid.train_many`; None means alone. Such runs share rows, split and batches, and their networks
        differ in the starting weights only. Runs of different seeds are never grouped, since each seed draws
        its own split.
    """

    letter: str
    name: str
    authors: str
    title: str
    summary: str
    slips: tuple[Slip, ...]
    assumptions: tuple[str, ...]
    plan: Callable[[Mode], list[Run]]
    run: CarryOut
    rows: Callable[[list[Finished]], list[Row]]
    costs: Callable[[list[Finished]], list[Cost]]
    plots: Callable[[list[Finished]], list[Picture]]
    data_sets: tuple[str, ...] = ("mnist",)
    together: Callable[[Settings], Hashable] = alone
