"""How thoroughly to measure, and about how long that takes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from bench.contestants import Contestant
from bench.system import cores
from bench.workloads import Workload

#: Called after each step of the work with its description and its share of the estimated seconds.
Notify: TypeAlias = Callable[[str, float], None]
#: Pause between two samples: OpenBLAS's threads keep spinning for about 0.1 s after their last product.
PAUSE_SECONDS = 0.15
#: Estimated seconds of one trial in calibration.
TRIAL_COST = 0.5
QUICK_NOTICE = "Smoke run on few rows: no figure here is a result."


@dataclass(frozen=True)
class Effort:
    """How thoroughly to measure, and on which device."""

    rounds: int = 5
    #: Shortest length of a sample.
    sample_seconds: float = 0.3
    #: Whether to search for the best options and number of threads; False in a smoke run.
    calibrate: bool = True
    #: Runs of the race.
    seeds: int = 5
    #: "cpu" or "gpu". Workers on a GPU get all cores, since none of them computes on the CPU.
    device: str = "cpu"

    @property
    def threads(self) -> list[int]:
        """The numbers of threads to try."""
        if self.device == "gpu":
            return [len(cores())]
        return thread_counts(len(cores())) if self.calibrate else [1]

    @property
    def is_smoke(self) -> bool:
        """Whether the run only checks that everything works."""
        return not self.calibrate

    def at_most(self, rounds: int) -> "Effort":
        """Return this effort with at most the given number of rounds."""
        return replace(self, rounds=min(self.rounds, rounds))


QUICK = Effort(rounds=2, sample_seconds=0.02, calibrate=False, seeds=1)


def thread_counts(n_cores: int) -> list[int]:
    """Return 1, 2, 4 … and the number of cores itself."""
    return sorted({n_cores, *(2**i for i in range(n_cores.bit_length()) if 2**i <= n_cores)})


def entry_seconds(contestant: Contestant, workload: Workload, effort: Effort) -> float:
    """Return the estimated time of calibrating a contestant."""
    if not effort.calibrate or contestant.threads_like:
        return contestant.seconds
    n_threads = 1 if contestant.one_thread else len(effort.threads)
    trials = n_threads * len(contestant.options(workload))
    return contestant.seconds * (1 + n_threads) + TRIAL_COST * trials


def round_seconds(effort: Effort) -> float:
    """Return the estimated time of one sample."""
    return 1.4 * effort.sample_seconds + PAUSE_SECONDS


def comparison_seconds(workload: Workload, contestants: Sequence[Contestant], effort: Effort) -> float:
    """Return the estimated time of comparing the contestants on a workload."""
    participants = [each for each in contestants if each.takes_part(workload) and not each.missing()]
    entries = sum(entry_seconds(each, workload, effort) for each in participants)
    return entries + len(participants) * effort.rounds * round_seconds(effort)
