import json
from dataclasses import replace

import numpy as np
import pytest

from pellucid.lab.report import Run
from pellucid.lab.reports import REPORTS, c_run
from pellucid.lab.running import runs
from pellucid.lab.running.runs import carry_out, read_run, run_path, set_aside

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

    def run(group, seed):
        asked.append((group, seed))
        return [{"loss": [0.1, 1 / (3 + i)]} for i in range(len(group))]

    report = type("Fake", (), {"run": staticmethod(run)})
    monkeypatch.setitem(REPORTS, "C", report)
    return asked


def test_a_run_comes_back_from_its_file_to_the_last_bit(tmp_path, trained):
    path = run_path(tmp_path, RUN, DATA)
    assert read_run(path) is None
    path.write_bytes(*carry_out([RUN], DATA))
    assert trained == [([RUN.settings], 7)]
    found = read_run(path)
    assert (found.settings, found.seed, found.result) == (RUN.settings, 7, {"loss": [0.1, 1 / 3]})
    assert 0 <= found.seconds < 1
    content = json.loads(path.read_text())
    assert (content["report"], content["data"]) == ("C", DATA)
    assert content["environment"]["numpy"] == np.__version__
    assert set_aside(path) is None
    assert list(tmp_path.iterdir()) == [path]


def test_runs_trained_together_have_a_file_each_and_share_the_time(trained, monkeypatch):
    clock = iter([100.0, 106.0])
    monkeypatch.setattr(runs.time, "perf_counter", lambda: next(clock))
    group = [replace(RUN, settings={"iterations": 3, "rate": rate}) for rate in (0.1, 0.2, 0.3)]
    contents = [json.loads(each) for each in carry_out(group, DATA)]
    assert trained == [([run.settings for run in group], 7)]  # at once
    assert [each["settings"] for each in contents] == [run.settings for run in group]
    assert [each["result"]["loss"][1] for each in contents] == [1 / 3, 1 / 4, 1 / 5]
    assert [each["seconds"] for each in contents] == [2.0, 2.0, 2.0]
    assert all(each.keys() == contents[0].keys() and each["seed"] == 7 for each in contents)


def test_a_run_that_fails_gives_nothing_to_write(monkeypatch):
    def diverge(group, seed):
        raise FloatingPointError("epoch 1: the loss is nan")

    monkeypatch.setitem(REPORTS, "C", type("Fake", (), {"run": staticmethod(diverge)}))
    with pytest.raises(FloatingPointError, match="epoch 1"):
        carry_out([RUN], DATA)
    monkeypatch.setitem(REPORTS, "C", type("Fake", (), {"run": staticmethod(lambda *_: [float("nan")])}))
    with pytest.raises(ValueError, match="JSON"):
        carry_out([RUN], DATA)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"settings": {"itera',
        b"[]",
        b"null",
        b'{"settings": {}, "seed": 0, "result": {}}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"\xff" * 3000,
        b'{"settings": {}, "seed": 0, "result": {"a": NaN}, "seconds": 1}',
    ],
)
def test_a_damaged_file_is_named_with_the_way_out(tmp_path, content):
    path = tmp_path / "C-0123.json"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"C-0123\.json is damaged .*: delete it, and the run is carried out again"
    ) as caught:
        read_run(path)
    assert len(str(caught.value)) < 400


def test_a_damaged_file_is_set_aside(tmp_path):
    path = tmp_path / "C-0123.json"
    assert set_aside(path) is None  # nothing there, nothing damaged
    path.write_text("[]")
    assert set_aside(path) == tmp_path / "C-0123.json.damaged"
    assert [each.read_text() for each in tmp_path.iterdir()] == ["[]"]
    assert read_run(path) is None


def test_what_a_report_returns_is_plain_json(monkeypatch):
    """A NumPy number in a result would come back as another type, or stop a run of an hour at its end."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (20, 784), dtype=np.uint8)
    y = rng.integers(0, 10, 20)
    result = c_run.run_on(x, y, x, y, {"iterations": 1}, 0)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_runs_that_blow_up_say_which_they_were(monkeypatch):
    def run(group, seed):
        raise FloatingPointError("epoch 3: in batch 1 the loss of nets[1] is nan, not finite")

    monkeypatch.setitem(REPORTS, "C", type("Fake", (), {"run": staticmethod(run)}))
    for group in ([RUN], [RUN, replace(RUN, settings={"iterations": 4})]):
        settings = ", ".join(rf"\{{'iterations': {run.settings['iterations']}.*?\}}" for run in group)
        with pytest.raises(FloatingPointError, match=f"report C, seed 7, {settings}: epoch 3: in batch 1"):
            carry_out(group, DATA)
