import numpy as np
import pytest
from matplotlib.figure import Figure

from pellucid.lab.pictures.curve_panels import Panel, Series, _spread, draw_panel


def drawn(*series, **settings):
    ax = Figure().subplots()
    draw_panel(ax, Panel("Loss", "epoch", "nats", series, **settings))
    return ax


def test_several_seeds_are_a_band_with_their_mean():
    ax = drawn(Series("rerun", [1, 2], [[1, 4], [2, 5], [6, 9]]))
    assert list(ax.get_lines()[0].get_ydata()) == [3, 6]
    (band,) = ax.collections
    corners = band.get_paths()[0].vertices
    assert {(x, y) for x, y in corners} >= {(1, 1), (1, 6), (2, 4), (2, 9)}
    assert not drawn(Series("rerun", [1, 2], [[1, 4]])).collections


def test_published_points_and_values_are_marked():
    ax = drawn(
        Series("rerun", [1, 2], [[1, 4]]),
        published=((1, 1.5), (2, 3.5)),
        lines=(("published 2.5", 2.5),),
        marks=(("flat", 1.5),),
    )
    points = next(line for line in ax.get_lines() if line.get_label() == "published")
    assert (list(points.get_xdata()), list(points.get_ydata())) == ([1, 2], [1.5, 3.5])
    assert points.get_marker() == "D"
    assert any(list(line.get_ydata()) == [2.5, 2.5] for line in ax.get_lines())
    assert {"published 2.5", "flat"} <= {text.get_text() for text in ax.texts}


def test_parts_differ_in_dash_and_labels_in_marker_so_that_print_tells_them_apart():
    parts = [Series("LeCun", [1, 2], [[1, 2]], "train"), Series("LeCun", [1, 2], [[2, 3]], "test")]
    one, two = drawn(*parts).get_lines()
    assert one.get_linestyle() != two.get_linestyle()
    assert one.get_color() != two.get_color()
    lines = drawn(*parts, Series("He", [1, 2], [[2, 3]], "train")).get_lines()
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color()
    assert lines[0].get_marker() == lines[1].get_marker() != lines[2].get_marker()


def test_the_legend_names_the_part_once():
    ax = drawn(Series("LeCun", [1], [[1]], "train"), Series("test loss", [1], [[1]], "test"))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["LeCun train", "test loss"]
    assert drawn(Series("alone", [1], [[1]])).get_legend() is None


def test_a_log_axis_is_labelled_with_plain_numbers():
    ax = drawn(Series("error", [1, 2, 3], [[40, 20, 6]]), log_y=True)
    labels = {text.get_text() for text in ax.get_yticklabels(which="both")}
    assert {"10", "20"} <= labels


def test_labels_are_moved_apart_in_their_order_and_stay_beside_the_axes():
    moved = _spread([0.97, 0.96, 0.2], 0.1)
    assert moved[0] - moved[1] == pytest.approx(0.1, abs=1e-6)
    assert max(moved) <= 0.98
    assert np.argsort(moved).tolist() == [2, 1, 0]
    assert _spread([0.1, 0.9], 0.1) == pytest.approx([0.1, 0.9])
