"""One workload, all contestants: each in its best form, then measured in turns, round after round."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any

from bench.calibration import Entrant, enter
from bench.contestants import Contestant
from bench.effort import PAUSE_SECONDS, Effort, Tell, entry_seconds, round_seconds
from bench.process import WorkerError
from bench.workloads import Workload, smoke


def compare(
    workload: Workload, contestants: Sequence[Contestant], effort: Effort, tell: Tell
) -> dict[str, Any]:
    """Return what each contestant needs for a unit of the workload, as JSON.

    Parameters
    ----------
    workload : Workload
    contestants : sequence of Contestant
        One that cannot take part becomes ``{"missing": reason}``.
    effort : Effort
    tell : callable
        Told each step.
    """
    measured = smoke(workload) if effort.is_smoke else workload
    taking = [each for each in contestants if each.takes_part(workload)]
    found: dict[str, dict[str, Any]] = {
        each.name: {"missing": reason} for each in taking if (reason := each.missing())
    }
    entrants: dict[str, Entrant] = {}
    with ExitStack() as stack:
        for each in taking:
            if each.name in found:
                continue
            choices = each.options(workload) if effort.calibrate else each.options(workload)[:1]
            try:
                entrants[each.name] = enter(each, measured, _threads(each, entrants, effort), choices)
                stack.callback(entrants[each.name].worker.close)
            except WorkerError as error:
                found[each.name] = {"missing": str(error)}
            tell(f"{workload.name}: {each.title}", entry_seconds(each, workload, effort))
        found |= _rounds(workload, entrants, effort, tell)
    contenders = {each.name: found[each.name] for each in taking}
    return {**_about(measured), "rounds": effort.rounds, "contestants": contenders}


def _threads(contestant: Contestant, entrants: Mapping[str, Entrant], effort: Effort) -> list[int]:
    """Return the numbers of threads to try for a contestant."""
    if contestant.one_thread:
        return [1]
    like = entrants.get(contestant.threads_like or "")
    return effort.threads if like is None else [like.variant.threads]


def _about(workload: Workload) -> dict[str, Any]:
    about = {"title": workload.title, "unit": workload.unit}
    return {**workload.to_json(), **about, "steps": workload.steps, "parameters": workload.parameters}


def _rounds(
    workload: Workload, entrants: dict[str, Entrant], effort: Effort, tell: Tell
) -> dict[str, dict[str, Any]]:
    """Ask one after another for a sample, the next round from the next one on; return all as JSON."""
    samples: dict[str, list[float]] = {name: [] for name in entrants}
    peaks: dict[str, int] = {}
    failed: dict[str, dict[str, Any]] = {}
    for number in range(effort.rounds):
        for name in _rotated(list(entrants), number):
            if name not in failed:
                time.sleep(PAUSE_SECONDS)
                try:
                    seconds, peaks[name] = entrants[name].worker.sample(effort.sample_seconds)
                    samples[name].append(seconds)
                except WorkerError as error:
                    failed[name] = {"missing": str(error)}
            tell(f"{workload.name}: round {number + 1} of {effort.rounds}", round_seconds(effort))
    done = [name for name in entrants if name not in failed]
    return failed | {name: _figures(entrants[name], samples[name], peaks[name]) for name in done}


def _rotated(names: list[str], by: int) -> list[str]:
    shift = by % max(1, len(names))
    return names[shift:] + names[:shift]


def _figures(entrant: Entrant, samples: list[float], peak: int) -> dict[str, Any]:
    return {
        **spread(samples),
        "samples": samples,
        "variant": entrant.variant.to_json(),
        "tried": [trial.to_json() for trial in entrant.tried],
        "start_seconds": entrant.worker.start_seconds,
        **entrant.readiness,
        "peak_memory": peak,
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, least and greatest.

    Examples
    --------
    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'min': 1.0, 'max': 3.0}
    """
    return {"median": median(values), "min": min(values), "max": max(values)}
