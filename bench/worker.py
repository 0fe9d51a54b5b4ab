"""The process in which one contestant trains: requests come in and answers go out as lines of JSON.

``python -m bench.worker MODULE PACKAGE`` answers that it is ready, then ``prepare`` and ``sample``
until its input ends. What libraries print goes to the error output, so that answers stay alone.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, TextIO

from bench.memory import peak_memory
from bench.problem import Options, Prepared, Problem
from bench.workloads import Workload


class Session:
    """What a worker does on request.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> contestant = SimpleNamespace(prepare=lambda problem, options: Prepared(lambda: time.sleep(0.01)))
    >>> session = Session(contestant)
    >>> from bench.workloads import WORKLOADS
    >>> ready = session.prepare(WORKLOADS["D"].to_json(), {})
    >>> session.sample(0.03)["units"] in (2, 3)
    True
    """

    def __init__(self, contestant: Any) -> None:
        self.contestant = contestant
        self.prepared: Prepared | None = None

    def prepare(self, workload: dict[str, Any], options: Options) -> dict[str, Any]:
        """Build and compile, then run a first unit, which may compile as well."""
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
        """Run units until the time is over; return the mean time of one."""
        if self.prepared is None:
            raise RuntimeError("there is nothing to measure yet: prepare comes first")
        units, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds or units == 0:
            self.prepared.run()
            units += 1
        return {"seconds": elapsed / units, "units": units, "peak_memory": peak_memory()}


def serve(requests: Iterable[str], answers: TextIO, module: str, package: str) -> None:
    """Answer requests until they end; an error is an answer, too."""
    import_module(package)
    session = Session(import_module(module))
    _answer(answers, {"ready": True})
    calls: dict[str, Callable[..., dict[str, Any]]] = {"prepare": session.prepare, "sample": session.sample}
    for line in requests:
        request = json.loads(line)
        try:
            answer = calls[request.pop("do")](**request)
        except Exception as error:  # whatever a library raises is a gap in the table
            answer = {"error": one_line(error)}
        _answer(answers, answer)


def one_line(error: Exception) -> str:
    """Return the kind of an error with the first line of its message.

    Examples
    --------
    >>> one_line(ValueError("no batch"))
    'ValueError: no batch'
    """
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
