"""Pools that carry out runs: local worker processes here, a cluster in `pellucid.lab.running.cluster`.

A task is a group of runs. A pool returns the contents of their files as tasks finish, in any order. Only
`pellucid.lab.running.rerun` writes the files.
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
#: A group of runs, and the content of the file of each.
Done: TypeAlias = tuple[Group, list[bytes]]


class Pool(Protocol):
    """Carries out the runs of a rerun; ``str(pool)`` is for example "4 at a time"."""

    @property
    def at_once(self) -> int:
        """How many tasks run at the same time."""

    def carry_out(self, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Yield each task when it has finished; closing the generator cancels the others."""


class LocalPool:
    """Worker processes on this machine that share its cores."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def __str__(self) -> str:
        """Return how many tasks run at a time."""
        return f"{self.jobs} at a time"

    @property
    def at_once(self) -> int:
        """How many tasks run at the same time: at most one per core."""
        from joblib import cpu_count

        return min(self.jobs, int(cpu_count()))

    def carry_out(self, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Yield each task when it has finished; raise ChildProcessError if a worker process was killed."""
        from joblib import Parallel, cpu_count, delayed, parallel_config

        threads = max(1, cpu_count() // self.jobs)
        with parallel_config("loky", n_jobs=self.jobs, inner_max_num_threads=threads), catch_warnings():
            # Joblib warns if it is stopped early.
            filterwarnings("ignore", r"\d+ tasks (which|have)", UserWarning)
            # It also warns when it replaces a worker that has grown by 300 MB, for example by loading data.
            filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
            workers = Parallel(return_as="generator_unordered", batch_size=1)
            try:  # a worker may die while tasks are being submitted
                # The workers inherit this, so that only this process handles Ctrl-C.
                with _interrupts_ignored():
                    results = workers(delayed(_do)(task) for task in tasks)
                yield from results
            except BrokenExecutor as error:
                raise ChildProcessError(
                    "a worker process was killed, probably because memory ran out; finished runs are kept: "
                    f"repeat the command to resume, with --jobs below {self.jobs} if it happens again"
                ) from error


def _do(task: Task) -> Done:
    """Carry out a task, and return it with its results, since tasks finish in any order."""
    return task[0], carry_out(*task)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C within the block, if this is the main thread."""
    if current_thread() is not main_thread():
        yield
        return
    previous = signal(SIGINT, SIG_IGN)
    try:
        yield
    finally:
        signal(SIGINT, previous)
