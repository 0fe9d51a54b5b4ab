"""Predict classes and probabilities with a saved model, and write them as CSV."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid.app.inputs import Inputs
from pellucid.app.model_notes import ModelNotes

#: Rows formatted as CSV at once.
BLOCK_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Predictions:
    r"""The probability of each class for each row.

    Examples
    --------
    >>> inputs = Inputs(np.zeros((1, 2)), "file", ["a.png"])
    >>> list(Predictions(inputs, ("no", "yes"), np.array([[0.25, 0.75]])).lines())
    ['file,label,p_no,p_yes\n', 'a.png,yes,0.250000,0.750000\n']
    """

    inputs: Inputs
    classes: tuple[str, ...]
    probabilities: NDArray[np.floating]  #: Shape (n, k).

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class number of each row."""
        return self.probabilities.argmax(axis=1)  # type: ignore[no-any-return]

    @property
    def correct(self) -> int | None:
        """The number of rows predicted correctly; None if their labels are not known."""
        return None if self.inputs.y is None else int((self.predicted == self.inputs.y).sum())

    def lines(self) -> Iterator[str]:
        """Yield the text of a CSV file: the header, then blocks of rows."""
        yield _as_csv([[self.inputs.heading, "label", *(f"p_{name}" for name in self.classes)]])
        for start in range(0, len(self.probabilities), BLOCK_ROWS):
            stop = min(start + BLOCK_ROWS, len(self.probabilities))
            yield _as_csv([self._row(i) for i in range(start, stop)])

    def _row(self, i: int) -> list[object]:
        probabilities = self.probabilities[i]
        label = self.classes[int(probabilities.argmax())]
        return [self.inputs.names[i], label, *(f"{p:.6f}" for p in probabilities)]


def load_model(path: str | PathLike[str]) -> tuple[pl.Network, ModelNotes]:
    """Load a model that `pellucid train` saved; raise unless its notes fit its network."""
    if not Path(path).is_file():
        raise ValueError(f"there is no model {path}: pellucid train digits --save {path} makes one")
    net = pl.Network.load(path)
    notes = ModelNotes.from_json(net.notes, path)
    wanted_outputs = (len(notes.classes), 1) if len(notes.classes) == 2 else (len(notes.classes),)
    pixels = net.n_in if notes.image_shape is None else notes.image_shape[0] * notes.image_shape[1]
    if net.n_out not in wanted_outputs or not net.n_in == len(notes.features) == pixels:
        raise ValueError(
            f"{path}: its notes do not fit its network: {len(notes.features)} features and "
            f"{len(notes.classes)} classes, but the network has {net.n_in} inputs and {net.n_out} outputs"
        )
    if not np.isfinite([net.theta.min(initial=0), net.theta.max(initial=0)]).all():  # both propagate NaN
        raise ValueError(
            f"{path}: some of its weights are not finite numbers, so it cannot predict: train it again"
        )
    return net, notes


def predict(net: pl.Network, notes: ModelNotes, inputs: Inputs) -> Predictions:
    """Return the model's predictions for rows."""
    return Predictions(inputs, notes.classes, probabilities(net.predict(inputs.x), notes.loss))


def probabilities(outputs: NDArray[np.floating], loss: str) -> NDArray[np.floating]:
    """Return the probability of each class from a network's outputs, shape (n, k) or (n, 1).

    `loss` is the training loss. With the softmax cross-entropy, the probabilities in a row add up to 1. With
    the other losses, each output is an independent yes-or-no decision: one per class, or a single one for
    two classes.

    Examples
    --------
    >>> probabilities(np.array([[0.0, 0.0]]), "softmax-cross-entropy").tolist()
    [[0.5, 0.5]]
    >>> probabilities(np.array([[0.9]]), "mean-squared-error").round(6).tolist()
    [[0.1, 0.9]]
    """
    if loss == "softmax-cross-entropy":
        shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]
    yes = outputs
    if loss == "sigmoid-cross-entropy":
        e = np.exp(-np.abs(outputs))  # never above 1
        yes = np.where(outputs >= 0, 1, e) / (1 + e)
    return np.hstack([1 - yes, yes]) if yes.shape[1] == 1 else yes


def _as_csv(rows: list[list[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
