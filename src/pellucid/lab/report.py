"""What a report module hands to the laboratory.

A report plans `Run`s for a `Mode`, carries one out given its settings and a seed (`Report.run`, the only
place where a network is trained), and turns the runs' results, read back from their JSON files, into rows
of the ledger, costs of the slips and plots.

>>> Mode("default", seeds=3).notice is None
True
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pellucid.lab.figures import Picture
from pellucid.lab.ledger import Row

Settings: TypeAlias = dict[str, Any]
#: What a run found, as JSON holds it.
Result: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Mode:
    """How much to run.

    Attributes
    ----------
    name : str
        ``"quick"``: a smoke run; ``"default"``; ``"full"``: published lengths, every reading.
    seeds : int
    """

    name: str
    seeds: int

    @property
    def notice(self) -> str | None:
        """What every output says where nothing in it is a result."""
        return "Smoke run: cut short, nothing here is a result." if self.name == "quick" else None


@dataclass(frozen=True)
class Run:
    """One training of one network: settings and seed determine all it does.

    Attributes
    ----------
    report : str
        The report's letter.
    settings : dict
        Plain JSON values.
    seed : int
    cost : float
        Seconds on one core like those of a 2023 server, for the estimate and the order of the runs.
    """

    report: str
    settings: Settings
    seed: int
    cost: float = field(compare=False)


@dataclass(frozen=True)
class Finished:
    """A run that has been carried out, as read back from its file; `seconds` is what it took."""

    settings: Settings
    seed: int
    result: Result
    seconds: float = 0.0


@dataclass(frozen=True)
class Slip:
    """Something the report's code does that its text does not mean, or that a textbook would not do."""

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


@dataclass(frozen=True)
class Report:
    """A published report and how to rerun it.

    Attributes
    ----------
    letter, name, authors, title, summary : str
    slips : tuple of Slip
    assumptions : tuple of str
        What the report leaves out, and what is taken instead.
    plan : callable
        ``plan(mode) -> list of Run``.
    run : callable
        ``run(settings, seed) -> result``.
    rows : callable
        ``rows(finished) -> list of Row``; all rows, whatever has been run.
    costs : callable
        ``costs(finished) -> list of Cost``.
    plots : callable
        ``plots(finished) -> list of Picture``; those whose runs are there.
    data_sets : tuple of str
        What it reads; a set that the user does not have is left out.
    """

    letter: str
    name: str
    authors: str
    title: str
    summary: str
    slips: tuple[Slip, ...]
    assumptions: tuple[str, ...]
    plan: Callable[[Mode], list[Run]]
    run: Callable[[Settings, int], Result]
    rows: Callable[[list[Finished]], list[Row]]
    costs: Callable[[list[Finished]], list[Cost]]
    plots: Callable[[list[Finished]], list[Picture]]
    data_sets: tuple[str, ...] = ("mnist",)


def paired(finished: Iterable[Finished], settings: Settings, others: Settings) -> list[tuple[Result, Result]]:
    """Return the results with the one settings and with the other, seed by seed, where there are both.

    Examples
    --------
    >>> runs = [Finished({"rate": rate}, seed, {"loss": rate + seed}) for rate in (1, 2) for seed in (0, 1)]
    >>> paired(runs, {"rate": 1}, {"rate": 2})
    [({'loss': 1}, {'loss': 2}), ({'loss': 2}, {'loss': 3})]
    """
    runs = list(finished)
    left, right = ({run.seed: run.result for run in matching(runs, **s)} for s in (settings, others))
    return [(left[seed], right[seed]) for seed in left if seed in right]


def matching(finished: Iterable[Finished], **settings: object) -> list[Finished]:
    """Return the runs with these settings, by seed.

    Examples
    --------
    >>> runs = [Finished({"rate": 1}, seed, {}) for seed in (1, 0)] + [Finished({"rate": 2}, 0, {})]
    >>> [run.seed for run in matching(runs, rate=1)]
    [0, 1]
    """
    found = [run for run in finished if settings.items() <= run.settings.items()]
    return sorted(found, key=lambda run: run.seed)
