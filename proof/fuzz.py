"""Damaged files cause at most one clear line of error: no crash, no hang, no memory beyond what they hold.

Each reader in `proof.fuzzing.targets` gets files with changed bits, numbers, pieces and structure, and noise.
A file that leads to a new outcome is damaged further, so that damage reaches deep into the readers. Some
files are large, of megabytes or at a limit of the format. The same n gives the same files.
"""

import gzip
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from proof.findings import Finding
from proof.fuzzing.damage import Stock, mutate
from proof.fuzzing.targets import TARGETS, Target
from proof.fuzzing.watch import MAX_SECONDS, Outcome, observe, watching
from proof.scratch import scratch_folder

#: Memory is measured on every 16th file, since tracing it takes several times as long.
MEMORY_EVERY = 16
#: Every 1,000th file is large; its memory is measured.
LARGE_EVERY = 1000
#: Bytes of a large file that are damaged.
PIECE_BYTES = 1000
#: A reading may take twice the memory that the file states, plus this for the current piece and messages.
SMALL_BYTES = 8 << 20
#: Most files kept because they led to a new outcome.
MOST_KEPT = 400


@dataclass
class ReadingTally:
    """How the readings of one target ended."""

    endings: Counter[str] = field(default_factory=Counter)
    shapes: set[str] = field(default_factory=set)
    defects: list[str] = field(default_factory=list)
    slowest: float = 0.0
    measured: int = 0
    large: int = 0
    largest_peak: int = 0

    def note(self, outcome: Outcome, content: bytes, stated_bytes: Callable[[bytes], int]) -> None:
        """Record the outcome of a reading."""
        self.endings[outcome.kind] += 1
        self.slowest = max(self.slowest, outcome.seconds)
        if outcome.kind == "defect":
            self.defects.append(f"{outcome.message}, {as_text(content)}")
        if outcome.peak_bytes is not None:
            self._note_memory(outcome.peak_bytes, stated_bytes(content), content)

    def is_new(self, outcome: Outcome) -> bool:
        """Return whether this outcome is the first of its kind, up to numbers and names in the message."""
        shape = outcome.kind + re.sub(r"\d+|'.*'", "", outcome.message)[:100]
        before = len(self.shapes)
        self.shapes.add(shape)
        return len(self.shapes) > before

    def _note_memory(self, peak: int, stated: int, content: bytes) -> None:
        self.measured += 1
        self.largest_peak = max(self.largest_peak, peak - 2 * stated)
        if peak > 2 * stated + SMALL_BYTES:
            self.defects.append(f"{peak:,} bytes of memory where {stated:,} are stated, {as_text(content)}")


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Read n damaged files, the same number with each reader."""
    findings = []
    with scratch_folder() as folder, watching():
        for k, target in enumerate(TARGETS):
            share = max(1, n * (k + 1) // len(TARGETS) - n * k // len(TARGETS))
            findings.append(_finding(target.name, read_damaged(target, share, Path(folder, "file"), advance)))
    return findings


def read_damaged(target: Target, n: int, path: Path, advance: Callable[[int], None]) -> ReadingTally:
    """Read n damaged files; call this within `watching`."""
    rng, tally = Random(target.name), ReadingTally()
    intact, large = list(target.files()), target.large()
    for content in intact:  # the first reading imports modules and fills caches
        path.write_bytes(content)
        target.read(path)
    kept = list(intact)
    for i in range(n):
        is_large = bool(large) and i % LARGE_EVERY == 0
        content = (
            damaged_large(target, rng, large[i // LARGE_EVERY % len(large)])
            if is_large
            else damaged(target, rng, intact, kept)
        )
        path.write_bytes(content)
        outcome = observe(target.read, path, memory=is_large or i % MEMORY_EVERY == 0)
        tally.note(outcome, content, target.stated_bytes)
        tally.large += is_large
        if tally.is_new(outcome) and len(kept) < MOST_KEPT:
            kept.append(content)
        advance(1)
    return tally


def damaged(target: Target, rng: Random, intact: Sequence[bytes], kept: Sequence[bytes]) -> bytes:
    """Return an intact or already damaged file with more damage."""
    content = rng.choice(intact if rng.random() < 0.5 else kept)
    if target.edit and rng.random() < 0.5:
        content = target.edit(content, rng)
    else:
        content = mutate(content, rng, Stock(intact, target.words))
    return _finished(target, content, rng)


def damaged_large(target: Target, rng: Random, content: bytes) -> bytes:
    """Return a large file, intact or with damage in one place."""
    if rng.random() < 0.5:
        place = rng.choice((0, rng.randrange(len(content))))
        piece, rest = content[place : place + PIECE_BYTES], content[place + PIECE_BYTES :]
        content = content[:place] + mutate(piece, rng, Stock([piece], target.words)) + rest
    return _finished(target, content, rng)


def _finished(target: Target, content: bytes, rng: Random) -> bytes:
    return target.finish(content, rng) if target.finish and rng.random() < 0.5 else content


def as_text(content: bytes) -> str:
    """Return a Python expression that gives the file again."""
    return f"gzip.decompress(bytes.fromhex({gzip.compress(content, mtime=0).hex()!r}))"


def _finding(name: str, tally: ReadingTally) -> Finding:
    accepted, refused = tally.endings["accepted"], tally.endings["refused"]
    measured = (
        f"{tally.endings.total():,} files: {accepted:,} read, {refused:,} refused in one line, "
        f"{len(tally.defects)} defects, {len(tally.shapes)} different endings; slowest "
        f"{tally.slowest * 1000:.0f} ms; memory beyond twice what the file states at most "
        f"{tally.largest_peak / 2**20:.1f} MiB ({tally.measured:,} measured, {tally.large:,} of them large)"
    )
    limit = (
        f"0 defects, {MAX_SECONDS:g} s of processor time each, memory of twice what the file states and "
        f"{SMALL_BYTES >> 20} MiB"
    )
    first = f"; the first: {tally.defects[0]}" if tally.defects else ""
    return Finding(f"Damaged files: {name}", measured + first, limit, not tally.defects)
