"""`pellucid data`: look at data sets."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import pellucid as pl
from pellucid.cli.shared import Folder, console

DatasetName = StrEnum("DatasetName", list(pl.DATASETS))  # type: ignore[misc]

data_app = typer.Typer(help="Look at data sets.", no_args_is_help=True)


@data_app.command(epilog="Example: pellucid data describe digits --picture pictures")
def describe(
    dataset: Annotated[DatasetName, typer.Argument(help="The data set.")],
    picture: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for a grid of labelled digits.")
    ] = None,
    folder: Folder = None,
) -> None:
    """Print shapes, memory, labels, pixel range, constant pixels and outliers; draw labelled digits."""
    from pellucid.lab.description import show_description
    from pellucid.lab.pictures.figures import Grid, render

    data = pl.load_dataset(dataset, folder=folder)
    show_description(pl.describe(data), console)
    if picture is not None:
        chosen = np.random.default_rng(0).choice(len(data.x_train), 25, replace=False)
        images = data.x_train[chosen].reshape(-1, *data.image_shape)
        titles = tuple(str(label) for label in data.y_train[chosen])
        paths = render(Grid(f"{dataset}-digits", f"{dataset}: labelled images", images, titles), picture)
        console.print(*paths, sep="\n", markup=False, highlight=False, soft_wrap=True)
