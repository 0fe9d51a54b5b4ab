"""Groups of bars as they are drawn."""

from xml.etree import ElementTree

import pytest

from pellucid.lab.pictures.charts import Bar, BarGroup
from pellucid.lab.pictures.figures import Bars, render

GROUPS = (
    BarGroup("first", (Bar("theirs", 4.0, "4 times"), Bar("other", None, "not measured"))),
    BarGroup("second", (Bar("theirs", 0.5, "half"),)),
)


def test_bars_begin_at_1_and_lengths_are_their_values():
    (ax,) = Bars("bench", "", "time over ours", GROUPS).draw().axes
    spans = [tuple(line.get_xdata()) for line in ax.get_lines() if len(line.get_xdata()) == 2]
    assert spans[:3] == [(1, 4.0), (1, 1.0), (1, 0.5)]
    assert ax.get_xscale() == "log"
    assert ax.get_xlim()[0] < 0.5 and ax.get_xlim()[1] > 4


def test_one_series_has_one_colour_and_groups_go_from_the_top_down():
    (ax,) = Bars("bench", "", "time over ours", GROUPS).draw().axes
    first, _, second = [line for line in ax.get_lines() if line.get_linewidth() == 6]
    assert first.get_color() == second.get_color()
    assert first.get_ydata()[0] < second.get_ydata()[0]
    low, high = ax.get_ylim()
    assert low > high


@pytest.mark.parametrize("notice", [None, "Smoke run"])
def test_the_picture_tells_all_texts(tmp_path, notice):
    _, svg = render(Bars("bench", "", "time over ours", GROUPS), tmp_path, notice=notice)
    words = "".join(ElementTree.parse(svg).getroot().itertext())
    assert all(text in words for text in ("first", "second", "4 times", "not measured", "half", "theirs"))
    assert ("Smoke run" in words) == (notice is not None)


def test_equal_data_gives_equal_bytes(tmp_path):
    pictures = [render(Bars("bench", "", "x", GROUPS), tmp_path / name) for name in "ab"]
    assert [path.read_bytes() for path in pictures[0]] == [path.read_bytes() for path in pictures[1]]
