"""`pellucid data describe`: print facts about a data set."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

import pellucid as pl
from pellucid.app.options import FILES, REQUIRED, Options, option
from pellucid.app.settings import folder_option
from pellucid.cli.shared import console

DatasetName = StrEnum("DatasetName", list(pl.DATASETS))  # type: ignore[misc]
EXAMPLES = "pellucid data describe digits --picture pictures"


@dataclass(frozen=True)
class DescribeOptions(Options):
    """Arguments and options of `pellucid data describe`."""

    dataset: DatasetName = option(
        REQUIRED, f"The data set: {', '.join(pl.DATASETS)}.", metavar="DATASET", is_argument=True
    )
    picture: Path | None = option(
        None, "Folder for a picture of labelled digits.", group=FILES, path="folder"
    )
    folder: Path | None = folder_option()


def describe(options: DescribeOptions) -> None:
    """Print the shapes, labels and pixel values of a data set.

    Constant pixels and outliers are listed too.
    """
    from pellucid.lab.description import show_description
    from pellucid.lab.pictures.figures import Grid, render

    name = options.dataset
    data = pl.load_dataset(name, folder=options.folder)
    show_description(pl.describe(data), console)
    if options.picture is not None:
        chosen = np.random.default_rng(0).choice(len(data.x_train), 25, replace=False)
        images = data.x_train[chosen].reshape(-1, *data.image_shape)
        titles = tuple(str(label) for label in data.y_train[chosen])
        paths = render(Grid(f"{name}-digits", f"{name}: labelled images", images, titles), options.picture)
        console.print(*paths, sep="\n", markup=False, highlight=False, soft_wrap=True)
