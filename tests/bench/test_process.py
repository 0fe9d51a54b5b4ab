"""Worker processes that only sleep."""

import time
from dataclasses import replace

import pytest
from bench.process import Worker, WorkerError
from bench.workloads import WORKLOADS

from bench import process

WORK = WORKLOADS["D"]


def test_a_worker_is_measured_even_if_its_library_prints(fake):
    with Worker(fake(), 1) as worker:
        assert 0 < worker.start_seconds < 60
        assert set(worker.prepare(WORK, {"seconds": 0.02})) == {"prepare_seconds", "first_unit_seconds"}
        seconds, peak = worker.sample(0.01)
    assert 0.02 <= seconds < 1
    assert 10**7 < peak < 10**9


def test_the_reason_of_a_failure_or_a_death_is_one_line(fake):
    with Worker(fake(), 1) as worker:
        with pytest.raises(WorkerError, match=r"^ValueError: no compiler$"):
            worker.prepare(WORK, {"error": "no compiler"})
        worker.prepare(WORK, {"seconds": 0.0, "dies_after": 1})
        with pytest.raises(WorkerError, match=r"^out of memory$"):
            worker.sample(0.01)
        with pytest.raises(WorkerError, match=r"^out of memory$"):
            worker.sample(0.01)


def test_a_library_that_cannot_be_imported(fake):
    broken = replace(fake(), package="no_such_library")
    with pytest.raises(WorkerError, match=r"^ModuleNotFoundError: No module named 'no_such_library'$"):
        Worker(broken, 1)


def test_close_ends_a_worker_in_the_middle_of_a_unit(fake):
    worker = Worker(fake(), 1)
    request = b'{"do": "prepare", "workload": %s, "options": {"seconds": 60}}\n'
    import json

    worker._process.stdin.write(request % json.dumps(WORK.to_json()).encode())
    start = time.perf_counter()
    worker.close()
    assert time.perf_counter() - start < 10
    assert worker._process.returncode < 0


def test_the_last_line_of_errors(tmp_path):
    with (tmp_path / "errors").open("w+b") as errors:
        assert process.last_line(errors, -9) == "the process ended with status -9"
        errors.write(b"one\ntwo \n\n")
        assert process.last_line(errors, 1) == "two"
