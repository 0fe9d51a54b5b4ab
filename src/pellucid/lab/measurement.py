"""From finished runs to rows of the ledger: which figures are measured on which runs, and the costs of slips.

A report lists its `Measurement`s and `Comparison`s as data. `rows_of` and `costs_of` find their runs by their
settings, compare them seed by seed, and judge them.

>>> runs = [Finished({"epochs": 2}, seed, {"loss": 0.3 + seed / 100}) for seed in range(3)]
>>> measured = Measurement(
...     Claim("loss", "nats", "0.31"), "as published", ({"epochs": 2},), lambda result: result["loss"]
... )
>>> [row.verdict for row in rows_of([measured], runs, report="C", assumptions=(), plan=lambda mode: [])]
['reproduced']
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, TypeAlias

from pellucid.lab.claims import Claim
from pellucid.lab.learning_curves import last, value_at
from pellucid.lab.ledger import Row, judge, not_run, settle_readings
from pellucid.lab.report import Cost, Finished, Mode, Result, Run, Settings, Slip, has_torch

#: A figure of one run.
Measure: TypeAlias = Callable[[Result], float]
#: A slip, the settings with it and without it, and what is compared in words.
Comparison: TypeAlias = tuple[Slip, Settings, Settings, str]
LENGTHS = ("epochs", "iterations")


@dataclass(frozen=True)
class Measurement:
    """A claim and how it is measured: one row of the ledger.

    Attributes
    ----------
    variant : str
        "as published", "as intended", or which slips of the two are mixed.
    settings : tuple of dict
        Settings of the runs: one run per seed, or several runs per seed that are compared with each other.
    measure : callable
        ``measure(*results) -> float``: the figure of one seed, given a result for each of the settings.
    reading : str, optional
        The values assumed for settings that the report leaves out. `settle_readings` then gives the verdict
        on a published figure.
    twin : bool
        Whether the run is repeated in PyTorch.
    """

    claim: Claim
    variant: str
    settings: tuple[Settings, ...]
    measure: Callable[..., float]
    reading: str | None = None
    twin: bool = False

    def values(self, finished: Iterable[Finished]) -> dict[int, float]:
        """Return the figure by seed."""
        found = results_by_seed(finished, *self.settings)
        return {seed: self.measure(*results) for seed, results in found.items()}

    def twin_values(self, finished: Iterable[Finished]) -> dict[int, float]:
        """Return PyTorch's figure by seed."""
        there = tuple({**settings, "library": "torch"} for settings in self.settings)
        return replace(self, settings=there).values(finished) if self.twin else {}

    @property
    def length(self) -> str:
        """The length of training: "40 epochs"."""
        return next(f"{self.settings[0][name]} {name}" for name in LENGTHS if name in self.settings[0])


def ordering(
    figure: str, variant: str, measure: Measure, above: Settings, below: Settings, reading: str | None = None
) -> Measurement:
    """Return the claim that an accuracy is higher with some settings than with others."""
    claim = Claim(figure, "points", kind="ordering")
    return Measurement(claim, variant, (above, below), lambda a, b: measure(a) - measure(b), reading)


def measured(
    figure: str, unit: str, variant: str, measure: Callable[..., float], *settings: Settings
) -> Measurement:
    """Return the measurement of a figure about which the report claims nothing."""
    return Measurement(Claim(figure, unit, kind="measured"), variant, settings, measure)


def at_end(curve: str) -> Measure:
    """Return the measure "the last value of a curve"."""
    return lambda result: last(result, curve)


def at(curve: str, x: float) -> Measure:
    """Return the measure "the value of a curve at one of its points"."""
    return lambda result: value_at(result, curve, x)


def rows_of(
    measurements: Sequence[Measurement],
    finished: Sequence[Finished],
    *,
    report: str,
    assumptions: Sequence[str],
    plan: Callable[[Mode], list[Run]],
) -> list[Row]:
    """Judge every measurement by its runs; if there are none, name the command that runs them."""
    default = [run.settings for run in plan(Mode("default", seeds=1))]
    about = {"report": report, "assumptions": assumptions}
    rows = settle_readings([_row(each, finished, default, about) for each in measurements])
    return [
        with_twin(row, each.values(finished), each.twin_values(finished)) if each.twin and row.seeds else row
        for row, each in zip(rows, measurements, strict=True)
    ]


