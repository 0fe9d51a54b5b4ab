"""The command line: `pellucid --help` lists the commands."""

from typing import Annotated

import typer

import pellucid as pl
from pellucid.cli import (
    compare_command,
    describe_command,
    gradcheck_command,
    predict_command,
    reproduce_command,
    train_command,
)
from pellucid.cli.shared import SETTINGS, add_command, console

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, rich_markup_mode=None
)
add_command(app, train_command.train, settings=SETTINGS, examples=train_command.EXAMPLES)
add_command(app, predict_command.predict, examples=predict_command.EXAMPLES)
add_command(
    app, gradcheck_command.gradcheck, settings=gradcheck_command.SETTINGS, examples=gradcheck_command.EXAMPLES
)
add_command(app, reproduce_command.reproduce, examples=reproduce_command.EXAMPLES)
add_command(
    app, compare_command.compare, settings=compare_command.SETTINGS, examples=compare_command.EXAMPLES
)
data_app = typer.Typer(help="Describe data sets.", no_args_is_help=True, rich_markup_mode=None)
add_command(data_app, describe_command.describe, examples=describe_command.EXAMPLES)
app.add_typer(data_app, name="data")


def _show_version(wanted: bool) -> None:
    if wanted:
        console.print(pl.__version__, highlight=False)
        raise typer.Exit


@app.callback(epilog="Start with: pellucid train digits --save net.safetensors")
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train and check small neural networks, and rerun published experiments."""
