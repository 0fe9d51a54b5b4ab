import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from pellucid.lab.claims import Claim
from pellucid.lab.ledger import judge, not_run
from pellucid.lab.pictures.curve_panels import Panel, Series
from pellucid.lab.pictures.figures import Drawing, Grid, Matrix, Plot, interval_chart, render

PNG = b"\x89PNG\r\n\x1a\n"
EPOCHS = list(range(1, 21))


def plot(**settings):
    runs = [[1 / epoch + shift for epoch in EPOCHS] for shift in (0.0, 0.1, 0.2)]
    parts = (Series("", EPOCHS, runs, "train"), Series("", EPOCHS, runs[:1], "validation"))
    panel = Panel("Loss <by> epoch", "epoch", "nats", parts, lines=(("published 0.29", 0.29),), **settings)
    return Plot("d-loss", "Loss by epoch.", (panel, panel, panel))


def rows(published=("90.95", "99.99", "10.5")):
    made = [
        judge(Claim(f"accuracy of net {p}", "%", p), [90.9, 91.0, 91.0], report="C", variant="as published")
        for p in published
    ]
    idle = not_run(Claim("accuracy", "%", "87"), report="B", variant="as published", why="Run with --full.")
    gap = judge(Claim("gap", "points", kind="ordering"), [1, 2, 3], report="C", variant="as published")
    return [row.to_json() for row in (*made, idle, gap)]


def drawings():
    grid = Grid("c-digits", "Digits.", np.arange(7 * 16).reshape(7, 4, 4), tuple("0123456"))
    matrix = Matrix("b-confusion", "Counts.", [[5, 1], [0, 7]], ("cat", "dog"))
    marked = plot(log_y=True, marks=(("flat", 10),))
    return [plot(), marked, grid, matrix, interval_chart(rows(), "intervals", "All")]


@pytest.mark.parametrize("drawing", drawings(), ids=lambda drawing: type(drawing).__name__)
def test_png_and_svg_are_written_and_equal_data_gives_equal_bytes(drawing, tmp_path):
    png, svg = render(drawing, tmp_path / "one")
    assert [path.name for path in (png, svg)] == [f"{drawing.name}.png", f"{drawing.name}.svg"]
    assert png.read_bytes().startswith(PNG)
    ElementTree.parse(svg)
    again = render(drawing, tmp_path / "two")
    assert [path.read_bytes() for path in again] == [png.read_bytes(), svg.read_bytes()]
    assert b"<dc:date>" not in svg.read_bytes()


NOTICE = "Smoke run: nothing here is a result."


def test_a_drawing_is_written_as_it_is_and_without_a_notice(tmp_path):
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><text>784 → 10</text></svg>'
    (path,) = render(Drawing("a-network", "The network.", svg), tmp_path, notice=NOTICE)
    assert [file.name for file in tmp_path.iterdir()] == ["a-network.svg"]
    assert path.read_bytes() == svg.encode()
    with pytest.raises(ValueError, match="name"):
        Drawing("A network", "", svg)


def test_a_notice_stands_below_a_matrix_and_its_counts_are_text(tmp_path):
    matrix = Matrix("b-confusion", "Counts.", [[500, 11], [0, 77]], ("cat", "dog"))
    words = ["".join(ElementTree.parse(render(matrix, tmp_path, notice=notice)[1]).getroot().itertext())
             for notice in (None, NOTICE)]  # fmt: skip
    assert all(text in words[0] for text in ("500", "11", "77", "cat", "true class"))
    assert [NOTICE in each for each in words] == [False, True]


def images_of(grid):
    """Return the colours (red, green, blue from 0 to 1) of each image's points as drawn."""
    drawn = [image for ax in grid.draw().axes for image in ax.get_images()]
    return [image.to_rgba(image.get_array())[..., :3] for image in drawn]


def test_signed_images_are_on_one_scale_around_0_blue_above_it_and_red_below():
    weights = np.array([[[0.0, 4.0], [-1.0, 1.0]], [[0.0, 2.0], [-2.0, 1.0]]])
    first, second = images_of(Grid("b-weights", "", weights, ("1", "2"), signed=True))
    assert first[0, 0].min() > 0.95  # 0 is white, though the values reach from −1 to 4
    red, green, blue = first[0, 1]
    assert blue > 0.3 > red and green < 0.3  # the greatest: a full blue
    red, _, blue = second[1, 0]
    assert red > blue + 0.3
    np.testing.assert_array_equal(first[1, 1], second[1, 1])  # 1 has one colour in both
    # −4 would be as strong a red as 4 is a blue: the scale is the same on both sides.
    images_signed = Grid("b-weights", "", -weights, ("1", "2"), signed=True).draw().axes
    assert images_signed[0].get_images()[0].get_clim() == (-4, 4)


def test_unsigned_images_are_dark_where_values_are_large_and_zeros_can_be_drawn():
    (image,) = images_of(Grid("c-digits", "", np.array([[[0, 255]]], np.uint8), ("1",)))
    assert image[0, 0].tolist() == [1, 1, 1]
    assert image[0, 1].tolist() == [0, 0, 0]
    (blank,) = images_of(Grid("b-weights", "", np.zeros((1, 2, 2)), ("1",), signed=True))
    assert blank.min() > 0.95


def test_the_readers_settings_change_nothing(tmp_path):
    import matplotlib as mpl

    _, svg = render(plot(), tmp_path / "one")
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "axes.facecolor": "red"}):
        _, other = render(plot(), tmp_path / "two")
        assert mpl.rcParams["font.size"] == 20
    assert svg.read_bytes() == other.read_bytes()


def test_text_stays_text(tmp_path):
    _, svg = render(plot(), tmp_path)
    words = "".join(ElementTree.parse(svg).getroot().itertext())
    assert all(text in words for text in ("Loss <by> epoch", "validation", "published 0.29"))


def test_a_chart_shows_only_what_has_an_interval_and_a_published_value():
    assert [row["published"] for row in interval_chart(rows(), "intervals", "All").rows] == [
        90.95,
        99.99,
        10.5,
    ]
    with pytest.raises(ValueError, match="none of 1 rows"):
        interval_chart(rows()[-1:], "intervals", "All")


@pytest.mark.parametrize("name", ["../up", "a b", "", "C-Trace", "a/b", "a\n"])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(ValueError, match="name"):
        Plot(name, "", plot().panels)


def test_data_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"needs 2 values like x, got \[2, 3\]"):
        Series("loss", [1, 2], [[1, 2], [1, 2, 3]])
    with pytest.raises(ValueError, match="got shape"):
        Grid("digits", "", np.zeros((3, 4)), ("0", "1", "2"))
    with pytest.raises(ValueError, match=r"needs counts of shape \(3, 3\), got shape \(2, 2\)"):
        Matrix("b-confusion", "", [[1, 0], [0, 1]], ("a", "b", "c"))
    with pytest.raises(ValueError, match="no panels"):
        Plot("empty", "", ())


def test_matplotlib_is_imported_only_to_draw():
    code = "import sys, pellucid.lab.pictures.figures, pellucid.lab.ledger as _; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not {"matplotlib", "scipy"} & set(loaded.split())
