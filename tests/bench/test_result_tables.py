"""Results as tables and notes, on the CPU and on a GPU."""

from functools import partial
from io import StringIO

import pytest
from bench.ratios import judged
from bench.result_tables import (
    gaps,
    machine,
    markdown,
    notes,
    race_cells,
    ratio_cells,
    seconds,
    terminal,
    time_cells,
    workloads,
)
from rich.console import Console
from tests.bench.conftest import figures


def test_times(results):
    heads, (row,) = time_cells(workloads(results))
    found = dict(zip(heads, row, strict=True))
    assert found == {
        "workload": "D: 784-10, batch 32, SGD",
        "pellucid": "2",
        "PyTorch eager": "9",
        "torch.compile": "–",
        "JAX jit": "3",
        "scikit-learn": "–",
        "published code": "2.5",
        "floor: products": "1.5",
        "floor: memory": "0.025",
    }


def test_ratios_with_their_bars(results):
    _, (row,) = ratio_cells(workloads(results))
    assert row == [
        "D: 784-10, batch 32, SGD",
        "JAX jit",
        "1.50 (0.75–2.00); ≥ 1.7 not met",
        "4.50 (2.50–4.50); ≥ 4 met",
        "1.33 (1.33–1.60)",
        "2.00 (1.20–2.67)",
    ]


def test_a_comparison_without_ratios(compared, results):
    entry = workloads(results)[0]
    entry = {**entry, "ratios": {"fastest_peer": None}}
    _, (row,) = ratio_cells([entry])
    assert row == ["D: 784-10, batch 32, SGD", "–", "–", "–", "–", "–"]


def test_the_race(results):
    heads, rows = race_cells(results["parts"]["race"])
    assert heads[4] == "98 % reached"
    assert rows == [
        ["pellucid", "2.0 (2.0–2.0)", "–", "98.10–98.25 %", "2 of 2", "200 MiB"],
        ["PyTorch eager", "8.0 (8.0–8.0)", "4.00 (4.00–4.00)", "97.90–98.10 %", "1 of 2", "200 MiB"],
        ["JAX jit", "–", "–", "–", "–", "–"],
    ]


def test_notes(results):
    lines = notes(results)
    assert lines[0] == "1 of 2 bars are met."
    assert "PyTorch eager 1.8 to 1.8 s" in lines[1]  # 1 s to start, 0.5 to build, 0.25 more in the first unit
    assert lines[2:4] == [
        "scikit-learn is missing in D: sklearn is not installed.",
        "JAX jit is missing in T98: jax is not installed.",
    ]
    assert lines[4].startswith("a processor, 2 cores, Linux; Python 3.11, NumPy 2.4 (OpenBLAS), torch 2.13.")


def test_one_reason_in_several_parts_is_one_line():
    found = {"jax": {"missing": "gone"}}
    assert gaps({"A": found, "B": found}, {"jax": "JAX jit"}) == ["JAX jit is missing in A, B: gone."]


def test_parts_of_two_versions_name_both(results):
    newer = {**results["parts"]["race"]["environment"], "numpy": "2.5"}
    results["parts"]["race"]["environment"] = newer
    assert "NumPy 2.4" in machine(results) and "NumPy 2.5" in machine(results)


def test_seconds():
    assert [seconds(value) for value in (0.012345, 1.0, 123.4, None)] == ["0.0123", "1", "123", "–"]


def test_markdown_has_tables_of_equal_columns_and_the_notes(results):
    text = markdown(results)
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1
    assert "| D: 784-10, batch 32, SGD | 2 | 9 | – | 3 |" in text
    assert "≥ 1.7 not met" in text
    assert "`pellucid train`" in text
    assert text.splitlines()[-1].startswith("- a processor")


def test_a_smoke_run_says_so_first(results):
    assert markdown({**results, "quick": True}).startswith("Smoke run on few rows")


def test_results_without_parts(results):
    assert markdown({**results, "parts": {}}) == "- a processor, 2 cores, Linux."
    assert terminal({**results, "parts": {}}) == []


def test_tables_on_a_narrow_screen(results):
    screen = StringIO()
    Console(width=80, file=screen).print(*terminal(results))
    text = screen.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert all(word in text for word in ("Ratios", "T98", "not met", "2 of 2"))


judged_on_gpu = partial(judged, device="gpu")


@pytest.fixture
def gpu_results():
    """Return results of a GPU: full batch with losses, and mini-batches."""
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
        "C TF32": judged_on_gpu({"name": "C", "batch_size": None, **about, "contestants": whole}),
        "F TF32": judged_on_gpu({"name": "F", "batch_size": 128, **about, "contestants": epoch}),
    }
    return {"quick": False, "machine": {"gpu": "NVIDIA H100", "cupy": "14"}, "parts": parts}


def test_markdown_of_a_gpu(gpu_results):
    lines = markdown(gpu_results).splitlines()
    times = next(line for line in lines if line.startswith("| C TF32: a net"))
    assert times.split(" | ")[1:] == ["2", "–", "–", "–", "3", "1.6", "0.5 |"]
    ratios = next(line for line in lines if line.startswith("| C TF32 | JAX"))
    assert "1.50 (1.50–1.50); ≥ 1 met" in ratios
    assert "1.25 (1.25–1.25); ≤ 1.5 met" in ratios
    assert "| F TF32 | PyTorch eager | 2.50 (2.50–2.50) | 2.00 (2.00–2.00) | – |" in lines
    losses = next(line for line in lines if line.startswith("| C TF32 | pellucid"))
    assert "2.5000 2.3200 2.1200" in losses
    assert "0.5200 | 95.12% |" in losses
    assert lines[-2:] == [
        "- PyTorch, CUDA graphs is missing in C TF32: torch is not installed.",
        "- gpu NVIDIA H100; cupy 14",
    ]


def test_a_smoke_run_on_a_gpu_says_so(gpu_results):
    assert markdown({**gpu_results, "quick": True}).startswith("Smoke run")


def test_terminal_of_a_gpu_has_the_same_tables(gpu_results):
    assert [len(table.rows) for table in terminal(gpu_results)] == [2, 2, 2]
    assert notes(gpu_results)[0].startswith("PyTorch, CUDA graphs is missing")
