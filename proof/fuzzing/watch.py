"""One reading under watch: what it ended in, how long it took, and how much memory on demand.

Allowed are a value, or a ValueError or OSError whose message is one line that can be printed.
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

#: Seconds of processor time that a reading may take.
MAX_SECONDS = 2.0
#: Longer messages bury what they say.
MAX_MESSAGE = 1000


class HangError(BaseException):
    """A reading took too long. No reader catches it."""


@dataclass(frozen=True)
class Outcome:
    """How a reading ended.

    Attributes
    ----------
    kind : str
        "accepted", "refused" or "defect".
    message : str
        Of the refusal or defect.
    seconds : float
    peak_bytes : int or None
        The most memory at once, where it was measured.
    """

    kind: str
    message: str
    seconds: float
    peak_bytes: int | None


@contextmanager
def watching() -> Iterator[None]:
    """Stop readings that hang, and log nothing, for as long as the block lasts; in the main thread."""
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
    """Read a file once, within `watching`."""
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
    except BaseException as error:  # whatever else a library throws is what is looked for
        return "defect", f"{type(error).__name__}: {str(error)[:300]!r}"
    return "accepted", ""


def _judged(error: ValueError | OSError) -> tuple[str, str]:
    message = str(error)
    if not message.strip() or not message.isprintable():
        return "defect", f"a message that is no line of text: {type(error).__name__}: {message[:300]!r}"
    if len(message) > MAX_MESSAGE:
        return "defect", f"a message of {len(message):,} characters: {message[:300]!r}"
    return "refused", message
