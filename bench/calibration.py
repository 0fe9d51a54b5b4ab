"""The short search for a contestant's best form: its number of threads and its options."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from bench.contestants import Contestant
from bench.problem import Options
from bench.process import Worker, WorkerError
from bench.workloads import Workload

#: The least length of a sample in a trial; the best of so many counts, so that noise decides less.
TRIAL_SECONDS, TRIAL_SAMPLES = 0.08, 2
#: More threads are tried until they are slower than the best so far by this factor.
SLOWER = 1.1


@dataclass(frozen=True)
class Variant:
    """A form of a contestant: threads, each on a core of its own, and options.

    Examples
    --------
    >>> Variant(2, {"pixels": "uint8"}).to_json()
    {'threads': 2, 'pixels': 'uint8'}
    """

    threads: int
    options: Options

    def to_json(self) -> dict[str, Any]:
        """Return threads and options as one object."""
        return {"threads": self.threads, **self.options}


@dataclass(frozen=True)
class Trial:
    """What a form needed for a unit."""

    variant: Variant
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the form and its seconds as one object."""
        return {**self.variant.to_json(), "seconds": self.seconds}


@dataclass(frozen=True)
class Entrant:
    """A contestant in its best form, with its worker ready to be measured, and all that was tried."""

    worker: Worker
    variant: Variant
    readiness: dict[str, Any]
    tried: list[Trial]


def thread_counts(n_cores: int) -> list[int]:
    """Return 1, 2, 4 … and the number of cores itself.

    Examples
    --------
    >>> thread_counts(6)
    [1, 2, 4, 6]
    """
    return sorted({n_cores, *(2**i for i in range(n_cores.bit_length()) if 2**i <= n_cores)})


def enter(
    contestant: Contestant, workload: Workload, threads: Sequence[int], choices: Sequence[Options]
) -> Entrant:
    """Try all choices on so many threads, and return the fastest form, ready.

    Raises
    ------
    WorkerError
        If all choices fail; the message is that of the first.
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
    """Return the choices that work with their times."""
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
    """Start a fresh worker, so that its memory is that of this form alone."""
    worker = Worker(contestant, variant.threads)
    try:
        return Entrant(worker, variant, worker.prepare(workload, variant.options), tried)
    except BaseException:
        worker.close()
        raise
