"""A worker seen from the outside: started on its cores, asked, and ended with all that it has started."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, BinaryIO, Self

from bench.contestants import Contestant
from bench.problem import Options
from bench.workloads import Workload


class WorkerError(RuntimeError):
    """A contestant could not go on; the message says why, in a line."""


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use.

    Examples
    --------
    >>> len(cores()) >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


@contextmanager
def on_cores(threads: int) -> Iterator[None]:
    """Give what is started within the last so many cores, where the system lets us."""
    before = cores()
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    os.sched_setaffinity(0, before[-threads:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def last_line(errors: BinaryIO, status: int) -> str:
    """Return why a process has ended: the last line of its errors, or its exit status."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else f"the process ended with status {status}"


def keeping_bytecode() -> dict[str, str]:
    """Return the environment of a process in which Python keeps bytecode, as installed packages have it.

    Examples
    --------
    >>> "PYTHONDONTWRITEBYTECODE" in keeping_bytecode()
    False
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Worker:
    """One contestant in its own process, with so many threads on as many cores.

    Parameters
    ----------
    contestant : Contestant
    threads : int

    Attributes
    ----------
    start_seconds : float
        From the start of the process until it had imported its library.

    Raises
    ------
    WorkerError
        If the process ends by itself.
    """

    def __init__(self, contestant: Contestant, threads: int) -> None:
        self.contestant, self.threads = contestant, threads
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        command = [sys.executable, "-m", "bench.worker", contestant.module]
        self._started = time.perf_counter()
        with on_cores(threads):
            self._process = subprocess.Popen(
                [*command, contestant.package or "numpy"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                env=os.environ | contestant.environment(threads),
                start_new_session=True,  # Ctrl-C reaches us alone, and we end what a worker has started
            )
        self.start_seconds = self._wait()

    def prepare(self, workload: Workload, options: Options) -> dict[str, Any]:
        """Build, compile and run a unit; return the seconds that took, and what the contestant reports."""
        return self._ask({"do": "prepare", "workload": workload.to_json(), "options": options})

    def sample(self, seconds: float) -> tuple[float, int]:
        """Run units for so long, one at least; return the mean seconds of one, and the peak memory."""
        answer = self._ask({"do": "sample", "seconds": seconds})
        return answer["seconds"], answer["peak_memory"]

    def close(self) -> None:
        """End the process and all that it has started, at once."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self) -> float:
        """Wait until the worker has imported its library; return how long that took."""
        try:
            self._read()
        except BaseException:
            self.close()
            raise
        return time.perf_counter() - self._started

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            raise WorkerError(self._last_words()) from None
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def _last_words(self) -> str:
        return last_line(self._errors, self._process.wait())
