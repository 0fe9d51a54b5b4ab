"""A panel of curves: its data as plain numbers, and how to draw it on given axes.

The colours are those of Okabe and Ito; line styles and markers distinguish the curves without colour.
Matplotlib is not imported: `pellucid.lab.pictures.figures` makes the axes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.lab.learning_curves import Part

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED = "#1a1a1a", "#595959"
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
DASHES: dict[Part, Any] = {"train": "-", "validation": (0, (5, 1.6)), "test": (0, (1.2, 1.2))}
CYCLE: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (9, 2)))


@dataclass(frozen=True)
class Series:
    """A curve: `y` holds one sequence per seed, as long as `x`; `part` names the rows it was measured on.

    `dots` leaves the points unconnected, for values that jump. `dashed` lets an equal curve below show
    through.
    """

    label: str
    x: Sequence[float]
    y: Sequence[Sequence[float]]
    part: Part | None = None
    dots: bool = False
    dashed: bool = False

    def __post_init__(self) -> None:
        lengths = sorted({len(run) for run in self.y})
        if lengths != [len(self.x)]:
            raise ValueError(
                f"series {self.label!r}: each seed needs {len(self.x)} values like x, got {lengths}"
            )

    @property
    def name(self) -> str:
        """The label with its part, unless the label contains it."""
        return self.label if not self.part or self.part in self.label else f"{self.label} {self.part}".strip()


@dataclass(frozen=True)
class Panel:
    """A set of axes: curves, published points, and labelled `lines` (horizontal) and `marks` (vertical).

    `limits` are upper limits of the curves: (first x, last x, value).
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    published: tuple[tuple[float, float], ...] = ()
    lines: tuple[tuple[str, float], ...] = ()
    marks: tuple[tuple[str, float], ...] = ()
    limits: tuple[tuple[float, float, float], ...] = ()
    log_y: bool = False
    log_x: bool = False


def draw_panel(ax: "Axes", panel: Panel) -> None:
    """Draw a panel: bands from the smallest to the largest seed, and the mean as a line."""
    several = len({series.label for series in panel.series}) > 1
    labels = list(dict.fromkeys(series.label for series in panel.series))
    for index, series in enumerate(panel.series):
        _draw_series(ax, series, labels.index(series.label) if several else index, marked=several)
    if panel.published:
        x, y = zip(*panel.published, strict=True)
        size = 3.2 if len(x) <= 40 else 2.3
        ax.plot(x, y, "D", ms=size, mfc="none", mec=INK, mew=0.7, ls="none", label="published", zorder=4)
    if panel.limits:
        _draw_limits(ax, panel.limits)
    if panel.log_y:
        _scale_log(ax, [value for _, value in panel.lines])
    if panel.log_x:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
    ax.margins(x=0.01)
    ax.set(xlabel=panel.x_label, ylabel=panel.y_label)
    _draw_marks(ax, panel.marks)
    _draw_lines(ax, panel.lines)
    _title_and_legend(ax, panel.title)


