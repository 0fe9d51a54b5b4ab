"""Who carries runs out: worker processes on this machine here, a cluster in `pellucid.lab.running.cluster`.

A task is a group of runs. A pool gives back what their files are to hold, in whatever order the tasks end;
only the session writes files.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from signal import SIG_IGN, SIGINT, signal
from threading import current_thread, main_thread
from typing import Protocol, TypeAlias
from warnings import catch_warnings, filterwarnings

from pellucid.lab.running.groups import Group
from pellucid.lab.running.runs import carry_out

#: A group of runs, and the SHA-256 of each data file that they read.
Task: TypeAlias = tuple[Group, Mapping[str, str]]
#: A group of runs, and what the file of each is to hold.
Done: TypeAlias = tuple[Group, list[bytes]]


class Pool(Protocol):
    """What a session needs of whoever carries its runs out; ``str(pool)`` is "4 at a time"."""

    @property
    def at_once(self) -> int:
        """How many tasks gain by being done at the same time."""

    def carry_out(self, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Yield each task when it is done; closed early, it gives up the others."""


class LocalPool:
    """Worker processes on this machine that share its cores.

    Examples
    --------
    >>> print(LocalPool(3))
    3 at a time
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def __str__(self) -> str:
        """Say how many tasks are done at a time."""
        return f"{self.jobs} at a time"

    @property
    def at_once(self) -> int:
        """How many tasks gain by being done at the same time: more than there are cores gain nothing."""
        from joblib import cpu_count

        return min(self.jobs, int(cpu_count()))

    def carry_out(self, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Yield each task when it is done.

        Raises
        ------
        ChildProcessError
            If a worker process was killed.
        """
        from joblib import Parallel, cpu_count, delayed, parallel_config

        threads = max(1, cpu_count() // self.jobs)
        with parallel_config("loky", n_jobs=self.jobs, inner_max_num_threads=threads), catch_warnings():
            # Stopping early is no mistake of the caller, which joblib takes it for.
            filterwarnings("ignore", r"\d+ tasks (which|have)", UserWarning)
            # Nor is it that a worker which has grown by 300 MB, as by its data, is replaced between tasks.
            filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
            workers = Parallel(return_as="generator_unordered", batch_size=1)
            try:  # a worker may die while tasks are still being handed out
                with _interrupts_ignored():  # as the workers inherit it: Ctrl-C is for this process to handle
                    results = workers(delayed(_do)(task) for task in tasks)
                yield from results
            except BrokenExecutor as error:
                raise ChildProcessError(
                    "a worker process was killed, most often for want of memory; finished runs are kept, "
                    f"and the same command goes on from here, perhaps with fewer than --jobs {self.jobs}"
                ) from error


def _do(task: Task) -> Done:
    """Carry a task out; its runs go along, for tasks end in any order."""
    return task[0], carry_out(*task)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C for a moment, where the caller may say so: in the main thread."""
    if current_thread() is not main_thread():
        yield
        return
    usual = signal(SIGINT, SIG_IGN)
    try:
        yield
    finally:
        signal(SIGINT, usual)
