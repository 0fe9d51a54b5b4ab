"""What the commands share: the console, the option --folder, the flags that were given, a check."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console

import pellucid as pl

console = Console()
#: For words about a result where the result itself goes to standard output.
messages = Console(stderr=True)

DATA_SETS = "|".join(pl.DATASETS)
FOLDER = typer.Option(
    file_okay=False,
    help="Where data sets lie.",
    show_default="the cache, else download",
    rich_help_panel="Files",
)
Folder: TypeAlias = Annotated[Path | None, FOLDER]


def check_counts(numbers: Mapping[str, int | None]) -> None:
    """Raise unless numbers, under the names of their flags, are at least 1 or not given."""
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise ValueError(f"--{name} must be at least 1, got {number}")


def given(context: typer.Context) -> dict[str, Any]:
    """Return the arguments that stand on the command line, without those that are defaults."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name: context.params[name] for name, s in sources.items() if s and s.name == "COMMANDLINE"}
