"""A dask cluster as a pool: `pellucid reproduce --cluster tcp://host:8786`.

The workers may be on other machines: each loads the data itself, from its own cache or ``PELLUCID_DATA``, and
must have the same source and data as this machine. The contents of the files of the runs are sent back.
"""

import logging
import os
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from typing import Any

import pellucid as pl
from pellucid.data.unpack import MissingError
from pellucid.lab.report import Run
from pellucid.lab.running.pool import Done, Task
from pellucid.lab.running.runs import carry_out, checksums
from pellucid.provenance import source_digest

#: Seconds to wait for a scheduler, or for its first worker.
PATIENCE = 10
#: Seconds without a result after which the number of workers is checked.
CHECK_EVERY = 10
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def connect(address: str) -> Iterator["ClusterPool"]:
    """Connect to the cluster whose scheduler is at an address like tcp://host:8786.

    Raise ConnectionError if no scheduler answers within 10 s, or it has no worker.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError("--cluster needs the extra cluster: pip install 'pellucid[cluster]'") from error
    # A lost scheduler is reported in one line below; without this, dask logs a traceback.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=PATIENCE)
    except Exception as error:  # whatever answers at that address may cause any error
        raise ConnectionError(
            f"no dask scheduler answers at {address} within {PATIENCE} s ({error}): "
            "--cluster must name a running one, like tcp://host:8786"
        ) from error
    with client:
        yield ClusterPool(client, address)


class ClusterPool:
    """The workers of a cluster; if a worker is lost, another takes its task.

    `client` is a `distributed.Client` of the scheduler at `address`.
    """

    def __init__(self, client: Any, address: str) -> None:
        self.client, self.address = client, address
        self._wait_for_workers()
        self.at_once = sum(client.nthreads().values())

    def __str__(self) -> str:
        """Return how many tasks run at a time, and where."""
        return f"{self.at_once} at a time on {self.address}"

    def carry_out(self, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Yield each task when it has finished; closing the generator cancels tasks that have not started."""
        from distributed import KilledWorker

        work_on_worker, digest = _portable_work(), source_digest()
        futures = {
            # The first task is the most urgent one.
            self.client.submit(
                work_on_worker, [asdict(run) for run in group], dict(data), digest, pure=False, priority=-i
            ): group
            for i, (group, data) in enumerate(tasks)
        }
        try:
            while futures:
                for future in self._ended(futures):
                    yield futures.pop(future), future.result()
        except KilledWorker as error:
            raise ChildProcessError(
                f"several workers of the cluster at {self.address} died on the same run, probably because "
                "memory ran out; finished runs are kept: repeat the command to resume"
            ) from error
        except CancelledError as error:
            raise ConnectionError(
                f"the scheduler at {self.address} is gone; finished runs are kept: repeat the command to "
                "resume"
            ) from error
        finally:
            for future in futures:
                future.release()

    def _ended(self, futures: Collection[Any]) -> Collection[Any]:
        """Return the futures that have ended, failures last; none if nothing has ended for a while."""
        from distributed import wait

        try:
            ended = wait(list(futures), timeout=CHECK_EVERY, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            self._wait_for_workers()
            return []
        return sorted(ended, key=lambda future: future.status != "finished")

    def _wait_for_workers(self) -> None:
        try:
            self.client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise ConnectionError(
                f"the cluster at {self.address} has no workers: start some with `dask worker {self.address}`"
            ) from error


def _portable_work() -> Callable[[list[dict[str, Any]], dict[str, str], str], list[bytes]]:
    """Return the function that the cluster calls.

    A nested function is pickled by value, so scheduler and workers can load it without pellucid, and a worker
    that lacks pellucid can say so.
    """

    def work_on_worker(group: list[dict[str, Any]], data: dict[str, str], digest: str) -> list[bytes]:
        try:
            from pellucid.lab.running.cluster import work
        except ImportError as error:
            raise ValueError(f"a worker cannot load pellucid: {error}; install it there") from error
        return work(group, data, digest)

    return work_on_worker


def work(group: Sequence[Mapping[str, Any]], data: Mapping[str, str], digest: str) -> list[bytes]:
    """Carry out runs on a worker whose source and data are those of the machine that asks.

    `group` holds the fields of each `Run`, `data` the SHA-256 of each data file, `digest` that of the source.
    """
    from pellucid.lab.reports import REPORTS

    if digest != source_digest():
        raise ValueError(
            f"{_worker()}: the source of its pellucid has the digest {source_digest()[:12]}, here it is "
            f"{digest[:12]}: install the same version there and restart the worker"
        )
    runs = [Run(**fields) for fields in group]
    _check_data(REPORTS[runs[0].report].data_sets, frozenset(data.items()))
    _use_one_thread()
    return carry_out(runs, data)


@cache  # exceptions are not cached, so a failed check is repeated
def _check_data(names: tuple[str, ...], expected: frozenset[tuple[str, str]]) -> None:
    """Raise unless the files of this machine have the expected checksums."""
    found = []
    for name in names:
        try:
            found.append(pl.load_dataset(name))
        except MissingError:  # the set may be missing on both machines
            continue
    differing = sorted({file for file, _ in checksums(found).items() ^ expected})
    if differing:
        raise ValueError(
            f"{_worker()}: its data differ in {', '.join(differing)}: put the same files into the folder "
            "that PELLUCID_DATA names there"
        )


@cache
def _use_one_thread() -> None:
    """Limit matrix products to one thread, unless an environment variable sets the number."""
    from threadpoolctl import threadpool_limits

    if not any(name in os.environ for name in THREAD_SETTINGS):
        os.environ["OMP_NUM_THREADS"] = "1"  # for libraries that are loaded later, such as PyTorch
        threadpool_limits(1)


def _worker() -> str:
    from distributed import get_worker

    return f"worker {get_worker().address}"
