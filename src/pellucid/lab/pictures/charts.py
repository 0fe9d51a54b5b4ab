"""Charts of bars, intervals and confusion matrices, drawn on given axes.

Matplotlib is not imported: `pellucid.lab.pictures.figures` makes the axes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.lab.pictures.curve_panels import COLORS, INK, MUTED
from pellucid.lab.rows import JsonRow, cells

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Half-widths shown on each side of the published value.
REACH = 4.5
LOOKS: dict[str, dict[str, Any]] = {
    "reproduced": {"color": COLORS[0], "marker": "o", "ms": 4.5},
    "not reproduced": {"color": COLORS[1], "marker": "X", "ms": 6.5, "mew": 0.4},
    "undetermined": {"color": MUTED, "marker": "o", "ms": 4.5, "mfc": "white"},
}


@dataclass(frozen=True)
class Bar:
    """One bar: its series, which sets the colour, its value (None leaves a gap), and the text at its end."""

    series: str
    value: float | None
    text: str


@dataclass(frozen=True)
class BarGroup:
    """Bars under one label."""

    label: str
    bars: tuple[Bar, ...]


def draw_bars(ax: "Axes", groups: Sequence[BarGroup], x_label: str) -> None:
    """Draw the groups from top to bottom, with a line at 1; series are in the order of their first bars."""
    series = list(dict.fromkeys(bar.series for group in groups for bar in group.bars))
    y, ticks = 0.0, []
    for group in groups:
        ticks.append(y + (len(group.bars) - 1) / 2)
        for bar in group.bars:
            _draw_bar(ax, y, bar, COLORS[series.index(bar.series) % len(COLORS)])
            y += 1
        y += 0.8
    ax.axvline(1, color=INK, lw=0.8)
    _label_axes(ax, ticks, [group.label for group in groups], x_label)
    ax.set_ylim(y - 0.9, -0.9)
    for name in series:
        ax.barh([0], [0], color=COLORS[series.index(name) % len(COLORS)], label=name)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.01, 1), ncols=min(4, len(series)), handlelength=1.2)


def _draw_bar(ax: "Axes", y: float, bar: Bar, color: str) -> None:
    """Draw a bar from 1 to its value, followed by its text."""
    value = 1.0 if bar.value is None else bar.value
    ax.plot([1, value], [y, y], color=color, lw=6, solid_capstyle="butt")
    ax.plot(value, y, "o", color=color, ms=4 if bar.value is not None else 0)
    ax.annotate(
        bar.text, (max(value, 1.0), y), (6, 0), "data", "offset points", va="center", fontsize=7, color=INK
    )


def _label_axes(ax: "Axes", ticks: Sequence[float], labels: Sequence[str], x_label: str) -> None:
    ax.set_xscale("log", subs=[2, 3, 5, 7])
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("{x:g}")
    ax.margins(x=0.2)
    ax.set_yticks(ticks, labels, color=INK)
    ax.set_xlabel(x_label)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)


def draw_intervals(ax: "Axes", rows: Sequence[JsonRow]) -> None:
    """Draw the rows from top to bottom, with their numbers in the right margin.

    The unit is half the width of each row's own interval, so rows of any unit can be compared.
    """
    ax.axvline(0, color=INK, lw=0.8, zorder=1)
    for y, row in enumerate(rows):
        _draw_interval(ax, y, row)
        text = cells(row)
        _draw_numbers(ax, y, text["published"], text["interval"], INK)
    _draw_numbers(ax, -0.95, "published", "interval", MUTED)
    ax.set_yticks(range(len(rows)), [_label(row) for row in rows], color=INK, linespacing=1.1)
    ax.set(xlim=(-REACH - 0.3, REACH + 0.3), ylim=(len(rows) - 0.4, -0.6))
    ax.set_xlabel("measured − published, in half-widths of the interval")
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    _draw_legend(ax, {row["verdict"] for row in rows})


def _draw_interval(ax: "Axes", y: int, row: JsonRow) -> None:
    """Draw one row; an arrow replaces a bar that lies outside the axes."""
    half = (row["high"] - row["low"]) / 2 or 1.0
    center = (row["mean"] - row["published"]) / half
    look = LOOKS[row["verdict"]]
    color = look["color"]
    if abs(center) + 1 > REACH:
        tip = REACH if center > 0 else -REACH
        center = 0.8 * tip
        ax.plot([center, tip], [y, y], color=color, lw=1.6)
        ax.plot(tip, y, ">" if tip > 0 else "<", color=color, ms=6)
    else:
        ax.plot([center - 1, center + 1], [y, y], "|-", color=color, lw=1.6, ms=6, mew=1.2)
    ax.plot(0, y, "D", mfc="#ffe39a", mec=INK, mew=0.8, ms=7, zorder=3)
    ax.plot(center, y, **look, zorder=4)


def _draw_numbers(ax: "Axes", y: float, published: str, interval: str, color: str) -> None:
    """Write two columns to the right of the axes."""
    for text, points, align in ((published, 50, "right"), (interval, 60, "left")):
        ax.annotate(
            text, (1, y), (points, 0), ax.get_yaxis_transform(), "offset points", ha=align, va="center",
            fontsize=7.5, color=color, annotation_clip=False,
        )  # fmt: skip


def _label(row: JsonRow) -> str:
    """Return the label of a row: one line, or two for a reading or a variant."""
    variant = None if row["variant"] == "as published" else row["variant"]
    lines = [f"{row['report']} · {row['figure']}", ", ".join(filter(None, (variant, row["reading"])))]
    return "\n".join(line if len(line) <= 46 else line[:45] + "…" for line in lines if line)


def _draw_legend(ax: "Axes", verdicts: set[str]) -> None:
    """Add a legend of the markers that occur."""
    ax.plot([], [], "D", mfc="#ffe39a", mec=INK, mew=0.8, ms=7, label="published")
    for verdict, look in LOOKS.items():
        if verdict in verdicts:
            ax.plot([], [], **look, lw=1.6, label=verdict)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderaxespad=0.3, columnspacing=1.3)


def draw_matrix(ax: "Axes", counts: NDArray[Any], labels: Sequence[str]) -> None:
    """Draw a confusion matrix: true classes in rows, predicted classes in columns."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # The square root makes one mistake in a hundred visible.
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