def _row(
    measurement: Measurement,
    finished: Sequence[Finished],
    default: Collection[Settings],
    about: Mapping[str, Any],
) -> Row:
    claim, reading = measurement.claim, measurement.reading
    about = {**about, "variant": measurement.variant, "reading": reading}
    if values := measurement.values(finished):
        twins = measurement.twin_values(finished)
        torch = fmean(twins.values()) if twins else None
        omitted = reading is not None and claim.kind == "figure"
        return judge(claim, [*values.values()], torch=torch, omitted=omitted, **about)
    flag = "" if all(settings in default for settings in measurement.settings) else " --full"
    return not_run(claim, why=f"pellucid reproduce{flag} runs it for {measurement.length}.", **about)


def with_twin(row: Row, ours: Mapping[int, float], twins: Mapping[int, float]) -> Row:
    """Add PyTorch's figure to a row's `why`, with ours on the same seeds, or say how to get it.

    `ours` and `twins` hold the figure by seed; PyTorch may have run fewer seeds.

    Examples
    --------
    >>> row = Row("D", "as intended", None, "accuracy", "%", None, torch=91.5, why="Measured only.")
    >>> with_twin(row, {0: 91.0, 1: 92.0}, {0: 91.5}).why
    'Measured only. PyTorch on seed 0: 91.5000, ours there 91.0000.'
    """
    if row.torch is None:
        note = "not run yet" if has_torch() else "not installed: pip install 'pellucid[compare]' adds it"
        return replace(row, why=f"{row.why} PyTorch: {note}.")
    which = f"seed{'s' if len(twins) > 1 else ''} {', '.join(map(str, twins))}"
    there = [value for seed, value in ours.items() if seed in twins]
    mean = f"{fmean(there):.4f}" if there else "not run yet"
    return replace(row, why=f"{row.why} PyTorch on {which}: {row.torch:.4f}, ours there {mean}.")


def costs_of(
    finished: Iterable[Finished], comparisons: Iterable[Comparison], figure: str, unit: str, measure: Measure
) -> list[Cost]:
    """Return what slips change in a figure, seed by seed, for slips that have been measured."""
    runs, found = list(finished), []
    for slip, settings, others, note in comparisons:
        pairs = results_by_seed(runs, settings, others).values()
        values = tuple(measure(one) - measure(other) for one, other in pairs)
        found.append(Cost(slip.name, figure, unit, values, note))
    return [cost for cost in found if cost.values]


def results_by_seed(finished: Iterable[Finished], *settings: Settings) -> dict[int, tuple[Result, ...]]:
    """Return the results with each of the settings, by seed, for the seeds that ran with all of them.

    Examples
    --------
    >>> runs = [Finished({"rate": rate}, seed, {"loss": rate + seed}) for rate in (1, 2) for seed in (0, 1)]
    >>> results_by_seed(runs, {"rate": 1}, {"rate": 2})
    {0: ({'loss': 1}, {'loss': 2}), 1: ({'loss': 2}, {'loss': 3})}
    """
    runs = list(finished)
    first, *others = ({run.seed: run.result for run in matching(runs, **each)} for each in settings)
    return {
        seed: (result, *(results[seed] for results in others))
        for seed, result in first.items()
        if all(seed in results for results in others)
    }


def runs_of(finished: Sequence[Finished], cells: Mapping[str, Settings]) -> dict[str, list[Finished]]:
    """Return the runs of each cell, of any length since smoke runs have pictures too; skip cells not run."""
    found = {}
    for label, settings in cells.items():
        others = {name: value for name, value in settings.items() if name not in LENGTHS}
        found[label] = matching(finished, **others)
    return {label: runs for label, runs in found.items() if runs}


def matching(finished: Iterable[Finished], **settings: object) -> list[Finished]:
    """Return the runs with these settings, by seed."""
    found = [run for run in finished if settings.items() <= run.settings.items()]
    return sorted(found, key=lambda run: run.seed)
