"""A comparison from its setup to the output and the files."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from pellucid.app import compare_steps
from pellucid.app.compare import compare
from pellucid.app.compare_setup import setup_of_settings
from pellucid.app.settings import TrainSettings

torch = pytest.importorskip("torch")

from pellucid.interop.torch import threads  # noqa: E402


def run(steps, out=None, dtype=np.float64, **settings):
    """Return whether all bars hold, and what was printed."""
    setup = setup_of_settings(TrainSettings(source="digits", hidden=(10,), **settings), steps, dtype=dtype)
    console = Console(width=80, file=io.StringIO())
    return compare(setup, steps, out, console), console.file.getvalue()


def test_what_is_shown_and_written_agrees(tmp_path):
    threads = torch.get_num_threads()
    holds, printed = run(120, tmp_path / "new")
    assert holds
    content = json.loads((tmp_path / "new" / "comparison.json").read_text())
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        f"comparison.{kind}" for kind in ("json", "png", "svg")
    ]
    assert content["blocks"] == ["1.W", "1.b", "3.W", "3.b"]
    first, last = content["curve"][0], content["curve"][-1]
    assert (first["step"], last["step"], content["steps"]) == (1, 120, 120)
    rows = {line.split("│")[1].strip(): line for line in printed.splitlines() if line.startswith("│")}
    assert list(rows) == ["1", "2", "5", "10", "20", "50", "100", "120", *content["blocks"]]
    for i, name in enumerate(content["blocks"]):
        numbers = [f"{value:.1e}" for value in (*last["gradients"][i], *last["weights"][i])]
        assert rows[name].replace("│", " ").split()[1:] == numbers
    for point in content["curve"]:
        ours, theirs = point["losses"]["pellucid"], point["losses"]["PyTorch"]
        assert abs(ours - theirs) == point["loss"][0] < 1e-12
    assert 0 < last["losses"]["PyTorch"] < first["losses"]["PyTorch"] < 4
    worst = [max(pair[1] for pair in last[kind]) for kind in ("gradients", "weights")]
    cells = rows["120"].replace("│", " ").split()
    assert [cells[i] for i in (2, 4, 6)] == [f"{value:.1e}" for value in (last["loss"][1], *worst)]
    assert content["bars"][0]["measured"] < 1e-12
    peaks = [point["largest so far"] for point in content["curve"]]
    for kind in ("gradients", "weights"):
        for i in range(4):
            rising = [peak[kind][i] for peak in peaks]
            assert rising == sorted(rising)
            assert rising[-1] >= max(point[kind][i][1] for point in content["curve"])
    assert (
        f"up to step 120: largest relative difference {content['largest']:.1e}, bar 1e-08: holds" in printed
    )
    assert f"pellucid {content['seconds']['pellucid']['total']:.2f} s" in printed
    assert (
        content["environment"]["torch"] == torch.__version__.split("+")[0] or content["environment"]["torch"]
    )
    assert torch.get_num_threads() == threads


def test_a_missed_bar_is_shown_and_written(tmp_path, monkeypatch):
    monkeypatch.setitem(compare_steps.BARS, "float64", ((100, 1e-30),))
    holds, printed = run(5, tmp_path)
    assert not holds
    assert "bar 1e-30: MISSED" in printed
    assert json.loads((tmp_path / "comparison.json").read_text())["bars"][0]["holds"] is False


def test_float32_has_no_bar_and_says_why():
    holds, printed = run(20, dtype=np.float32)
    assert holds
    assert "float32 has no bar: up to step 20 the largest relative difference is" in printed
    assert "rounds by up to 6e-08" in printed


@pytest.mark.parametrize("out", ["missing/folder", "file"])
def test_an_impossible_folder_is_an_error_before_any_step(tmp_path, monkeypatch, out):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setattr(compare_steps.Comparison, "add", None)
    if out == "file":
        out = "file/below"
    with pytest.raises(ValueError, match=r"^--out: there is no folder|^--out: the folder"):
        run(5, tmp_path / out)


@pytest.mark.parametrize(("rows", "expected"), [(32, 1), (0, 2)])
def test_small_steps_get_one_thread(monkeypatch, rows, expected):
    found, add = [], compare_steps.Comparison.add

    def noted(self, *step, **last):
        found.append(torch.get_num_threads())
        add(self, *step, **last)

    monkeypatch.setattr(compare_steps.Comparison, "add", noted)
    monkeypatch.setattr("pellucid.app.compare.SMALL_PRODUCT", 100_000)
    with threads(2):
        run(3, batch_size=rows)
    assert found == [expected] * 3
