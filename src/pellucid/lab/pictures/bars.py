"""Groups of horizontal bars on a logarithmic scale, drawn on the axes they are given.

Matplotlib is not imported: `pellucid.lab.pictures.figures` makes the axes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pellucid.lab.pictures.curve_panels import COLORS, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Bar:
    """One bar: the series that gives its colour, its length, and the text at its end; None leaves a gap."""

    series: str
    value: float | None
    text: str


@dataclass(frozen=True)
class Group:
    """Bars under one label."""

    label: str
    bars: tuple[Bar, ...]


def series_of(groups: Sequence[Group]) -> list[str]:
    """Return the names of the series in the order of their first bars.

    Examples
    --------
    >>> series_of([Group("A", (Bar("ours", 1, ""),)), Group("B", (Bar("theirs", 2, ""), Bar("ours", 1, "")))])
    ['ours', 'theirs']
    """
    return list(dict.fromkeys(bar.series for group in groups for bar in group.bars))


def draw_bars(ax: "Axes", groups: Sequence[Group], x_label: str) -> None:
    """Draw the groups from the top down, with a line at 1."""
    series, y, ticks = series_of(groups), 0.0, []
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
    """Draw a bar that begins at 1, to the right where it is more, with its text behind it."""
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
