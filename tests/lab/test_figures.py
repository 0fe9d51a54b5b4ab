import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from pellucid.lab.claims import Claim
from pellucid.lab.figures import Grid, Panel, Plot, Series, interval_chart, render
from pellucid.lab.ledger import judge, not_run

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
    return [plot(), plot(log_y=True, marks=(("flat", 10),)), grid, interval_chart(rows(), "intervals", "All")]


@pytest.mark.parametrize("drawing", drawings(), ids=lambda drawing: type(drawing).__name__)
def test_png_and_svg_are_written_and_equal_data_gives_equal_bytes(drawing, tmp_path):
    png, svg = render(drawing, tmp_path / "one")
    assert [path.name for path in (png, svg)] == [f"{drawing.name}.png", f"{drawing.name}.svg"]
    assert png.read_bytes().startswith(PNG)
    ElementTree.parse(svg)
    again = render(drawing, tmp_path / "two")
    assert [path.read_bytes() for path in again] == [png.read_bytes(), svg.read_bytes()]
    assert b"<dc:date>" not in svg.read_bytes()


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
    with pytest.raises(ValueError, match="no panels"):
        Plot("empty", "", ())


def test_matplotlib_is_imported_only_to_draw():
    code = "import sys, pellucid.lab.figures, pellucid.lab.ledger as _; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not {"matplotlib", "scipy"} & set(loaded.split())
