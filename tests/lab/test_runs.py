import json

import numpy as np
import pytest

from pellucid.lab import runs
from pellucid.lab.report import Run
from pellucid.lab.reports import REPORTS, c
from pellucid.lab.runs import carry_out, read_run, run_path

DATA = {"images": "aa", "labels": "bb"}
RUN = Run("C", {"iterations": 3, "rate": 0.1}, 7, cost=1.0)


def test_a_run_has_one_name_whatever_the_order_of_its_settings(tmp_path):
    twin = Run("C", {"rate": 0.1, "iterations": 3}, 7, cost=99.0)
    path = run_path(tmp_path, RUN, DATA)
    assert path == run_path(tmp_path, twin, dict(reversed(DATA.items())))
    assert path.name.startswith("C-")
    assert len(path.stem) == 2 + 64


@pytest.mark.parametrize(
    ("run", "data"),
    [
        (Run("D", RUN.settings, 7, 1.0), DATA),
        (Run("C", {"iterations": 4, "rate": 0.1}, 7, 1.0), DATA),
        (Run("C", {**RUN.settings, "more": None}, 7, 1.0), DATA),
        (Run("C", RUN.settings, 8, 1.0), DATA),
        (RUN, {**DATA, "labels": "cc"}),
        (RUN, {"images": "aa"}),
    ],
)
def test_any_change_makes_a_new_run(tmp_path, run, data):
    assert run_path(tmp_path, run, data) != run_path(tmp_path, RUN, DATA)


def test_a_change_of_the_source_makes_a_new_run(tmp_path, monkeypatch):
    before = run_path(tmp_path, RUN, DATA)
    monkeypatch.setattr(runs, "source_digest", lambda: "changed")
    assert run_path(tmp_path, RUN, DATA) != before


@pytest.fixture
def trained(monkeypatch):
    """Register a report C that trains nothing; return the list of what it was asked to run."""
    asked = []

    def run(settings, seed):
        asked.append((settings, seed))
        return {"loss": [0.1, 1 / 3]}

    report = type("Fake", (), {"run": staticmethod(run)})
    monkeypatch.setitem(REPORTS, "C", report)
    return asked


def test_a_run_comes_back_from_its_file_to_the_last_bit(tmp_path, trained):
    path = run_path(tmp_path, RUN, DATA)
    assert read_run(path) is None
    assert carry_out(RUN, path, DATA) == RUN
    assert trained == [(RUN.settings, 7)]
    found = read_run(path)
    assert (found.settings, found.seed, found.result) == (RUN.settings, 7, {"loss": [0.1, 1 / 3]})
    assert 0 <= found.seconds < 1
    content = json.loads(path.read_text())
    assert (content["report"], content["data"]) == ("C", DATA)
    assert content["environment"]["numpy"] == np.__version__
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_that_fails_leaves_no_file(tmp_path, monkeypatch):
    def diverge(settings, seed):
        raise FloatingPointError("epoch 1: the loss is nan")

    monkeypatch.setitem(REPORTS, "C", type("Fake", (), {"run": staticmethod(diverge)}))
    with pytest.raises(FloatingPointError, match="epoch 1"):
        carry_out(RUN, tmp_path / "run.json", DATA)
    monkeypatch.setitem(REPORTS, "C", type("Fake", (), {"run": staticmethod(lambda *_: float("nan"))}))
    with pytest.raises(ValueError, match="JSON"):
        carry_out(RUN, tmp_path / "run.json", DATA)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"settings": {"itera',
        b"[]",
        b"null",
        b'{"settings": {}, "seed": 0, "result": {}}',
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_file_is_named_with_the_way_out(tmp_path, content):
    path = tmp_path / "C-0123.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"C-0123\.json is damaged .*: delete it, and the run is done again"):
        read_run(path)


def test_what_a_report_returns_is_plain_json(monkeypatch):
    """A NumPy number in a result would come back as another type, or stop a run of an hour at its end."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (20, 784), dtype=np.uint8)
    y = rng.integers(0, 10, 20)
    result = c.run_on(x, y, x, y, {"iterations": 1}, 0)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_a_run_that_blows_up_says_which_one_it_was(tmp_path, monkeypatch):
    def run(settings, seed):
        raise FloatingPointError("epoch 3: in batch 1 the loss is nan, not finite")

    monkeypatch.setitem(REPORTS, "C", type("Fake", (), {"run": staticmethod(run)}))
    with pytest.raises(
        FloatingPointError, match=r"report C, seed 7, \{'iterations': 3.*\}: epoch 3: in batch 1"
    ):
        carry_out(RUN, run_path(tmp_path, RUN, DATA), DATA)
    assert not any(tmp_path.iterdir())
