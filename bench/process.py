"""A worker process as the benchmark sees it: bound to cores, asked for samples, killed with its children."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, BinaryIO, Self

from bench.contestants import Contestant
from bench.problem import Options
from bench.system import child_environment, on_cores
from bench.workloads import Workload


class WorkerError(RuntimeError):
    """A contestant failed; the message is one line."""


def last_line(errors: BinaryIO, status: int) -> str:
    """Return why a process ended: the last line of its error output, or its exit status."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else f"the process ended with status {status}"


class Worker:
    """A contestant in a process with as many threads as cores.

    `start_seconds` is the time until its library was imported. All methods raise a WorkerError if the
    contestant fails or its process ends.
    """

    def __init__(self, contestant: Contestant, threads: int) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        command = [sys.executable, "-m", "bench.worker", contestant.module]
        started = time.perf_counter()
        with on_cores(threads):
            self._process = subprocess.Popen(
                [*command, contestant.package or "numpy"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                env=child_environment() | contestant.environment(threads),
                start_new_session=True,  # Ctrl-C then reaches only the benchmark, which kills the group
            )
        try:
            self._read()
        except BaseException:
            self.close()
            raise
        self.start_seconds = time.perf_counter() - started

    def prepare(self, workload: Workload, options: Options) -> dict[str, Any]:
        """Build, compile and run a unit; return the seconds for it and the contestant's report."""
        return self._ask({"do": "prepare", "workload": workload.to_json(), "options": options})

    def sample(self, seconds: float) -> tuple[float, int]:
        """Run at least one unit and at least the given time; return mean seconds and peak memory."""
        answer = self._ask({"do": "sample", "seconds": seconds})
        return answer["seconds"], answer["peak_memory"]

    def close(self) -> None:
        """Kill the process and its children."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.wait()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
        except BrokenPipeError:
            raise WorkerError(self._reason()) from None
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(self._reason())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def _reason(self) -> str:
        return last_line(self._errors, self._process.wait())
