"""Trainings killed at 40 points end with the same bits; with a checkpoint written in place they do not."""

import os

import pytest

from pellucid.files import whole as files
from proof import crash, killed_training

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are killed by SIGKILL")


def test_no_crash_changes_a_bit():
    steps = []
    findings = crash.prove(40, steps.append)
    assert sum(steps) == 40
    assert [finding.claim for finding in findings if not finding.holds] == []
    assert "of 40 processes were killed (2 of all run compiled code), 0 failed" in findings[1].measured


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
    """Write files in place, without a temporary name, and fail in the middle of the third."""

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


def test_a_torn_file_is_detected(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SYSTEM", InPlace())
    with pytest.raises(KeyboardInterrupt):
        killed_training.train(tmp_path / "checkpoint.safetensors", resume=False, compiled=False)
    assert not crash.is_whole(tmp_path / "checkpoint.safetensors")


def test_findings_do_not_hold_if_no_process_was_killed(monkeypatch):
    monkeypatch.setattr(crash, "crash", lambda path, point, *, compiled: False)
    assert [finding.holds for finding in crash.prove(4, lambda k: None)] == [False, False, True]
