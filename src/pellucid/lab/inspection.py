"""A look into a trained network: confused classes, misclassified images, and the weights of its units.

`inspect` returns plain numbers for a run's file, and `inspection_plots` draws them. `digits` and `digit_grid`
do the same for labelled images.
"""

from typing import Any

import numpy as np

import pellucid as pl
from pellucid.backend import Array
from pellucid.lab.pictures.figures import Grid, Matrix

MISTAKES, UNITS = 15, 25


def digits(x: Array, y: Array) -> dict[str, Any]:
    """Return images and their labels as plain numbers."""
    return {"pixels": x.tolist(), "labels": y.tolist()}


def digit_grid(name: str, caption: str, found: dict[str, Any], *, before: str = "") -> Grid:
    """Return a picture of the images that `digits` returned; `before` is put before each label."""
    images = np.array(found["pixels"], np.uint8).reshape(-1, 28, 28)
    return Grid(name, caption, images, tuple(f"{before}{label}" for label in found["labels"]))


def inspect(net: pl.Network, x: Array, y: Array) -> dict[str, Any]:
    """Return the confusion matrix, the most confident mistakes, and the weights of the first units.

    The network returns the logits of 10 classes for images x (n, 784), uint8, with the labels y (n,).
    """
    outputs = net.predict(x)
    predicted = outputs.argmax(axis=1)
    # How far the logit of the predicted class lies above that of the right one.
    margins = outputs.max(axis=1) - outputs[np.arange(len(y)), y]
    wrong = np.flatnonzero(predicted != y)  # a margin of 0 may be a right answer or a tie
    wrong = wrong[np.argsort(-margins[wrong], kind="stable")[:MISTAKES]]
    first = next(layer for layer in net.layers if isinstance(layer, pl.Dense))
    return {
        "confusion": pl.confusion_matrix(y, predicted, n_classes=net.n_out).tolist(),
        "mistakes": digits(x[wrong], y[wrong]) | {"predicted": predicted[wrong].tolist()},
        "weights": np.round(first.W.T[:UNITS].astype(float), 4).tolist(),
    }


def inspection_plots(prefix: str, found: dict[str, Any], where: str) -> list[Grid | Matrix]:
    """Return the pictures of the numbers from `inspect`; `where` names the network and the rows."""
    mistakes = found["mistakes"]
    titles = tuple(
        f"{label} taken for {guess}"
        for label, guess in zip(mistakes["labels"], mistakes["predicted"], strict=True)
    )
    caption = (
        f"{where}: the most confident mistakes, where the wrong class lies farthest above the right one."
    )
    units = f"{where}: the weights from the 784 pixels to each of {len(found['weights'])} first-layer units."
    names = tuple(str(label) for label in range(len(found["confusion"])))
    return [
        Matrix(f"{prefix}-confusion", f"{where}: confusion matrix.", found["confusion"], names),
        *([Grid(f"{prefix}-mistakes", caption, _images(mistakes["pixels"]), titles)] if titles else []),
        Grid(
            f"{prefix}-weights",
            f"{units} Blue: ink there raises the unit's input; red: it lowers it.",
            _images(found["weights"]),
            tuple(f"unit {i + 1}" for i in range(len(found["weights"]))),
            signed=True,
        ),
    ]


def _images(rows: list[list[float]]) -> Array:
    return np.array(rows).reshape(-1, 28, 28)
