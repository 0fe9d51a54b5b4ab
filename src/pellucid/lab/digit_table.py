"""The 42,000 labelled digits that reports A and B read from a CSV file.

Kaggle's table is read if the user has it. Otherwise the same number of rows is drawn from MNIST's 70,000
images, from which Kaggle's table was drawn too. Every result records its origin.
"""

from dataclasses import dataclass

import numpy as np

import pellucid as pl
from pellucid.backend import Array
from pellucid.data.unpack import MissingError

N_ROWS = 42_000
DATA_SETS = ("mnist", "kaggle-mnist")
FROM_TABLE = "The rows are those of the digit CSV."
FROM_MNIST = f"No digit CSV was found: {N_ROWS:,} rows are drawn from MNIST's 70,000 images."


@dataclass(frozen=True)
class DigitTable:
    """Labelled images in random order, and a sentence about where they come from.

    The images `x` are uint8 (42000, 784), the labels `y` int64 (42000,).
    """

    x: Array
    y: Array
    origin: str


def kaggle_table() -> pl.Dataset | None:
    """Return Kaggle's table, or None if the user does not have it."""
    try:
        return pl.load_dataset("kaggle-mnist")
    except MissingError:  # a damaged table stays an error
        return None


def shuffled_table(rng: np.random.Generator) -> DigitTable:
    """Return the rows in an order drawn from `rng`."""
    table = kaggle_table()
    if table is not None:
        order = rng.permutation(len(table.y_train))
        return DigitTable(table.x_train[order], table.y_train[order], FROM_TABLE)
    data = pl.load_dataset("mnist")
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    order = rng.permutation(len(y))[:N_ROWS]
    return DigitTable(x[order], y[order], FROM_MNIST)
