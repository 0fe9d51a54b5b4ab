"""Finished runs found by their settings, and compared with others seed by seed.

>>> runs = [Finished({"rate": rate}, seed=0, result={"loss": 3 * rate}) for rate in (1, 2)]
>>> differences(runs, {"rate": 2}, {"rate": 1}, lambda result: result["loss"])
[3]
"""

from collections.abc import Iterable

from pellucid.lab.report import Cost, Finished, Measure, Result, Settings, Slip


def costs_of(
    finished: Iterable[Finished],
    compared: Iterable[tuple[Slip, Settings, Settings, str]],
    figure: str,
    unit: str,
    measure: Measure,
) -> list[Cost]:
    """Return what slips change in a figure, as far as it has been measured.

    Parameters
    ----------
    finished : iterable of Finished
    compared : iterable of (Slip, settings, settings, str)
        A slip, the settings with it and without it, and what is compared in words.
    figure, unit : str
    measure : callable
        ``measure(result) -> float``.

    Examples
    --------
    >>> runs = [Finished({"slip": slip}, seed, {"loss": slip + seed}) for slip in (0, 2) for seed in (0, 1)]
    >>> compared = [(Slip("a slip", ""), {"slip": 2}, {"slip": 0}, "with minus without")]
    >>> costs_of(runs, compared, "loss", "nats", lambda result: result["loss"])[0].values
    (2, 2)
    """
    runs = list(finished)
    found = [
        Cost(slip.name, figure, unit, tuple(differences(runs, settings, others, measure)), note)
        for slip, settings, others, note in compared
    ]
    return [cost for cost in found if cost.values]


def differences(
    finished: Iterable[Finished], settings: Settings, others: Settings, measure: Measure
) -> list[float]:
    """Return a figure with the one settings minus the same with the other, seed by seed.

    Examples
    --------
    >>> runs = [Finished({"rate": rate}, seed, {"loss": rate * seed}) for rate in (1, 3) for seed in (1, 2)]
    >>> differences(runs, {"rate": 3}, {"rate": 1}, lambda result: result["loss"])
    [2, 4]
    """
    return [measure(a) - measure(b) for a, b in paired(finished, settings, others)]


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
