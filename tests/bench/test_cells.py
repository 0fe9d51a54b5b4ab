"""The words and numbers of the tables."""

from bench.cells import gaps, machine, notes, race_cells, ratio_cells, seconds, time_cells, workloads


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


def test_nothing_but_ours(compared, results):
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
    part = {"contestants": {"jax": {"missing": "gone"}}}
    assert gaps([{"name": "A", **part}, {"name": "B", **part}]) == ["JAX jit is missing in A, B: gone."]


def test_parts_of_two_versions_are_told(results):
    newer = {**results["parts"]["race"]["environment"], "numpy": "2.5"}
    results["parts"]["race"]["environment"] = newer
    assert "NumPy 2.4" in machine(results) and "NumPy 2.5" in machine(results)


def test_seconds():
    assert [seconds(value) for value in (0.012345, 1.0, 123.4, None)] == ["0.0123", "1", "123", "–"]
