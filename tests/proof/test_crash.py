"""Killed at 40 points, a training goes on to the same bits; and a checkpoint written in place does not."""

import os

import pytest

from pellucid.files import whole as files
from proof import crash, victim

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are killed by SIGKILL")


def test_no_crash_costs_a_bit():
    steps = []
    findings = crash.prove(40, steps.append)
    assert sum(steps) == 40
    assert [finding.claim for finding in findings if not finding.holds] == []
    assert "of 40 processes were killed (2 of all train by compiled code), 0 failed" in findings[1].measured


def test_the_points_are_before_and_after_each_call_and_inside_each_file(tmp_path):
    _, points = crash.survey(tmp_path / "a")
    kinds = [point.split(":")[0] for point in points]
    assert len(points) >= 200
    assert kinds.count("before") == kinds.count("after") >= 6 * 5
    assert kinds.count("byte") >= 3 * 5
    assert kinds.count("time") >= 20
    chosen = {point.split(":")[0] for point in crash.choose(points, 40)}
    assert chosen == {"before", "after", "byte", "time"}


class InPlace(files.System):
    """Writes a file under its own name at once, as careless programs do, and is broken off in the third."""

    n_files = 0

    def create(self, path):
        self.n_files += 1
        return path.with_name("checkpoint.safetensors").open("wb")

    def write(self, file, chunk):
        file.write(chunk[: len(chunk) // 2] if self.n_files == 3 else chunk)
        if self.n_files == 3:
            raise KeyboardInterrupt

    def rename(self, path, new):
        pass


def test_a_torn_file_would_be_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SYSTEM", InPlace())
    with pytest.raises(KeyboardInterrupt):
        victim.train(tmp_path / "checkpoint.safetensors", resume=False, compiled=False)
    assert not crash.is_whole(tmp_path / "checkpoint.safetensors")


def test_findings_do_not_hold_where_nothing_was_killed(monkeypatch):
    monkeypatch.setattr(crash, "crash", lambda path, point, *, compiled: False)
    assert [finding.holds for finding in crash.prove(4, lambda k: None)] == [False, False, True]
