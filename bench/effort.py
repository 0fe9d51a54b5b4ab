"""How thoroughly to measure, and about how long that takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bench.calibration import thread_counts
from bench.contestants import Contestant
from bench.process import cores
from bench.workloads import Workload

#: Told after each step of the work: what it was, and its share of the estimate in seconds.
Tell: TypeAlias = Callable[[str, float], None]
#: Between two samples: OpenBLAS's threads keep a core busy for about 0.1 s after their last product.
PAUSE_SECONDS = 0.15
#: About the seconds of one trial in the search for the best form.
TRIAL_COST = 0.5
QUICK_NOTICE = "Smoke run on few rows: no figure here is a result."


@dataclass(frozen=True)
class Effort:
    """Rounds, the least length of a sample, the search for the best form, the seeds of the race.

    Examples
    --------
    >>> Effort(rounds=9).seeds
    5
    """

    rounds: int = 5
    sample_seconds: float = 0.3
    calibrate: bool = True
    seeds: int = 5

    @property
    def threads(self) -> list[int]:
        """The numbers of threads to try."""
        return thread_counts(len(cores())) if self.calibrate else [1]

    @property
    def is_smoke(self) -> bool:
        """Whether nothing is measured but that all runs."""
        return not self.calibrate


QUICK = Effort(rounds=2, sample_seconds=0.02, calibrate=False, seeds=1)


def entry_seconds(contestant: Contestant, workload: Workload, effort: Effort) -> float:
    """Return about how long the search for the best form takes.

    Examples
    --------
    >>> from bench.contestants import CONTESTANTS
    >>> from bench.workloads import WORKLOADS
    >>> entry_seconds(CONTESTANTS["jax"], WORKLOADS["A"], QUICK)
    2.0
    """
    if not effort.calibrate or contestant.threads_like:
        return contestant.seconds
    n_threads = 1 if contestant.one_thread else len(effort.threads)
    trials = n_threads * len(contestant.options(workload))
    return contestant.seconds * (1 + n_threads) + TRIAL_COST * trials


def round_seconds(effort: Effort) -> float:
    """Return about how long one sample takes."""
    return 1.4 * effort.sample_seconds + PAUSE_SECONDS


def comparison_seconds(workload: Workload, contestants: Sequence[Contestant], effort: Effort) -> float:
    """Return about how long comparing the contestants on a workload takes."""
    taking = [each for each in contestants if each.takes_part(workload) and not each.missing()]
    entries = sum(entry_seconds(each, workload, effort) for each in taking)
    return entries + len(taking) * effort.rounds * round_seconds(effort)
