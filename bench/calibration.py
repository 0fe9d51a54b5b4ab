"""The search for a contestant's fastest settings: its number of threads and its options."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from bench.contestants import Contestant
from bench.problem import Options
from bench.process import Worker, WorkerError
from bench.workloads import Workload

#: Shortest length of a sample in a trial, and samples of a trial, of which the fastest counts.
TRIAL_SECONDS, TRIAL_SAMPLES = 0.08, 2
#: The search stops at a number of threads that is slower than the best so far by this factor.
SLOWER = 1.1


@dataclass(frozen=True)
class Variant:
    """Settings of a contestant: threads, each on its own core, and options."""

    threads: int
    options: Options

    def to_json(self) -> dict[str, Any]:
        """Return threads and options as one object."""
        return {"threads": self.threads, **self.options}


@dataclass(frozen=True)
class Trial:
    """The seconds of a unit in one variant."""

    variant: Variant
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the variant and its seconds as one object."""
        return {**self.variant.to_json(), "seconds": self.seconds}


@dataclass(frozen=True)
class Entrant:
    """A contestant in its fastest variant, with its worker ready to be measured, and all trials."""

    worker: Worker
    variant: Variant
    readiness: dict[str, Any]
    tried: list[Trial]


def enter(
    contestant: Contestant, workload: Workload, threads: Sequence[int], choices: Sequence[Options]
) -> Entrant:
    """Try all options on each number of threads; return the fastest variant, ready to be measured.

    If all options fail, raise the WorkerError of the first.
    """
    if len(threads) == len(choices) == 1:
        return _ready(contestant, workload, Variant(threads[0], choices[0]), [])
    tried: list[Trial] = []
    for count in threads:
        best = min((trial.seconds for trial in tried), default=inf)
        trials = _trials(contestant, workload, count, choices)
        tried += trials
        if min(trial.seconds for trial in trials) > SLOWER * best:
            break
    return _ready(contestant, workload, min(tried, key=lambda trial: trial.seconds).variant, tried)


def _trials(
    contestant: Contestant, workload: Workload, threads: int, choices: Sequence[Options]
) -> list[Trial]:
    """Return a trial of each option that works."""
    trials, errors = [], []
    with Worker(contestant, threads) as worker:
        for options in choices:
            try:
                worker.prepare(workload, options)
                seconds = min(worker.sample(TRIAL_SECONDS)[0] for _ in range(TRIAL_SAMPLES))
                trials.append(Trial(Variant(threads, options), seconds))
            except WorkerError as error:
                errors.append(error)
    if not trials:
        raise errors[0]
    return trials


def _ready(contestant: Contestant, workload: Workload, variant: Variant, tried: list[Trial]) -> Entrant:
    """Start a new worker, so that its memory is that of this variant only."""
    worker = Worker(contestant, variant.threads)
    try:
        return Entrant(worker, variant, worker.prepare(workload, variant.options), tried)
    except BaseException:
        worker.close()
        raise
