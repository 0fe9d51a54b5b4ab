"""`bench` as a person sees it, with contestants that only sleep."""

import json

import pytest
from bench.console import bench
from bench.session import Session
from rich.console import Console


@pytest.fixture
def console():
    return Console(width=120, record=True, force_terminal=False)


@pytest.fixture
def session(fake, fast):
    return Session(("A", "D"), (fake("pellucid", "ours"), fake("pytorch")), fast)


def test_it_shows_and_writes(session, console, tmp_path, capsys):
    results = bench(session, tmp_path / "there" / "bench.json", console)
    assert results == json.loads((tmp_path / "there" / "bench.json").read_text())
    assert list(results["parts"]) == ["A", "D"]
    assert results["quick"] is True
    text = console.export_text()
    assert "Smoke run on few rows" in text
    assert "This takes about" in text
    assert "bars are met." in text
    assert "bench.png" in text
    assert (tmp_path / "there" / "bench.svg").exists()


def test_ctrl_c_leaves_the_parts_that_were_finished(session, console, tmp_path, monkeypatch, capsys):
    from bench import session as sessions

    compare = sessions.compare

    def interrupt(workload, contestants, effort, tell):
        if workload.name == "D":
            raise KeyboardInterrupt
        return compare(workload, contestants, effort, tell)

    monkeypatch.setattr(sessions, "compare", interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench(session, tmp_path / "bench.json", console)
    assert list(json.loads((tmp_path / "bench.json").read_text())["parts"]) == ["A"]
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"]


def test_a_file_of_something_else_is_refused_before_anything_is_measured(session, console, tmp_path):
    (tmp_path / "bench.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no results of bench"):
        bench(session, tmp_path / "bench.json", console)
    assert console.export_text() == ""
