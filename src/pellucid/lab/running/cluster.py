"""A dask cluster as a pool: `pellucid reproduce --cluster tcp://host:8786`.

The workers may be on other machines: each loads the data itself, from its own cache or ``PELLUCID_DATA``, and
must have the session's source and data. What a run's file is to hold travels back.
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
from pellucid.data.sources import MissingError
from pellucid.lab.report import Run
from pellucid.lab.running.pool import Done, Task
from pellucid.lab.running.runs import carry_out, checksums
from pellucid.provenance import source_digest

#: Seconds until a scheduler, or the first worker, counts as not there.
PATIENCE = 10
#: Seconds without a result after which it is checked whether there still are workers.
CHECK_EVERY = 10
THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def connect(address: str) -> Iterator["ClusterPool"]:
    """Connect to the cluster whose scheduler is at an address like tcp://host:8786.

    Raises
    ------
    ValueError
        If `distributed` is not installed.
    ConnectionError
        If no scheduler answers within 10 s, or it has no worker.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError("--cluster needs the extra cluster: pip install 'pellucid[cluster]'") from error
    # A scheduler that is lost is told in one line below, not by a traceback in the log.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=PATIENCE)
    except Exception as error:  # whatever answers there may answer anything
        raise ConnectionError(
            f"no dask scheduler answers at {address} within {PATIENCE} s ({error}): "
            "--cluster must name a running one, like tcp://host:8786"
        ) from error
    with client:
        yield ClusterPool(client, address)


class ClusterPool:
    """The workers of a cluster; a task whose worker is lost goes to another one.

    Parameters
    ----------
    client : distributed.Client
    address : str
        Of the scheduler.

    Raises
    ------
    ConnectionError
        If the cluster has no worker and none joins it within 10 s.
    """

    def __init__(self, client: Any, address: str) -> None:
        self.client, self.address = client, address
        self._wait_for_workers()
        self.at_once = sum(client.nthreads().values())

    def __str__(self) -> str:
        """Say how many tasks are done at a time, and where."""
        return f"{self.at_once} at a time on {self.address}"

    def carry_out(self, tasks: Sequence[Task]) -> Generator[Done, None, None]:
        """Yield each task when it is done; closed early, it gives up those that have not begun.

        Raises
        ------
        ChildProcessError
            If a task has lost several workers.
        ConnectionError
            If the scheduler or all workers are gone.
        """
        from distributed import KilledWorker

        errand, digest = _errand(), source_digest()
        futures = {
            # The first task is the most urgent one.
            self.client.submit(
                errand, [asdict(run) for run in group], dict(data), digest, pure=False, priority=-i
            ): group
            for i, (group, data) in enumerate(tasks)
        }
        try:
            while futures:
                for future in self._ended(futures):
                    yield futures.pop(future), future.result()
        except KilledWorker as error:
            raise ChildProcessError(
                f"a run has cost the cluster at {self.address} several workers, most often for want of "
                "memory; finished runs are kept, and the same command goes on from here"
            ) from error
        except CancelledError as error:
            raise ConnectionError(
                f"the scheduler at {self.address} is gone; finished runs are kept, and the same command goes "
                "on from here"
            ) from error
        finally:
            for future in futures:
                future.release()

    def _ended(self, futures: Collection[Any]) -> Collection[Any]:
        """Return the futures that have ended, failures last; none where nothing happens for a while."""
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
                f"the cluster at {self.address} has no worker: start some by `dask worker {self.address}`"
            ) from error


def _errand() -> Callable[[list[dict[str, Any]], dict[str, str], str], list[bytes]]:
    """Return what the cluster is to call.

    A function within a function travels by value: scheduler and workers can read it without pellucid, and a
    worker that lacks it says so.
    """

    def errand(group: list[dict[str, Any]], data: dict[str, str], digest: str) -> list[bytes]:
        try:
            from pellucid.lab.running.cluster import work
        except ImportError as error:
            raise ValueError(f"a worker cannot load pellucid: {error}; install it there") from error
        return work(group, data, digest)

    return errand


def work(group: Sequence[Mapping[str, Any]], data: Mapping[str, str], digest: str) -> list[bytes]:
    """Carry runs out on a worker whose source and data are the session's.

    Parameters
    ----------
    group : sequence of mapping
        The fields of each `Run`, all of one report and seed.
    data : mapping of str to str
        The SHA-256 of each data file.
    digest : str
        Of the session's source.

    Raises
    ------
    ValueError
        If the worker's source or data differ.
    """
    from pellucid.lab.reports import REPORTS

    if digest != source_digest():
        raise ValueError(
            f"{_worker()}: the source of its pellucid has the digest {source_digest()[:12]}, the session's "
            f"{digest[:12]}: install the same version there and start the worker anew"
        )
    runs = [Run(**fields) for fields in group]
    _check_data(REPORTS[runs[0].report].data_sets, frozenset(data.items()))
    _use_one_thread()
    return carry_out(runs, data)


@cache  # a check that fails is made again
def _check_data(names: tuple[str, ...], expected: frozenset[tuple[str, str]]) -> None:
    """Raise an error unless this machine's files have the expected checksums."""
    found = []
    for name in names:
        try:
            found.append(pl.load_dataset(name))
        except MissingError:  # a set that the session lacks as well may be missing
            continue
    differing = sorted({file for file, _ in checksums(found).items() ^ expected})
    if differing:
        raise ValueError(
            f"{_worker()}: its data differ from the session's in {', '.join(differing)}: put the same files "
            "into the folder that PELLUCID_DATA names there"
        )


@cache
def _use_one_thread() -> None:
    """Give each thread of the worker one thread for its matrix products, unless it is set otherwise."""
    from threadpoolctl import threadpool_limits

    if not any(name in os.environ for name in THREAD_SETTINGS):
        os.environ["OMP_NUM_THREADS"] = "1"  # for what is loaded later, as PyTorch is
        threadpool_limits(1)


def _worker() -> str:
    from distributed import get_worker

    return f"worker {get_worker().address}"
