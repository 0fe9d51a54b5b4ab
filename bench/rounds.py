"""A workload with all contestants: each is calibrated, then all are measured in turn, round after round."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median
from typing import Any

from bench.calibration import Entrant, enter
from bench.contestants import Contestant
from bench.effort import PAUSE_SECONDS, Effort, Notify, entry_seconds, round_seconds
from bench.process import WorkerError
from bench.workloads import Workload, smoke


def compare(
    workload: Workload, contestants: Sequence[Contestant], effort: Effort, notify: Notify
) -> dict[str, Any]:
    """Return the time of a unit for each contestant, as JSON.

    A contestant that cannot take part becomes ``{"missing": reason}``.
    """
    measured = smoke(workload) if effort.is_smoke else workload
    participants = [each for each in contestants if each.takes_part(workload)]
    found: dict[str, dict[str, Any]] = {
        each.name: {"missing": reason} for each in participants if (reason := each.missing())
    }
    entrants: dict[str, Entrant] = {}
    with ExitStack() as stack:
        for each in participants:
            if each.name in found:
                continue
            choices = each.options(workload) if effort.calibrate else each.options(workload)[:1]
            try:
                entrants[each.name] = enter(each, measured, _threads(each, entrants, effort), choices)
                stack.callback(entrants[each.name].worker.close)
            except WorkerError as error:
                found[each.name] = {"missing": str(error)}
            notify(f"{workload.name}: {each.title}", entry_seconds(each, workload, effort))
        found |= _rounds(workload, entrants, effort, notify)
    about = {"title": measured.title, "unit": measured.unit, "steps": measured.steps}
    about |= {"parameters": measured.parameters, "rounds": effort.rounds}
    return {
        **measured.to_json(),
        **about,
        "contestants": {each.name: found[each.name] for each in participants},
    }


def _threads(contestant: Contestant, entrants: Mapping[str, Entrant], effort: Effort) -> list[int]:
    """Return the numbers of threads to try for a contestant."""
    if contestant.one_thread:
        return [1]
    like = entrants.get(contestant.threads_like or "")
    return effort.threads if like is None else [like.variant.threads]


def _rounds(
    workload: Workload, entrants: dict[str, Entrant], effort: Effort, notify: Notify
) -> dict[str, dict[str, Any]]:
    """Take one sample of each entrant in each round, starting one entrant later each time; return JSON."""
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
            notify(f"{workload.name}: round {number + 1} of {effort.rounds}", round_seconds(effort))
    measured = [name for name in entrants if name not in failed]
    return failed | {name: _figures(entrants[name], samples[name], peaks[name]) for name in measured}


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
    """Return the median, the minimum and the maximum."""
    return {"median": median(values), "min": min(values), "max": max(values)}