def _draw_series(ax: "Axes", series: Series, index: int, *, marked: bool) -> None:
    """Draw one curve; `marked` adds markers for the labels, since the dashes stand for the parts."""
    runs, color = np.asarray(series.y, dtype=float), COLORS[index % len(COLORS)]
    if series.dots:
        ax.plot(
            series.x, runs.T, "o", color=color, ms=1.8, alpha=0.35, mew=0, label=series.name, rasterized=True
        )
        return
    if len(runs) > 1:
        ax.fill_between(series.x, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.2, lw=0)
    # Colours and markers repeat from the eighth curve on, which then needs other dashes.
    cycle = index // len(COLORS) if marked else index
    dashes = DASHES[series.part] if series.part else CYCLE[max(cycle, series.dashed) % len(CYCLE)]
    (line,) = ax.plot(series.x, runs.mean(axis=0), color=color, linestyle=dashes, label=series.name)
    if marked:
        every = max(1, len(series.x) // 7)
        line.set(marker=MARKERS[index % len(MARKERS)], markersize=3.6, markevery=(index * every // 5, every))


def _scale_log(ax: "Axes", lines: Sequence[float]) -> None:
    """Make y logarithmic, with plain numbers such as 20, and with room for the given lines."""
    ax.set_yscale("log", subs=[2, 3, 5, 7])
    ax.yaxis.set_major_formatter("{x:g}")
    low, high = min(*ax.get_ylim(), *lines), max(*ax.get_ylim(), *lines)
    if high < 100 * low:
        ax.yaxis.set_minor_formatter("{x:g}")


def _draw_lines(ax: "Axes", lines: Sequence[tuple[str, float]]) -> None:
    """Draw published values as horizontal lines with labels in the right margin."""
    for _, value in lines:
        ax.axhline(value, color=INK, lw=0.8, ls=(0, (2.5, 1.5)), zorder=1.6)
    if not lines:
        return
    ax.set_ylim(*ax.get_ylim())  # the positions of the labels depend on these limits
    x = ax.get_xlim()[0]
    heights = ax.transAxes.inverted().transform(ax.transData.transform([(x, value) for _, value in lines]))
    at = [float(height) for _, height in heights]
    for (label, _), y, text_y in zip(lines, at, _spread(at, 0.085), strict=True):
        ax.annotate(
            label, (1, y), (1.04, text_y), "axes fraction", "axes fraction", va="center", fontsize=7.5,
            arrowprops={
                "arrowstyle": "-", "color": INK, "lw": 0.6, "shrinkA": 0, "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )  # fmt: skip


def _spread(places: Sequence[float], gap: float) -> list[float]:
    """Move heights apart until neighbours differ by `gap`, keeping each near its own place."""
    order = np.argsort(places)
    moved = np.array(places, dtype=float)[order]
    for _ in range(50):
        overlap = np.maximum(0, gap - np.diff(moved)) / 2
        moved[:-1] -= overlap
        moved[1:] += overlap
    moved -= max(0.0, moved[-1] - 0.98)  # keep clear of the legend
    result = np.empty_like(moved)
    result[order] = moved
    return [float(place) for place in result]


def _draw_limits(ax: "Axes", limits: Sequence[tuple[float, float, float]]) -> None:
    """Draw each limit as a line over its part of x, and label the first."""
    starts, ends, values = zip(*limits, strict=True)
    ax.hlines(values, starts, ends, color=INK, lw=1.2)
    ax.annotate(
        "largest allowed", (starts[0], values[0]), (2, -3), textcoords="offset points", va="top", fontsize=7.5
    )


def _draw_marks(ax: "Axes", marks: Sequence[tuple[str, float]]) -> None:
    """Draw vertical lines, labelled at the top or the bottom, away from the ends of the curves."""
    low, high = ax.get_ylim()
    ends = [float(np.asarray(line.get_ydata())[-1]) for line in ax.get_lines()]
    y, anchor, shift = (0, "bottom", 3) if ends and np.mean(ends) > (low + high) / 2 else (1, "top", -2)
    for label, value in marks:
        ax.axvline(value, color=MUTED, lw=0.8, ls=(0, (1, 1.5)), zorder=1)
        ax.annotate(
            label, (value, y), (3, shift), ("data", "axes fraction"), "offset points", va=anchor, fontsize=7,
            color=MUTED,
        )  # fmt: skip


def _title_and_legend(ax: "Axes", title: str) -> None:
    """Put the legend between title and axes, so that it covers no data."""
    handles, labels = ax.get_legend_handles_labels()
    longest = max(map(len, labels), default=0)
    columns = 1 if longest > 32 else 2 if longest > 16 or len(labels) == 4 else 3
    rows = -(-len(labels) // columns) if len(labels) > 1 else 0
    if rows:
        ax.legend(
            handles, labels, loc="lower left", bbox_to_anchor=(-0.01, 0.995), ncols=columns, borderaxespad=0,
            handlelength=2.4, columnspacing=1.2, handletextpad=0.5, labelspacing=0.25,
        )  # fmt: skip
    ax.set_title(title, pad=6 + 11 * rows)
