"""The chart of published figures against the intervals of their reruns, drawn on the axes it is given.

Matplotlib is not imported: `pellucid.lab.pictures.figures` makes the axes. Each row is measured in
half-widths of its own interval from the published figure, so rows of any unit compare.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pellucid.lab.pictures.curve_panels import COLORS, INK, MUTED
from pellucid.lab.rows import JsonRow, cells

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REACH = 4.5  # half-widths shown to each side of the published value
LOOKS: dict[str, dict[str, Any]] = {
    "reproduced": {"color": COLORS[0], "marker": "o", "ms": 4.5},
    "not reproduced": {"color": COLORS[1], "marker": "X", "ms": 6.5, "mew": 0.4},
    "undetermined": {"color": MUTED, "marker": "o", "ms": 4.5, "mfc": "white"},
}


def draw_intervals(ax: "Axes", rows: Sequence[JsonRow]) -> None:
    """Draw the rows from the top down, their numbers in the right margin."""
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
    """Draw one row; a bar that reaches beyond the axes becomes an arrow."""
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
    """Write two columns to the right of the axes, at fixed distances."""
    for text, points, align in ((published, 50, "right"), (interval, 60, "left")):
        ax.annotate(
            text, (1, y), (points, 0), ax.get_yaxis_transform(), "offset points", ha=align, va="center",
            fontsize=7.5, color=color, annotation_clip=False,
        )  # fmt: skip


def _label(row: JsonRow) -> str:
    """Name a row in one line, or two where it has a reading or is not as published."""
    variant = None if row["variant"] == "as published" else row["variant"]
    lines = [f"{row['report']} · {row['figure']}", ", ".join(filter(None, (variant, row["reading"])))]
    return "\n".join(line if len(line) <= 46 else line[:45] + "…" for line in lines if line)


def _draw_legend(ax: "Axes", verdicts: set[str]) -> None:
    """Explain the shapes that occur."""
    ax.plot([], [], "D", mfc="#ffe39a", mec=INK, mew=0.8, ms=7, label="published")
    for verdict, look in LOOKS.items():
        if verdict in verdicts:
            ax.plot([], [], **look, lw=1.6, label=verdict)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderaxespad=0.3, columnspacing=1.3)
