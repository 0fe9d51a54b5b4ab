"""The bar below a long piece of work."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn


def progress_bar(console: Console) -> Progress:
    """Return a bar that counts, with the time taken and the time that is left; none without a terminal."""
    elapsed, left = (TextColumn(word) for word in ("elapsed", "left"))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), elapsed, TimeLeftColumn(), left)
    return Progress(*columns, *times, console=console, disable=not console.is_terminal)
