"""Icons of layers for the block diagram.

Curves are drawn from the values that the layer's own `forward` returns. The icon of Dropout is
ten units, with the average number of dropped ones crossed out.

>>> from pellucid.layers import ReLU
>>> sample(ReLU(), np.array([[-1.0, 2.0]])).tolist()
[[0.0, 2.0]]
"""

from copy import copy

import numpy as np

from pellucid.backend import Array
from pellucid.drawing.svg import INK, LINE, MUTED, PAPER, Box, Font, Point, circle, line
from pellucid.layers import Activation, Dense, Dropout, Layer, Rescale, Softmax

LABEL, FORMULA = Font(size=9, fill=MUTED), Font(size=13)
BLUE, LARGEST = "#0072B2", 1e300


def draw_icon(layer: Layer, area: Box) -> list[str]:
    """Return the icon of one of the library's layers: a curve, bars, units, or the formula of Dense."""
    if isinstance(layer, Softmax):
        return _bars(layer, area)
    if isinstance(layer, Activation):
        return _curves(layer, area, -6, 6, n_columns=1)
    if isinstance(layer, Rescale):
        # Extend x until the flattest line has risen by 1, or the steepest one is about to overflow.
        slopes = np.abs(layer.scale)
        high = min(1 / float(slopes.min()), LARGEST / max(1, float(slopes.max())))
        return _curves(layer, area, 0, high, n_columns=max(np.size(layer.scale), np.size(layer.shift)))
    if isinstance(layer, Dense):
        return [FORMULA.draw(area.center, area.middle + 5, "y = x W + b", anchor="middle")]
    if isinstance(layer, Dropout):
        return _units(layer.drop_prob, area)
    return []


def draw_table(columns: int, area: Box) -> list[str]:
    """Return a table of three rows and `columns` columns: a batch."""
    side, left = 10, area.center - columns * 5
    cells = [
        Box(left + side * i, area.middle - 15 + side * j, side, side)
        for j in range(3)
        for i in range(columns)
    ]
    return [cell.draw(fill=PAPER, stroke=LINE, radius=0, name="cell") for cell in cells]


def sample(layer: Layer, x: Array) -> Array:
    """Return the layer's output for x in float64, computed with a copy of the layer."""
    twin = copy(layer)
    twin.in_place = False
    twin.connect(x.shape[1], dtype=np.dtype(np.float64), xp=np)
    return twin.forward(x, train=False)


def _curves(layer: Layer, area: Box, low: float, high: float, *, n_columns: int) -> list[str]:
    """Draw y for x in [low, high], one line for each of the first five columns, and the axes."""
    x = np.linspace(low, high, 61)
    y = np.clip(sample(layer, np.tile(x[:, None], n_columns))[:, :5], -LARGEST, LARGEST)
    bottom, top = min(float(y.min()), 0), max(float(y.max()), 0)
    height = min(area.height, 50)
    plot = Box(area.center - 40, area.middle - height / 2, 80, height)
    across = (plot.x + plot.width * (x - low) / (high - low)).tolist()
    down = (plot.bottom - plot.height * (y - bottom) / (top - bottom)).T.tolist()
    origin = plot.x - plot.width * low / (high - low), plot.bottom + plot.height * bottom / (top - bottom)
    curves = [
        line([*zip(across, column, strict=True)], stroke=BLUE, width=2, name="curve") for column in down
    ]
    return [*_axes(plot, origin, (high, bottom, top)), *curves]


def _axes(plot: Box, origin: Point, ends: tuple[float, float, float]) -> list[str]:
    """Draw both axes through the origin, labelled with the largest x, the smallest and the largest y."""
    (x, y), (high, bottom, top) = origin, ends
    drawn = [
        line([(plot.x, y), (plot.right, y)], stroke=LINE, width=1),
        line([(x, plot.y), (x, plot.bottom)], stroke=LINE, width=1),
        LABEL.draw(plot.right + 4, y + 3, _tick(high)),
    ]
    if y - plot.y >= 12:  # room for a label
        drawn.append(LABEL.draw(x - 4, plot.y + 7, _tick(top), anchor="end"))
    if plot.bottom - y >= 12:
        # If the vertical axis is in the middle, the curve passes to its lower left.
        place, anchor = (x - 4, "end") if x == plot.x else (x + 4, "start")
        drawn.append(LABEL.draw(place, plot.bottom, _tick(bottom), anchor=anchor))
    return drawn


def _tick(value: float) -> str:
    text = f"{value:.2g}" if abs(value) < 10 else f"{value:.3g}"
    return text if len(text) <= 5 else f"{value:.0e}"


def _bars(layer: Layer, area: Box) -> list[str]:
    """Draw the outputs for the inputs 0, 1, 2, 3 as bars."""
    heights = sample(layer, np.array([[0.0, 1.0, 2.0, 3.0]]))[0] * (area.height - 12)
    floor, left = area.bottom - 12, area.center - 48
    bars = [Box(left + 24 * i + 4, floor - h, 16, h) for i, h in enumerate(heights.tolist())]
    return [
        *(bar.draw(fill=BLUE, stroke=BLUE, radius=0, name="bar") for bar in bars),
        line([(left, floor), (left + 96, floor)], stroke=LINE, width=1),
        *(LABEL.draw(bar.center, area.bottom - 1, str(i), anchor="middle") for i, bar in enumerate(bars)),
    ]


def _units(drop_prob: float, area: Box) -> list[str]:
    """Draw ten units and cross out the average number of dropped ones, at least one if drop_prob > 0."""
    n_dropped = max(round(10 * drop_prob), int(drop_prob > 0))
    dropped = {(3 + 7 * i) % 10 for i in range(n_dropped)}
    places = [(area.center + 24 * (i % 5 - 2), area.middle + 24 * (i // 5) - 12) for i in range(10)]
    drawn = []
    for i, (x, y) in enumerate(places):
        if i not in dropped:
            drawn.append(circle(x, y, 7, fill=BLUE, stroke=BLUE))
            continue
        drawn.append(circle(x, y, 7, fill=PAPER, stroke=LINE))
        drawn += [line([(x - 8, y - 8 * up), (x + 8, y + 8 * up)], stroke=INK, width=1.6) for up in (1, -1)]
    return drawn
