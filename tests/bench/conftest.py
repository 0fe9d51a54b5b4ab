"""Fixtures of the tests of the benchmark: contestants that only sleep, and made-up results."""

from pathlib import Path

import pytest
from bench.contestants import Contestant
from bench.effort import Effort
from bench.ratios import judged
from bench.workloads import WORKLOADS


@pytest.fixture
def fake(monkeypatch):
    """Return a function that makes contestants that sleep; `choices` are options of `fake_library`."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "fakes"))

    def make(name="pytorch", role="peer", choices=({"seconds": 0.001},), **about):
        return Contestant(
            name, name.title(), role, "fake_library", choices=choices, full_batch_choices=choices, **about
        )

    return make


@pytest.fixture
def fast():
    """Return an effort of three short rounds on one thread, without calibration."""
    return Effort(rounds=3, sample_seconds=0.003, calibrate=False, seeds=2)


def figures(*samples, **about):
    """Return the figures of a contestant from its samples."""
    ordered = sorted(samples)
    return {
        "median": ordered[len(ordered) // 2],
        "min": ordered[0],
        "max": ordered[-1],
        "samples": list(samples),
        "variant": {"threads": 1},
        "start_seconds": 1.0,
        "prepare_seconds": 0.5,
        "first_unit_seconds": 0.25 + ordered[len(ordered) // 2],
        "peak_memory": 200 * 2**20,
        **about,
    }


@pytest.fixture
def compared():
    """Return a comparison on workload D: pellucid 2 s, JAX 3, eager 9, products 1 and gathering 0.5 s."""
    work = WORKLOADS["D"]
    contestants = {
        "pellucid": figures(2.0, 2.0, 4.0),
        "pytorch": figures(9.0, 8.0, 10.0),
        "jax": figures(3.0, 4.0, 3.0),
        "scikit-learn": {"missing": "sklearn is not installed"},
        "published": figures(2.5, 2.5, 2.5),
        "products": figures(1.0, 1.0, 2.0),
        "gathering": figures(0.5, 0.5, 0.5),
        "memory": figures(0.1, 0.1, 0.1),
    }
    about = {"title": work.title, "unit": work.unit, "steps": work.steps, "parameters": work.parameters}
    return {**work.to_json(), **about, "rounds": 3, "contestants": contestants}


@pytest.fixture
def raced():
    """Return a race of two seeds: pellucid takes 2 s, PyTorch 8 s."""
    ours = figures(2.0, 2.0, accuracy=[0.981, 0.9825], reached=2)
    eager = figures(8.0, 8.0, accuracy=[0.979, 0.981], reached=1)
    return {
        "name": "T98",
        "title": "a net",
        "command": "pellucid train",
        "target": 0.98,
        "contestants": {"pellucid": ours, "pytorch": eager, "jax": {"missing": "jax is not installed"}},
        "ratios": {"fastest_peer": "pytorch", "pytorch": {"value": 4.0, "min": 4.0, "max": 4.0}},
    }


@pytest.fixture
def results(compared, raced):
    """Return results with a comparison, a race and the scaling along two axes."""
    versions = {"python": "3.11", "numpy": "2.4", "blas": "OpenBLAS", "torch": "2.13", "jax": None}
    about = {"environment": {**versions, "scikit-learn": None}, "measured": "2026-11-21T00:00:00+00:00"}
    points = [
        {"value": value, "contestants": {"pellucid": figures(value / 8), "pytorch": figures(value / 4)}}
        for value in (8, 16, 64)
    ]
    scaling = {"title": "a net", "unit": "s/epoch", "axes": {"batch size": points, "rows": points}}
    machine = {"system": "Linux", "cpu": "a processor", "cores": 2}
    parts = {"D": judged(compared), "race": raced, "scaling": scaling}
    parts = {name: {**part, **about} for name, part in parts.items()}
    return {"format": 1, "quick": False, "machine": machine, "parts": parts}


def run_now(step):
    """Stand in for `captured`: warm up, then replay by another step, whose value overwrites the last."""
    import torch

    for _ in range(3):
        value = step()
    if value is None or not isinstance(value, torch.Tensor):
        return step, None
    kept = value.detach().clone()
    return lambda: kept.copy_(step().detach()), kept
