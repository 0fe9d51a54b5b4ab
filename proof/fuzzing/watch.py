"""Watch one reading: how it ends, how long it takes, and how much memory it needs.

A reading may return a value, or raise a ValueError or OSError whose message is one printable line.
"""

import logging
import signal
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

#: Most seconds of processor time for a reading.
MAX_SECONDS = 2.0
#: Most characters of a message.
MAX_MESSAGE = 1000


class HangError(BaseException):
    """A reading took too long. Not an Exception, so that no reader catches it."""


@dataclass(frozen=True)
class Outcome:
    """How a reading ended."""

    #: "accepted", "refused" or "defect".
    kind: str
    #: Message of a refusal or defect.
    message: str
    seconds: float
    #: Peak memory, if measured.
    peak_bytes: int | None


@contextmanager
def watching() -> Iterator[None]:
    """Stop readings that hang, and disable logging and warnings, in this block; only in the main thread."""
    logging.disable(logging.WARNING)
    before = signal.signal(signal.SIGPROF, _stop)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        signal.signal(signal.SIGPROF, before)
        logging.disable(logging.NOTSET)


def _stop(number: int, frame: FrameType | None) -> None:
    raise HangError(f"no end within {MAX_SECONDS} s")


def observe(read: Callable[[Path], object], path: Path, *, memory: bool) -> Outcome:
    """Read a file once; call this within `watching`."""
    if memory:
        tracemalloc.start()
    start = time.perf_counter()
    kind, message = _ending(read, path)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1] if memory else None
    tracemalloc.stop()
    return Outcome(kind, message, seconds, peak)


def _ending(read: Callable[[Path], object], path: Path) -> tuple[str, str]:
    try:
        signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)
        try:
            read(path)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except (ValueError, OSError) as error:
        return _judged(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # any other error is a defect
        return "defect", f"{type(error).__name__}: {str(error)[:300]!r}"
    return "accepted", ""


def _judged(error: ValueError | OSError) -> tuple[str, str]:
    message = str(error)
    if not message.strip() or not message.isprintable():
        return "defect", f"a message that is not one line of text: {type(error).__name__}: {message[:300]!r}"
    if len(message) > MAX_MESSAGE:
        return "defect", f"a message of {len(message):,} characters: {message[:300]!r}"
    return "refused", message
