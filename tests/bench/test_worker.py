"""The answers of a worker, in this process."""

import io
import json
import sys
import time
from pathlib import Path

import pytest
from bench.worker import serve
from bench.workloads import WORKLOADS

WORK = WORKLOADS["D"].to_json()


def asked(monkeypatch, *requests):
    """Return the answers of a worker of the fake library."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(Path(__file__).parent / "fakes")])
    answers = io.StringIO()
    serve([json.dumps(each) for each in requests], answers, "fake_library", "numpy")
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_prepare_then_sample(monkeypatch):
    prepare = {"do": "prepare", "workload": WORK, "options": {"seconds": 0.01}}
    start = time.perf_counter()
    ready, prepared, sample = asked(monkeypatch, prepare, {"do": "sample", "seconds": 0.095})
    wall = time.perf_counter() - start
    assert ready == {"ready": True}
    assert prepared["first_unit_seconds"] >= 0.01
    assert 1 <= sample["units"] <= 10
    assert sample["seconds"] >= 0.01
    assert 0.095 <= sample["seconds"] * sample["units"] <= wall
    assert sample["peak_memory"] > 10**7


def test_a_unit_longer_than_the_sample_is_run_once(monkeypatch):
    prepare = {"do": "prepare", "workload": WORK, "options": {"seconds": 0.02}}
    *_, sample = asked(monkeypatch, prepare, {"do": "sample", "seconds": 0.001})
    assert sample["units"] == 1
    assert sample["seconds"] >= 0.02


def test_an_error_is_an_answer_of_one_line_and_the_worker_continues(monkeypatch):
    fails = {"do": "prepare", "workload": WORK, "options": {"error": "no compiler"}}
    works = {"do": "prepare", "workload": WORK, "options": {"seconds": 0.0}}
    _, first, second, third, _ = asked(
        monkeypatch, {"do": "sample", "seconds": 0.1}, fails, works, {"do": "sample", "seconds": 0.0}
    )
    assert first == {"error": "RuntimeError: nothing is prepared: send the request prepare first"}
    assert second == {"error": "ValueError: no compiler"}
    assert "error" not in third


def test_a_missing_module(monkeypatch):
    with pytest.raises(ModuleNotFoundError):
        serve([], io.StringIO(), "no_such_module", "numpy")
