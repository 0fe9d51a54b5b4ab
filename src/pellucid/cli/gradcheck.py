"""`pellucid gradcheck`: the flags, those of a network and its rows being those of `pellucid train`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from pellucid.app.settings import TrainSettings, flag
from pellucid.cli.shared import Folder, check_counts, console, given
from pellucid.cli.train import as_in_train

USUAL = TrainSettings(source="digits")
#: What a saved network brings itself.
OF_NEW_NETWORKS = ("hidden", "activation", "init", "dropout", "loss", "label", "config")
#: What is no setting of a training.
OWN = ("rows", "directions", "model", "config")
EXAMPLES = """Examples:

pellucid gradcheck

pellucid gradcheck --hidden 30 --hidden 10 --activation tanh --dropout 0.2

pellucid gradcheck flowers.csv --label species --rows 50

pellucid gradcheck mnist --model net.safetensors"""


def check_flags_of_model(flags: Iterable[str]) -> None:
    """Raise if a flag is given beside --model that a saved network has settled."""
    for name in flags:
        if name in OF_NEW_NETWORKS:
            raise ValueError(f"{flag(name)} is for a new network, and --model brings its own: leave one out")


def gradcheck(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="Where the batch comes from: a data set or a CSV file.")
    ] = USUAL.source,
    rows: Annotated[int, typer.Option(help="Rows of the batch, drawn at random.")] = 20,
    directions: Annotated[int, typer.Option(help="Directions checked in each block of parameters.")] = 3,
    hidden: Annotated[list[int], as_in_train("hidden")] = list(USUAL.hidden),  # noqa: B006
    activation: Annotated[list[str], as_in_train("activation")] = list(USUAL.activation),  # noqa: B006
    init: Annotated[str, as_in_train("init")] = USUAL.init,
    dropout: Annotated[float, as_in_train("dropout")] = USUAL.dropout,
    loss: Annotated[str, as_in_train("loss")] = USUAL.loss,
    label_smoothing: Annotated[float, as_in_train("label_smoothing")] = USUAL.label_smoothing,
    seed: Annotated[int, typer.Option(help="Draws rows, weights, masks and directions.")] = USUAL.seed,
    label: Annotated[str | None, as_in_train("label")] = None,
    config: Annotated[Path | None, as_in_train("config")] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            show_default="a new network",
            help="A network that pellucid train --save has written, to check in the place of a new one.",
            rich_help_panel="Files",
        ),
    ] = None,
    folder: Folder = None,
) -> None:
    """Check backpropagation against differences of the loss, block by block; exit status 1 if one is wrong.

    The network is computed in float64, with dropout masks that stay.
    """
    from pellucid.app.config import merge
    from pellucid.app.gradcheck import check_gradient, new_problem, saved_problem
    from pellucid.app.gradcheck_screen import show_checks

    check_counts({"rows": rows, "directions": directions})
    flags = given(context)
    if model is not None:
        check_flags_of_model(flags)
    settings = merge(config, {name: flags[name] for name in flags if name not in OWN}, usual=USUAL)
    problem = new_problem(settings, rows) if model is None else saved_problem(model, settings, rows)
    checks = check_gradient(problem, directions)
    show_checks(problem, checks, console)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)
