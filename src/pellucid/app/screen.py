"""Terminal helpers for the commands: a progress bar, plain printing, and a delayed Ctrl-C."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn


def progress_bar(console: Console) -> Progress:
    """Return a progress bar with a count, elapsed time and time left; disabled without a terminal."""
    elapsed, left = (TextColumn(word) for word in ("elapsed", "left"))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), elapsed, TimeLeftColumn(), left)
    return Progress(*columns, *times, console=console, disable=not console.is_terminal)


def say(console: Console, *lines: object) -> None:
    """Print lines as they are, without markup, colours or wrapping."""
    console.print(*lines, sep="\n", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Delay Ctrl-C until the block ends, since an interrupted import may raise any error, or none.

    Use it in the main thread, where Python handles signals.

    Examples
    --------
    >>> done = []
    >>> try:
    ...     with interrupts_held():
    ...         signal.raise_signal(signal.SIGINT)
    ...         done.append("the block")
    ... except KeyboardInterrupt:
    ...     done.append("the interrupt")
    >>> done
    ['the block', 'the interrupt']
    """
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        signal.raise_signal(signal.SIGINT)
