"""The process in which one contestant trains: it reads requests and writes answers as lines of JSON.

``python -m bench.worker MODULE PACKAGE`` answers that it is ready, then serves ``prepare`` and ``sample``
until its input ends. The output of libraries goes to standard error, so standard output has answers only.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, TextIO

from bench.problem import Options, Prepared, Problem
from bench.system import peak_memory
from bench.workloads import Workload


class WorkerService:
    """The requests that a worker serves."""

    def __init__(self, contestant: Any) -> None:
        self.contestant = contestant
        self.prepared: Prepared | None = None

    def prepare(self, workload: dict[str, Any], options: Options) -> dict[str, Any]:
        """Build the contestant and run its first unit, which may compile."""
        self.prepared = None
        gc.collect()
        problem = Problem(Workload.from_json(workload))
        start = time.perf_counter()
        self.prepared = self.contestant.prepare(problem, options)
        built = time.perf_counter()
        self.prepared.run()
        first = time.perf_counter() - built
        seconds = {"prepare_seconds": built - start - problem.load_seconds, "first_unit_seconds": first}
        return {**seconds, **self.prepared.report()}

    def sample(self, seconds: float) -> dict[str, Any]:
        """Run units for at least the given seconds; return the mean time of one."""
        if self.prepared is None:
            raise RuntimeError("nothing is prepared: send the request prepare first")
        units, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds or units == 0:
            self.prepared.run()
            units += 1
        return {"seconds": elapsed / units, "units": units, "peak_memory": peak_memory()}


def serve(requests: Iterable[str], answers: TextIO, module: str, package: str) -> None:
    """Answer requests until they end; the answer to a request that fails is its error."""
    import_module(package)
    service = WorkerService(import_module(module))
    _answer(answers, {"ready": True})
    calls: dict[str, Callable[..., dict[str, Any]]] = {"prepare": service.prepare, "sample": service.sample}
    for line in requests:
        request = json.loads(line)
        try:
            answer = calls[request.pop("do")](**request)
        except Exception as error:  # an error of any library is a gap in the table
            answer = {"error": one_line(error)}
        _answer(answers, answer)


def one_line(error: Exception) -> str:
    """Return the type of an error and the first line of its message."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:200]


def _answer(answers: TextIO, answer: dict[str, Any]) -> None:
    print(json.dumps(answer), file=answers, flush=True)


def main() -> None:
    """Serve on standard input and output."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        serve(sys.stdin, answers, *sys.argv[1:])


if __name__ == "__main__":
    main()
