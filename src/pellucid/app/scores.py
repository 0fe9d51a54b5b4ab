"""How well predictions agree with labels: precision, recall and F1 of each class, and the accuracy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

import pellucid as pl


@dataclass(frozen=True, eq=False)
class Scores:
    """Confusion matrix and metrics for one part of the rows.

    Examples
    --------
    >>> scores = Scores.of("test", ("no", "yes"), np.array([0, 1, 1, 1]), np.array([0, 1, 0, 1]))
    >>> scores.correct, scores.n_rows, scores.recall.round(2).tolist()
    (3, 4, [1.0, 0.67])
    """

    part: str  #: "test", "validation" or "training".
    classes: tuple[str, ...]
    confusion: np.ndarray  #: Shape (k, k): counts by true class (rows) and predicted class (columns).
    precision: np.ndarray  #: Shape (k,), like recall and F1.
    recall: np.ndarray
    f1: np.ndarray

    @classmethod
    def of(cls, part: str, classes: tuple[str, ...], y: np.ndarray, predicted: np.ndarray) -> "Scores":
        """Return the scores of predicted class numbers."""
        k = len(classes)
        ratios = [score(y, predicted, n_classes=k) for score in (pl.precision, pl.recall, pl.f1)]
        return cls(part, classes, pl.confusion_matrix(y, predicted, n_classes=k), *ratios)

    @property
    def n_rows(self) -> int:
        """Number of scored rows."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """Number of correct predictions."""
        return int(self.confusion.trace())

    def to_json(self) -> dict[str, Any]:
        """Return the scores as JSON values."""
        return {
            "rows": self.n_rows,
            "accuracy": self.correct / self.n_rows,
            "macro_f1": float(self.f1.mean()),
            **{name: getattr(self, name).tolist() for name in ("precision", "recall", "f1", "confusion")},
        }


def show_scores(scores: Scores, console: Console) -> None:
    """Print precision, recall and F1 of each class, and the accuracy."""
    table = Table("class", "precision", "recall", "F1", "rows")
    for k, name in enumerate(scores.classes):
        ratios = (f"{ratio[k]:.3f}" for ratio in (scores.precision, scores.recall, scores.f1))
        table.add_row(Text(name), *ratios, str(scores.confusion[k].sum()))
    console.print(table)
    console.print(
        f"{scores.part} accuracy {scores.correct / scores.n_rows:.2%} "
        f"({scores.correct} of {scores.n_rows}), macro F1 {scores.f1.mean():.4f}",
        highlight=False,
        soft_wrap=True,
    )
