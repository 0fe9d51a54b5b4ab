"""What a report module hands to the laboratory.

A report plans `Run`s for a `Mode`, carries one or several out given their settings and a seed (`Report.run`,
the only place where networks are trained), and turns the runs' results, read back from their JSON files, into
rows of the ledger, costs of the slips and plots.

>>> Mode("default", seeds=3).notice is None
True
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pellucid.lab.claims import Claim
from pellucid.lab.ledger import Row, judge, not_run
from pellucid.lab.pictures.figures import Picture

Settings: TypeAlias = dict[str, Any]
#: What a run found, as JSON holds it.
Result: TypeAlias = dict[str, Any]
#: What carries out runs of one seed: their settings and the seed give their results.
CarryOut: TypeAlias = Callable[[Sequence[Settings], int], list[Result]]
#: A figure of one run.
Measure: TypeAlias = Callable[[Result], float]


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


def one_by_one(run: Callable[[Settings, int], Result]) -> CarryOut:
    """Return what carries out runs one after the other.

    Parameters
    ----------
    run : callable
        ``run(settings, seed) -> result``.

    Examples
    --------
    >>> one_by_one(lambda settings, seed: {"loss": settings["rate"] + seed})([{"rate": 2}, {"rate": 3}], 1)
    [{'loss': 3}, {'loss': 4}]
    """
    return lambda group, seed: [run(settings, seed) for settings in group]


def alone(settings: Settings) -> None:
    """Return None: a run with whatever settings is trained alone."""


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
        ``run(group, seed) -> list of results``: of one run's settings, or of several that `together` allows.
    rows : callable
        ``rows(finished) -> list of Row``; all rows, whatever has been run.
    costs : callable
        ``costs(finished) -> list of Cost``.
    plots : callable
        ``plots(finished) -> list of Picture``; those whose runs are there.
    data_sets : tuple of str
        What it reads; a set that the user does not have is left out.
    together : callable
        ``together(settings) -> hashable``: runs of one seed with the same value may be trained together, by
        `pellucid.train_many`; None: alone. Only runs that share all rows, split and batches may, and whose
        networks are alike but for their starting values: seeds that each draw a split are never together.
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


def judge_if_run(
    claim: Claim,
    values: Sequence[float],
    *,
    report: str,
    variant: str,
    assumptions: Sequence[str],
    by_default: bool,
    what: str,
    reading: str | None = None,
    torch: float | None = None,
) -> Row:
    """Judge a claim by the values of its seeds; where there are none, name the command that runs it.

    Parameters
    ----------
    claim : Claim
    values : sequence of float
    report, variant : str
    assumptions : sequence of str
    by_default : bool
        Whether the default mode runs it; otherwise ``--full`` does.
    what : str
        What the command runs: "it for 100 epochs".
    reading : str, optional
        What is taken for a setting that the report leaves out: the verdict on a published figure then waits
        for `settle_readings`.
    torch : float, optional
        What PyTorch measured.

    Examples
    --------
    >>> about = {"report": "C", "variant": "as published", "assumptions": (), "what": "all of it"}
    >>> judge_if_run(Claim("loss", "nats", "0.29"), [], by_default=False, **about).why
    'pellucid reproduce --full runs all of it.'
    """
    about: dict[str, Any] = {
        "report": report,
        "variant": variant,
        "reading": reading,
        "assumptions": assumptions,
    }
    if values:
        omitted = reading is not None and claim.kind == "figure"
        return judge(claim, values, torch=torch, omitted=omitted, **about)
    command = "pellucid reproduce" if by_default else "pellucid reproduce --full"
    return not_run(claim, why=f"{command} runs {what}.", **about)
