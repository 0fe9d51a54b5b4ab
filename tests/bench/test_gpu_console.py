"""`bench --gpu` as a person sees it, with contestants that only sleep."""

import json

import pytest
from bench.gpu import QUICK_GPU, GpuSession
from bench.gpu_console import bench_gpu
from rich.console import Console

from bench import gpu

MACHINE = {"gpu": "NVIDIA H100", "cupy": "14"}


@pytest.fixture
def session(fake, monkeypatch):
    entered = [fake("pellucid", "ours"), fake("pytorch"), fake("products", "floor")]
    monkeypatch.setattr(gpu, "contestants", lambda **options: entered)
    return GpuSession(("F",), QUICK_GPU)


def test_it_shows_and_writes(session, tmp_path, capsys):
    console = Console(width=200, record=True, force_terminal=False)
    results = bench_gpu(session, MACHINE, tmp_path / "there" / "gpu.json", console)
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


def test_ctrl_c_leaves_the_parts_that_were_finished(session, tmp_path, monkeypatch, capsys):
    compare, asked = gpu.compare, []

    def interrupt(*arguments):
        asked.append(arguments)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return compare(*arguments)

    monkeypatch.setattr(gpu, "compare", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench_gpu(session, MACHINE, tmp_path / "gpu.json", Console(width=80, force_terminal=False))
    assert list(json.loads((tmp_path / "gpu.json").read_text())["parts"]) == ["F float32"]
