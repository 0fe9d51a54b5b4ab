import re

import numpy as np
import pytest

import pellucid as pl
from pellucid.drawing.icons import draw_icon, draw_table, sample
from pellucid.drawing.svg import Box

AREA = Box(10, 20, 160, 60)


def curves(layer):
    """Return the points of each curve."""
    found = re.findall(r'class="curve" points="([^"]+)"', "".join(draw_icon(layer, AREA)))
    return [np.array([[float(x) for x in point.split(",")] for point in points.split()]) for points in found]


@pytest.mark.parametrize(
    ("layer", "y"),
    [
        (pl.ReLU(), {-6: 0, 0: 0, 6: 1}),
        (pl.LeakyReLU(0.5), {-6: -0.5, 0: 0, 6: 1}),
        (pl.Identity(), {-6: -1, 3: 0.5}),
        (pl.Tanh(), {-6: -1, 0: 0, 6: 1}),
        (pl.Sigmoid(), {-6: 0.0025, 0: 0.5, 6: 1}),
        (pl.Rescale(0.1), {0: 0, 5: 0.5, 10: 1}),
        (pl.Rescale(-0.1), {0: 0, 5: -0.5, 10: -1}),
    ],
    ids=repr,
)
def test_a_curve_goes_where_the_function_goes(layer, y):
    """Heights as parts of the largest |y|, from the icon's own scale."""
    (curve,) = curves(layer)
    low, high = (0, 10) if isinstance(layer, pl.Rescale) else (-6, 6)
    x = low + (high - low) * (curve[:, 0] - curve[0, 0]) / (curve[-1, 0] - curve[0, 0])
    up = -curve[:, 1]
    places = {key: up[np.argmin(abs(x - key))] for key in y}
    (x0, y0), *_, (x1, y1) = y.items()
    scale = (places[x1] - places[x0]) / (y1 - y0)
    assert 20 <= scale <= 60
    for key, value in y.items():
        assert places[key] - places[x0] == pytest.approx((value - y0) * scale, abs=0.5)


def test_the_bars_of_softmax_are_its_parts_of_one():
    drawn = "".join(draw_icon(pl.Softmax(), AREA))
    bars = re.findall(r'class="bar" x="[\d.]+" y="([\d.]+)" width="16" height="([\d.]+)"', drawn)
    heights = [float(height) for _, height in bars]
    assert [float(y) + float(height) for y, height in bars] == pytest.approx([AREA.bottom - 12] * 4, abs=0.15)
    assert heights[3] / heights[2] == pytest.approx(np.e, rel=0.02)
    assert sum(heights) == pytest.approx(AREA.height - 12, abs=0.2)


@pytest.mark.parametrize(
    ("drop_prob", "n_crossed"), [(0, 0), (0.01, 1), (0.1, 1), (0.5, 5), (0.75, 8), (0.99, 10)]
)
def test_as_many_units_are_crossed_out_as_are_dropped(drop_prob, n_crossed):
    drawn = "".join(draw_icon(pl.Dropout(drop_prob), AREA))
    assert drawn.count("<circle") == 10
    assert drawn.count("<polyline") == 2 * n_crossed
    assert drawn.count('fill="#ffffff"') == n_crossed


def test_columns_that_are_rescaled_differently_have_lines_of_their_own():
    assert len(curves(pl.Rescale([1, 2, 3]))) == 3
    assert len(curves(pl.Rescale(1, np.arange(100)))) == 5
    first, second = curves(pl.Rescale([1, 2]))
    assert first[0, 1] == second[0, 1]
    assert first[-1, 1] > second[-1, 1]


def test_sampling_leaves_a_network_as_it_was():
    net = pl.Network([pl.Dense(3), pl.Tanh(), pl.Dropout(0.5)]).build(4, rng=np.random.default_rng(0))
    y = net.forward(np.ones((2, 4), np.float32))
    before = y.copy()
    tanh = net.layers[1]
    assert sample(tanh, np.array([[0.5, -0.5]])) == pytest.approx(np.array([[0.4621172, -0.4621172]]))
    assert tanh.in_place and tanh.n_in == 3 and tanh.dtype == np.float32
    net.diagram()
    assert (y == before).all()
    net.backward(np.ones_like(y))


def test_a_batch_is_a_table_and_other_layers_have_no_icon():
    assert len(draw_table(8, AREA)) == 24
    assert draw_icon(pl.Layer(), AREA) == []


@pytest.mark.parametrize(
    ("layer", "ticks"),
    [
        (pl.Tanh(), ["6", "1", "-1"]),
        (pl.Sigmoid(), ["6", "1"]),
        (pl.LeakyReLU(), ["6", "6"]),
        (pl.Rescale(1 / 255), ["255", "1"]),
        (pl.Rescale(1, -2.5), ["1", "-2.5"]),
        (pl.Rescale(1e-9), ["1e+09", "1"]),
    ],
    ids=repr,
)
def test_the_axes_end_at_what_is_written_there(layer, ticks):
    assert re.findall(r">([^<>]+)</text>", "".join(draw_icon(layer, AREA))) == ticks
