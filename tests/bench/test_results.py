"""The file of results."""

import json

import pytest
from bench.results import new_results, read_results, results_to_go_on, with_part, write_results

from bench import results as files

KEYS = {"pellucid", "source sha256", "python", "numpy", "blas", "torch", "system", "cpu", "cores"}


def test_parts_have_what_they_were_measured_with_and_keep_their_order():
    results = with_part(new_results(quick=False), "scaling", {"axes": {}})
    results = with_part(with_part(results, "F", {"rows": 1}), "A", {"rows": 2})
    assert list(results["parts"]) == ["A", "F", "scaling"]
    about = results["parts"]["F"]["environment"]
    assert set(about) >= KEYS | {"jax", "scikit-learn"}
    assert results["parts"]["F"]["measured"].endswith("+00:00")
    assert with_part(results, "F", {"rows": 3})["parts"]["F"]["rows"] == 3


def test_written_and_read_and_gone_on_with(tmp_path):
    path = tmp_path / "new" / "bench.json"
    assert results_to_go_on(path, quick=False)["parts"] == {}
    results = with_part(new_results(quick=False), "A", {"rows": 2})
    write_results(path, results)
    assert read_results(path) == results == results_to_go_on(path, quick=False)
    assert [file.name for file in path.parent.iterdir()] == ["bench.json"]


def test_what_is_not_finite_is_not_written(tmp_path):
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
        ValueError, match=r"other\.json holds no results of bench .*name another file by --out$"
    ):
        read_results(path)


@pytest.mark.parametrize("change", [{"quick": True}, {"machine": {"cpu": "another"}}])
def test_smoke_runs_and_other_machines_have_files_of_their_own(tmp_path, change):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({**files.new_results(quick=False), **change}))
    with pytest.raises(ValueError, match=r"bench\.json has (quick|machine) .*: name another file by --out"):
        results_to_go_on(path, quick=False)
