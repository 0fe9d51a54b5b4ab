"""The race from the shell to 98 % test accuracy: whole processes, start-up included, seed after seed.

Ours is the command line as it is; each peer is a script with the same recipe, on its best number of threads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.calibration import Variant, enter
from bench.comparison import spread
from bench.contestants import OURS, Contestant
from bench.effort import Effort, Tell, entry_seconds
from bench.launch import Finish, own_command, run
from bench.process import WorkerError, cores
from bench.ratios import fastest, is_measured, ratio
from bench.workloads import RACE, Workload

TARGET = 0.98
#: About the seconds of one run, for the estimate.
RUN_SECONDS = {OURS: 3.0, "torch.compile": 14.0, "published": 10.0}
USUAL_SECONDS = 6.0


def race(
    contestants: Sequence[Contestant], effort: Effort, tell: Tell, recipe: Workload = RACE
) -> dict[str, Any]:
    """Return time, memory and accuracy of each contestant and seed, as JSON.

    Parameters
    ----------
    contestants : sequence of Contestant
        Floors do not run.
    effort : Effort
    tell : callable
        Told each step.
    recipe : Workload
        What all train; the epochs are those of its cycle.
    """
    recipe = replace(recipe, cycle_epochs=1) if effort.is_smoke else recipe
    runners = {each.name: each for each in contestants if each.role != "floor"}
    found: dict[str, dict[str, Any]] = {}
    variants: dict[str, Variant] = {}
    for name, runner in runners.items():
        try:
            variants[name] = _variant(runner, recipe, variants, effort)
        except WorkerError as error:
            found[name] = {"missing": str(error)}
        tell(f"{recipe.name}: {runner.title}", _search_seconds(runner, recipe, effort))
    finishes: dict[str, list[Finish]] = {name: [] for name in variants}
    for seed in range(effort.seeds):
        for name in [name for name in variants if name not in found]:
            try:
                finishes[name].append(run(runners[name], variants[name], recipe, seed))
            except WorkerError as error:
                found[name] = {"missing": str(error)}
            tell(f"{recipe.name}: {runners[name].title}, seed {seed}", _run_seconds(name))
    found |= {name: _figures(each, variants[name]) for name, each in finishes.items() if name not in found}
    return _summary(recipe, {name: found[name] for name in runners})


def race_seconds(contestants: Sequence[Contestant], effort: Effort) -> float:
    """Return about how long the race takes.

    Examples
    --------
    >>> from bench.contestants import choose
    >>> race_seconds(choose([]), Effort(seeds=2))
    6.0
    """
    runners = [each for each in contestants if each.role != "floor" and not each.missing()]
    runs = sum(_run_seconds(each.name) for each in runners) * effort.seeds
    return runs + sum(_search_seconds(each, RACE, effort) for each in runners)


def _run_seconds(name: str) -> float:
    return RUN_SECONDS.get(name, USUAL_SECONDS)


def _search_seconds(runner: Contestant, recipe: Workload, effort: Effort) -> float:
    is_searched = effort.calibrate and runner.name != OURS and not runner.threads_like
    return entry_seconds(runner, recipe, effort) if is_searched else 0.0


def _variant(
    runner: Contestant, recipe: Workload, variants: Mapping[str, Variant], effort: Effort
) -> Variant:
    """Return the best form for the recipe; ours is what the command line does by itself."""
    if reason := runner.missing():
        raise WorkerError(reason)
    threads, choices = effort.threads, runner.options(recipe)
    if runner.name == OURS:
        return Variant(len(cores()), {})
    if not effort.calibrate:
        return Variant(threads[-1], choices[0])
    like = variants.get(runner.threads_like or "")
    if like is not None:
        return Variant(like.threads, choices[0])
    entrant = enter(runner, recipe, threads, choices)
    entrant.worker.close()
    return entrant.variant


def _figures(finishes: Sequence[Finish], variant: Variant) -> dict[str, Any]:
    seconds = [each.seconds for each in finishes]
    return {
        **spread(seconds),
        "samples": seconds,
        "accuracy": [each.accuracy for each in finishes],
        "reached": sum(each.accuracy >= TARGET for each in finishes),
        "peak_memory": max(each.peak_memory for each in finishes),
        "variant": variant.to_json(),
    }


def _summary(recipe: Workload, contestants: dict[str, dict[str, Any]]) -> dict[str, Any]:
    ours = contestants[OURS]
    others = {name: each for name, each in contestants.items() if name != OURS and is_measured(each)}
    ratios = {name: ratio(each, ours) for name, each in others.items()} if is_measured(ours) else {}
    return {
        **recipe.to_json(),
        "title": f"{recipe.title}, one-cycle, {recipe.cycle_epochs} epochs",
        "unit": "s",
        "target": TARGET,
        "command": " ".join(own_command(recipe, 0)),
        "contestants": contestants,
        "ratios": {"fastest_peer": fastest(contestants), **ratios},
    }
