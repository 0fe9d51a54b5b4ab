"""A run on the screen and in its file, with contestants that only sleep."""

import json
from dataclasses import replace

import pytest
from bench.display import carry_out
from bench.effort import QUICK
from bench.plan import Plan
from rich.console import Console

from bench import plan as plans


@pytest.fixture
def console():
    return Console(width=120, record=True, force_terminal=False)


@pytest.fixture
def plan(fake, fast):
    return Plan(("A", "D"), (fake("pellucid", "ours"), fake("pytorch")), fast)


def test_it_shows_and_writes(plan, console, tmp_path, capsys):
    results = carry_out(plan, tmp_path / "there" / "bench.json", console)
    assert results == json.loads((tmp_path / "there" / "bench.json").read_text())
    assert list(results["parts"]) == ["A", "D"]
    assert results["quick"] is True
    text = console.export_text()
    assert "Smoke run on few rows" in text
    assert "This takes about" in text
    assert "bars are met." in text
    assert "bench.png" in text
    assert (tmp_path / "there" / "bench.svg").exists()


def test_ctrl_c_leaves_the_parts_that_were_finished(plan, console, tmp_path, monkeypatch, capsys):
    compare = plans.compare

    def interrupt(workload, contestants, effort, notify):
        if workload.name == "D":
            raise KeyboardInterrupt
        return compare(workload, contestants, effort, notify)

    monkeypatch.setattr(plans, "compare", interrupt)
    with pytest.raises(KeyboardInterrupt):
        carry_out(plan, tmp_path / "bench.json", console)
    assert list(json.loads((tmp_path / "bench.json").read_text())["parts"]) == ["A"]
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"]


def test_a_file_of_something_else_is_refused_before_anything_is_measured(plan, console, tmp_path):
    (tmp_path / "bench.json").write_text("{}")
    with pytest.raises(ValueError, match="has no results of bench"):
        carry_out(plan, tmp_path / "bench.json", console)
    assert console.export_text() == ""


MACHINE = {"gpu": "NVIDIA H100", "cupy": "14"}


@pytest.fixture
def gpu_plan(fake, monkeypatch):
    entered = [fake("pellucid", "ours"), fake("pytorch"), fake("products", "floor")]
    monkeypatch.setattr(plans, "gpu_contestants", lambda **options: {each.name: each for each in entered})
    return Plan(("F",), (), replace(QUICK, device="gpu"))


def test_a_gpu_run_shows_and_writes(gpu_plan, tmp_path, capsys):
    console = Console(width=200, record=True, force_terminal=False)
    results = carry_out(gpu_plan, tmp_path / "there" / "gpu.json", console, MACHINE)
    assert results == json.loads((tmp_path / "there" / "gpu.json").read_text())
    assert list(results["parts"]) == ["F float32", "F TF32"]
    assert results["machine"]["gpu"] == "NVIDIA H100"
    assert results["parts"]["F TF32"]["environment"]["cupy"] == "14"
    text = console.export_text()
    for words in (
        "Smoke run",
        "NVIDIA H100. This takes about",
        "F TF32: measured",
        "PyTorch eager",
        "gpu.json",
    ):
        assert words in text


def test_ctrl_c_in_a_gpu_run_leaves_the_parts_that_were_finished(gpu_plan, tmp_path, monkeypatch, capsys):
    compare, asked = plans.compare, []

    def interrupt(*arguments):
        asked.append(arguments)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return compare(*arguments)

    monkeypatch.setattr(plans, "compare", interrupt)
    with pytest.raises(KeyboardInterrupt):
        carry_out(gpu_plan, tmp_path / "gpu.json", Console(width=80, force_terminal=False), MACHINE)
    assert list(json.loads((tmp_path / "gpu.json").read_text())["parts"]) == ["F float32"]
