"""A confusion matrix as a table of counts, shaded by their share of the row. Matplotlib is not imported."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.lab.pictures.curve_panels import INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_matrix(ax: "Axes", counts: NDArray[Any], labels: Sequence[str]) -> None:
    """Draw the counts on the given axes: true classes down, predicted ones across."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # The square root tells one mistake in a hundred from none.
    ax.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
    for (i, j), count in np.ndenumerate(counts):
        color = "white" if shares[i, j] > 0.4 else INK if count else MUTED
        ax.text(j, i, str(count), ha="center", va="center", fontsize=7, color=color)
    ax.set_xticks(range(len(labels)), labels)
    ax.set_yticks(range(len(labels)), labels)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
