"""A GPU's results in words: nothing is lost, gaps are named."""

import pytest
from bench.gpu import judged
from bench.gpu_table import markdown, notes, terminal
from tests.bench.conftest import figures


@pytest.fixture
def results():
    traced = {"trace": [2.5 - i / 50 for i in range(100)], "test_accuracy": 0.9512}
    whole = {
        "pellucid": figures(2.0, **traced),
        "jax": figures(3.0, **traced),
        "cuda-graphs": {"missing": "torch is not installed"},
        "products": figures(1.6),
        "memory": figures(0.5),
    }
    epoch = {"pellucid": figures(0.02), "pytorch": figures(0.05), "products": figures(0.01)}
    about = {"unit": "s/epoch", "title": "a net"}
    parts = {
        "C TF32": judged({"name": "C", "batch_size": None, **about, "contestants": whole}),
        "F TF32": judged({"name": "F", "batch_size": 128, **about, "contestants": epoch}),
    }
    return {"quick": False, "machine": {"gpu": "NVIDIA H100", "cupy": "14"}, "parts": parts}


def test_markdown(results):
    lines = markdown(results).splitlines()
    times = next(line for line in lines if line.startswith("| C TF32: a net"))
    assert times.split(" | ")[1:] == ["2", "–", "–", "–", "3", "1.6", "0.5 |"]
    ratios = next(line for line in lines if line.startswith("| C TF32 | JAX"))
    assert "1.50 (1.50 to 1.50); ≥ 1 met" in ratios
    assert "1.25 (1.25 to 1.25); ≤ 1.5 met" in ratios
    assert "| F TF32 | PyTorch eager | 2.50 (2.50 to 2.50) | 2.00 (2.00 to 2.00) | – |" in lines
    learnt = next(line for line in lines if line.startswith("| C TF32 | pellucid"))
    assert "2.5000 2.3200 2.1200" in learnt
    assert "0.5200 | 95.12% |" in learnt
    assert lines[-2:] == [
        "- PyTorch, CUDA graphs is missing in C TF32: torch is not installed.",
        "- gpu NVIDIA H100; cupy 14",
    ]


def test_a_smoke_run_says_so(results):
    assert markdown({**results, "quick": True}).startswith("Smoke run")


def test_terminal_has_the_same_tables(results):
    assert [len(table.rows) for table in terminal(results)] == [2, 2, 2]
    assert notes(results)[0].startswith("PyTorch, CUDA graphs is missing")
