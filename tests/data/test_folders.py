"""Where data files may lie: environment variables, subfolders, spellings."""

from pathlib import Path

from pellucid.data import cache_folder
from pellucid.data.folders import candidates, named_folder


def test_default_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("PELLUCID_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "pellucid"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert cache_folder() == Path("/home/ada/.cache/pellucid")


def test_a_caller_s_folder_goes_before_the_environment_s(monkeypatch):
    monkeypatch.setenv("PELLUCID_DATA", "/somewhere")
    assert named_folder(None) == Path("/somewhere")
    assert named_folder("/mine") is None


def test_candidates_in_order(tmp_path):
    (tmp_path / "set").mkdir()
    for name in ("a.idx3.gz", "set/a-idx3.gz", "a-idx3", "b"):
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in candidates(tmp_path, ["set"], ["a-idx3", "c"])]
    assert found == ["set/a-idx3.gz", "a-idx3", "a.idx3.gz"]
