"""Killed at 40 points, a training goes on to the same bits; and a checkpoint written in place does not."""

import os

import pytest

from pellucid import files
from proof import crash, victim

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are killed by SIGKILL")


def test_no_crash_costs_a_bit():
    steps = []
    findings = crash.prove(40, steps.append)
    assert len(steps) == 40
    assert [finding.claim for finding in findings if not finding.holds] == []
    assert int(findings[0].measured.split()[0]) >= 30  # so many were killed before their end


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
    """Writes the file under its own name at once, as careless programs do."""

    def create(self, path):
        return path.with_name("checkpoint.safetensors").open("wb")

    def rename(self, path, new):
        pass


def test_a_torn_file_would_be_seen(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.safetensors"
    monkeypatch.setattr(files, "SYSTEM", InPlace())
    victim.train(path, resume=False)
    assert crash.is_whole(path)
    path.write_bytes(path.read_bytes()[:-100])
    assert not crash.is_whole(path)
