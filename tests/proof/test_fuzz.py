"""Forty thousand damaged files, of which `make proof` reads a million, and the watch over each reading."""

import gzip
import time
from collections import Counter

import pytest
from proof.fuzzing.structure import unpacked_bytes
from proof.fuzzing.targets import TARGETS, Target
from proof.fuzzing.watch import observe, watching

from proof import fuzz


@pytest.fixture
def read_with(tmp_path):
    """Return a function that reads damaged files with one reader and returns the tally."""

    def call(read, n=200, **more):
        target = Target("made up", read, lambda: [b"0123456789" * 4, b""], **more)
        with watching():
            return fuzz.read_damaged(target, n, tmp_path / "file", lambda k: None)

    return call


def test_forty_thousand_files():
    done = Counter()
    findings = fuzz.prove(40_000, lambda k: done.update(files=k))
    assert done["files"] == 40_000
    assert len(findings) == len(TARGETS)
    for finding in findings:
        assert finding.holds, finding


def test_the_same_number_makes_the_same_files(tmp_path):
    def files_of(target, n):
        seen = []
        watched = Target(target.name, lambda path: seen.append(path.read_bytes()), target.files, target.words)
        with watching():
            fuzz.read_damaged(watched, n, tmp_path / "file", lambda k: None)
        return seen[len(target.files()) :]

    assert files_of(TARGETS[0], 40) == files_of(TARGETS[0], 40)
    assert files_of(TARGETS[0], 80)[:40] == files_of(TARGETS[0], 40)
    assert len(set(files_of(TARGETS[0], 40))) > 30


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_large_files_take_twice_what_they_state(target, tmp_path):
    """Intact files; a proof at full size also damages each."""
    path, tally = tmp_path / "file", fuzz.ReadingTally()
    path.write_bytes(target.files()[0])
    target.read(path)
    with watching():
        for content in target.large():
            path.write_bytes(content)
            tally.note(observe(target.read, path, memory=True), content, target.stated_bytes)
    assert tally.defects == []
    assert tally.measured > 0


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_a_reader_both_accepts_and_refuses(target, tmp_path):
    with watching():
        tally = fuzz.read_damaged(target, 400, tmp_path / "file", lambda k: None)
    assert tally.endings["accepted"] > 0
    assert tally.endings["refused"] > 200
    assert tally.measured == 25


def failing(error):
    """Return a reader that fails with every file that does not have the length of a whole one."""

    def read(path):
        if len(path.read_bytes()) not in (0, 40):
            raise error

    return read


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("dtype"), "KeyError: \"'dtype'\""),
        (ValueError("two\nlines"), "a message that is not one line of text"),
        (ValueError(""), "a message that is not one line of text"),
        (ValueError("\ud800"), "a message that is not one line of text"),
        (ValueError("x" * 1001), "a message of 1,001 characters"),
        (RecursionError("deep"), "RecursionError: 'deep'"),
        (SystemExit(1), "SystemExit"),
    ],
)
def test_what_is_a_defect(read_with, error, message):
    tally = read_with(failing(error))
    assert tally.endings["defect"] > 50
    assert tally.defects[0].startswith(message)
    content = eval(tally.defects[0].rsplit(", ", 1)[1], {"gzip": gzip})
    assert len(content) not in (0, 40)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a.csv: row 2 is empty"),
        OSError(22, "no", "a"),
        UnicodeDecodeError("utf-8", b"a", 0, 1, "no"),
    ],
)
def test_what_is_a_refusal(read_with, error):
    tally = read_with(failing(error))
    assert (tally.endings["defect"], tally.endings["refused"] > 50) == (0, True)


def test_a_reader_that_hangs_is_stopped(read_with, monkeypatch):
    monkeypatch.setattr("proof.fuzzing.watch.MAX_SECONDS", 0.05)

    def read(path):
        while len(path.read_bytes()) not in (0, 40):
            pass

    start = time.perf_counter()
    tally = read_with(read, 3)
    assert 0 < tally.endings["defect"] <= 3
    assert tally.defects[0].startswith("HangError: 'no end within 0.05 s'")
    assert time.perf_counter() - start < 20


def test_memory_beyond_what_a_file_states(read_with):
    def read(path):
        return bytes(10 << 20)

    tally = read_with(read, 32)
    assert tally.measured == 2
    assert len(tally.defects) == 2
    assert " bytes of memory where " in tally.defects[0]
    assert read_with(read, 32, stated_bytes=lambda content: 2 << 20).defects == []


def test_a_finding_has_the_first_defect():
    tally = fuzz.ReadingTally()
    assert fuzz._finding("x", tally).holds
    tally.defects.append("KeyError: 'a', gzip.decompress(...)")
    finding = fuzz._finding("x", tally)
    assert not finding.holds
    assert finding.measured.endswith("the first: KeyError: 'a', gzip.decompress(...)")


def test_a_damaged_archive_states_what_it_holds_before_the_damage():
    """A reader has it all in memory before the checksum at the end shows the damage."""
    content = gzip.compress(bytes(10**6))
    assert unpacked_bytes(content) == len(content) + 10**6
    assert 7 * 10**5 < unpacked_bytes(content[:-8] + bytes(8)) < 10**6 + len(content)
