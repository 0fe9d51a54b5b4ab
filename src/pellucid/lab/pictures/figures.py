"""Figures of the laboratory, drawn from plain data. Only this module imports Matplotlib.

A figure is a `Plot` (panels of curves), a `Grid` (images), a `Matrix` (counts), `Bars`, `Intervals` (made
from rows of the ledger by `interval_chart`) or a `Drawing` (finished SVG). `render` writes it; the same data
give the same bytes.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from pellucid.files.whole import write_whole
from pellucid.lab.pictures.charts import BarGroup, draw_bars, draw_intervals, draw_matrix
from pellucid.lab.pictures.curve_panels import INK, MUTED, Panel, draw_panel
from pellucid.lab.rows import JsonRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WARNING = "#a33c00"
_GRAY = {"cmap": "gray_r"}
WIDTH = 7.4  # inches: two columns of a journal
TITLE_HEIGHT = 0.25
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so the layout is the same everywhere
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.formatter.useoffset": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.4,
    "text.color": INK,
    "svg.fonttype": "none",
}


@dataclass(frozen=True)
class _Named:
    """What all figures have: the name of their files, and a caption."""

    name: str
    caption: str

    def __post_init__(self) -> None:
        check_name(self.name)


@dataclass(frozen=True)
class Plot(_Named):
    """Panels side by side, `columns` in each row, below an optional title."""

    panels: tuple[Panel, ...]
    columns: int = 2
    title: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.panels:
            raise ValueError(f"plot {self.name!r} has no panels: give at least one")

    def draw(self) -> "Figure":
        """Draw the panels."""
        columns = min(self.columns, len(self.panels))
        rows = -(-len(self.panels) // columns)
        size = {1: (5.6, 3.3), 2: (WIDTH, 2.75)}.get(columns, (WIDTH * 1.3, 2.75))
        figure = _figure(size[0], size[1] * rows + bool(self.title) * TITLE_HEIGHT)
        if self.title:
            _entitle(figure, self.title)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, panel in zip(axes, self.panels, strict=False):
            draw_panel(ax, panel)
        for ax in axes[len(self.panels) :]:
            ax.remove()
        return figure


@dataclass(frozen=True)
class Grid(_Named):
    """Images (n, height, width), each below its title; large values are dark.

    `signed` images, such as weights, are blue above 0 and red below, all on one scale.
    """

    images: Any
    titles: tuple[str, ...]
    columns: int = 5
    signed: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        shape = np.shape(self.images)
        if len(shape) != 3 or shape[0] != len(self.titles):
            raise ValueError(
                f"grid {self.name!r} needs {len(self.titles)} images (n, h, w), got shape {shape}"
            )

    def draw(self) -> "Figure":
        """Draw the images."""
        rows = -(-len(self.titles) // self.columns)
        figure = _figure(1.12 * self.columns, 1.32 * rows)
        axes = figure.subplots(rows, self.columns, squeeze=False).ravel()
        for ax in axes:
            ax.set_axis_off()
        reach = float(np.abs(self.images).max()) or 1.0
        look: dict[str, Any] = {"cmap": "RdBu", "vmin": -reach, "vmax": reach} if self.signed else _GRAY
        for ax, image, title in zip(axes, self.images, self.titles, strict=False):
            ax.imshow(np.asarray(image), interpolation="nearest", **look)
            ax.set_title(title, loc="center", fontweight="normal", pad=3)
        return figure


@dataclass(frozen=True)
class Matrix(_Named):
    """A confusion matrix: `counts[i][j]` rows of class i were predicted as class j."""

    counts: Sequence[Sequence[int]]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        shape, n = np.shape(self.counts), len(self.labels)
        if shape != (n, n):
            raise ValueError(f"matrix {self.name!r} needs counts of shape {(n, n)}, got shape {shape}")

    def draw(self) -> "Figure":
        """Draw the counts."""
        side = 0.38 * len(self.labels) + 1.0
        figure = _figure(side + 0.3, side)
        draw_matrix(figure.subplots(), np.asarray(self.counts), self.labels)
        return figure


@dataclass(frozen=True)
class Intervals(_Named):
    """Intervals of the reruns beside the published figures, in half-widths of each interval."""

    title: str
    rows: tuple[JsonRow, ...]

    def draw(self) -> "Figure":
        """Draw one line for each row."""
        figure = _figure(WIDTH, 0.29 * len(self.rows) + 1.2)
        _entitle(figure, self.title)
        draw_intervals(figure.subplots(), self.rows)
        return figure


@dataclass(frozen=True)
class Bars(_Named):
    """Groups of bars, drawn from 1 to their values on a logarithmic scale."""

    x_label: str
    groups: tuple[BarGroup, ...]

    def draw(self) -> "Figure":
        """Draw the groups from top to bottom."""
        n_lines = sum(len(group.bars) + 0.8 for group in self.groups)
        figure = _figure(WIDTH, 0.15 * n_lines + 1.0)
        draw_bars(figure.subplots(), self.groups, self.x_label)
        return figure


@dataclass(frozen=True)
class Drawing(_Named):
    """A picture that is SVG already, for example from `Network.diagram`."""

    svg: str


#: The figures that a report may return.
Picture: TypeAlias = Plot | Grid | Matrix | Bars | Drawing


def interval_chart(rows: Sequence[JsonRow], name: str, title: str) -> Intervals:
    """Return the chart of the rows (as in `ledger.json`) that have an interval and a published figure."""
    judged = [row for row in rows if row["published"] is not None and row["low"] is not None]
    if not judged:
        raise ValueError(f"chart {name!r}: none of {len(rows)} rows has an interval and a published figure")
    caption = (
        "Each bar is the interval in which one more run should fall, and its dot is the mean of the seeds. "
        "The diamond at 0 is the published figure: a bar that reaches it contains the figure. One unit is "
        "half the length of the bar, so that rows of any unit can be compared. An arrow stands for a bar "
        "outside the chart."
    )
    return Intervals(name, caption, title, tuple(judged))


def render(plot: Picture | Intervals, folder: Path | str, *, notice: str | None = None) -> list[Path]:
    """Write `<name>.png` (150 dpi) and `<name>.svg` into `folder`; the same data give the same bytes.

    A notice, for example of a smoke run, is printed below the figure. A drawing shows no result, so it has no
    notice; it is written as SVG only.
    """
    content = {"svg": plot.svg.encode()} if isinstance(plot, Drawing) else _drawn(plot, notice)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for kind, data in content.items():
        write_whole(Path(folder) / f"{plot.name}.{kind}", [data])
    return [Path(folder) / f"{plot.name}.{kind}" for kind in content]


def _drawn(plot: Plot | Grid | Matrix | Bars | Intervals, notice: str | None) -> dict[str, bytes]:
    """Return the PNG and the SVG of a figure."""
    with _style(plot.name):
        figure = plot.draw()
        if notice:
            figure.supxlabel(notice, color=WARNING, fontsize=9, fontweight="bold")
        png, svg = _saved(figure, "png"), _saved(figure, "svg")
    # Verdana is as wide as DejaVu Sans, so the text keeps its place on machines without DejaVu Sans.
    return {"png": png, "svg": svg.replace(b"'DejaVu Sans'", b"'DejaVu Sans', Verdana, sans-serif")}


def check_name(name: str) -> str:
    """Return the name of a figure if it is a valid file name: lower case, digits, hyphens, underscores."""
    if not re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*", name):
        raise ValueError(
            "the name of a figure must be lower-case letters and digits joined by - or _ (c-trace), got "
            f"{name!r}"
        )
    return name


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure((width, height), layout="constrained")


def _entitle(figure: "Figure", title: str) -> None:
    figure.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold")


def _saved(figure: "Figure", kind: Literal["png", "svg"]) -> bytes:
    buffer = BytesIO()
    figure.savefig(
        buffer, format=kind, dpi=150, metadata={"Software": None} if kind == "png" else {"Date": None}
    )
    return buffer.getvalue()


@contextmanager
def _style(salt: str) -> Iterator[None]:
    """Set the style while drawing; `salt` fixes the ids in the SVG."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()  # a reader's own matplotlibrc must not change the bytes
        mpl.rcParams.update(STYLE)
        mpl.rcParams["svg.hashsalt"] = salt
        yield
