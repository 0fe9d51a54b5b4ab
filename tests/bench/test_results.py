"""The file of results."""

import json
import sys

import pytest
from bench.results import gpu_machine, new_results, read_results, results_to_extend, with_part, write_results
from tests import strict

from bench import results as files

KEYS = {"pellucid", "source sha256", "python", "numpy", "blas", "torch", "system", "cpu", "cores"}


def test_parts_have_what_they_were_measured_with_and_keep_their_order():
    results = with_part(new_results(quick=False), "scaling", {"axes": {}})
    results = with_part(with_part(results, "F", {"rows": 1}), "A", {"rows": 2})
    assert list(results["parts"]) == ["A", "F", "scaling"]
    about = results["parts"]["F"]["environment"]
    assert set(about) >= KEYS | {"jax", "scikit-learn"}
    assert results["parts"]["F"]["measured"].endswith("+00:00")
    assert list(results["parts"]["F"]) == ["rows", "environment", "measured"]
    assert with_part(results, "F", {"rows": 3})["parts"]["F"]["rows"] == 3


def test_results_are_written_read_and_extended(tmp_path):
    path = tmp_path / "new" / "bench.json"
    assert results_to_extend(path, quick=False)["parts"] == {}
    results = with_part(new_results(quick=False), "A", {"rows": 2})
    write_results(path, results)
    assert read_results(path) == results == results_to_extend(path, quick=False)
    assert [file.name for file in path.parent.iterdir()] == ["bench.json"]


def test_numbers_that_are_not_finite_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_results(tmp_path / "bench.json", {"parts": {"A": float("nan")}})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    ["no JSON", "[" * 100_000, "[1]", '{"format": 0}', '{"format": 1, "parts": {"Z": {}}}', '{"format": 1}'],
)
def test_other_files_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(
        ValueError, match=r"other\.json has no results of bench .*name another file with --out$"
    ):
        read_results(path)


@pytest.mark.parametrize("change", [{"quick": True}, {"machine": {"cpu": "another"}}])
def test_smoke_runs_and_other_machines_need_files_of_their_own(tmp_path, change):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({**files.new_results(quick=False), **change}))
    with pytest.raises(ValueError, match=r"bench\.json has (quick|machine) .*: name another file with --out"):
        results_to_extend(path, quick=False)


def test_the_machine(monkeypatch):
    cupy = strict.install(monkeypatch)
    cupy.__version__ = "14"
    about = {"name": b"NVIDIA H100", "totalGlobalMem": 2**36}
    for name, value in (("getDeviceProperties", about), ("runtimeGetVersion", 12090)):
        setattr(cupy.cuda.runtime, name, lambda *_, value=value: value)
    cupy.cuda.runtime.driverGetVersion = lambda: 13000
    found = gpu_machine()
    assert (found["gpu"], found["cuda runtime"], found["cupy"]) == ("NVIDIA H100", 12090, "14")


def test_without_a_gpu_there_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(OSError, match=r'^--gpu: device="gpu" needs CuPy, which is missing: pip install'):
        gpu_machine()
