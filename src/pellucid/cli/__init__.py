"""The command line: parses, calls, prints. `pellucid --help` lists the commands."""

from typing import Annotated

import typer

import pellucid as pl
from pellucid.cli.compare import EXAMPLES as COMPARE_EXAMPLES
from pellucid.cli.compare import compare
from pellucid.cli.data import data_app
from pellucid.cli.gradcheck import EXAMPLES as GRADCHECK_EXAMPLES
from pellucid.cli.gradcheck import gradcheck
from pellucid.cli.predict import EXAMPLES as PREDICT_EXAMPLES
from pellucid.cli.predict import predict
from pellucid.cli.reproduce import reproduce
from pellucid.cli.shared import console
from pellucid.cli.train import EXAMPLES as TRAIN_EXAMPLES
from pellucid.cli.train import train

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
app.command(epilog=TRAIN_EXAMPLES)(train)
app.command(epilog=PREDICT_EXAMPLES)(predict)
app.command(epilog=GRADCHECK_EXAMPLES)(gradcheck)
app.command()(reproduce)
app.command(epilog=COMPARE_EXAMPLES)(compare)
app.add_typer(data_app, name="data")


def _show_version(wanted: bool) -> None:
    if wanted:
        console.print(pl.__version__, highlight=False)
        raise typer.Exit


@app.callback(epilog="Begin with: pellucid train digits --save net.safetensors")
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train and check small neural networks, and rerun published experiments."""
