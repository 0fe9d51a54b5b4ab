"""The SVG elements, and the geometry of diagrams, measured with the real widths of fonts."""

import re
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.ft2font import FT2Font

import pellucid as pl
from pellucid.drawing.svg import Box, Font, arrow, clean, connect, document, number
from pellucid.lab.reports.b import SYSTEM

FONTS = Path(mpl.get_data_path(), "fonts", "ttf")
SANS, BOLD, MONO = (FT2Font(str(FONTS / f"DejaVuSans{kind}.ttf")) for kind in ("", "-Bold", "Mono"))
SVG = "{http://www.w3.org/2000/svg}"
ASCII = "".join(map(chr, range(32, 127)))


def ems(font, text):
    """Return the text's width in units of the font size, from the font's tables."""
    font.set_size(100, 72)
    return sum(font.load_char(ord(character)).linearHoriAdvance for character in text) / 65536 / 100


class Hostile(pl.Layer):
    """A layer with a difficult repr."""

    def forward(self, x, *, train):
        return x

    def backward(self, dy):
        return dy

    def __repr__(self):
        return 'Hostile(<script>alert("&amp;")</script>, ]]>, \x00\x1b\n\ud800' + "MW@" * 400 + ")"


class ALayerWithAnAstonishinglyLongName(Hostile):
    """A layer with a long name."""


def deep(n_blocks):
    layers = [(pl.Dense(90 - i, init=pl.he_normal), pl.ReLU(), pl.Dropout(0.2)) for i in range(n_blocks)]
    return [layer for block in layers for layer in block]


NETWORKS = {
    "one": [pl.Dense(10)],
    "A": [
        pl.Rescale(1 / 255),
        pl.Dense(100, init=pl.lecun_uniform),
        pl.Tanh(),
        pl.Dropout(0.1),
        pl.Dense(10),
    ],
    "seven": [
        pl.Identity(),
        pl.Sigmoid(),
        pl.LeakyReLU(),
        pl.Softmax(),
        pl.ReLU(),
        pl.Tanh(),
        pl.Dropout(0.9),
    ],
    "thirty": deep(10),
    "ninety-nine": deep(33),
    "long": [
        Hostile(),
        pl.Rescale(np.linspace(-2, 3, 12345), 7),
        pl.Rescale(np.geomspace(1e-300, 1e300, 12345), -1e308),
        pl.Dense(1, init=pl.uniform(-0.123456, 0.123456), bias_init=pl.normal(1e-12)),
        ALayerWithAnAstonishinglyLongName(),
        pl.Rescale(-1e-300),
        pl.Rescale(5e-324, -1e9),
    ],
}
PICTURES = {
    "system": SYSTEM.read_text(encoding="utf-8"),
    **{f"{name}, unbuilt": pl.Network(layers).diagram() for name, layers in NETWORKS.items()},
    **{
        name: pl.Network(layers)
        .build(12345, rng=np.random.default_rng(0))
        .diagram(inputs="<pixels> of many, many pictures")
        for name, layers in NETWORKS.items()
    },
}


@pytest.fixture(params=PICTURES, scope="module")
def root(request):
    return ElementTree.fromstring(PICTURES[request.param])


def rectangles(root, name):
    return [
        Box(*(float(rect.get(key)) for key in ("x", "y", "width", "height")))
        for rect in root.iter(SVG + "rect")
        if rect.get("class") == name
    ]


def text_extent(text):
    """Return the rectangle of a text in the widest of the possible fonts."""
    font = MONO if text.get("font-family") else BOLD if text.get("font-weight") else SANS
    size = float(text.get("font-size"))
    known = re.sub(r"[^\x20-\x7e…]", "M", text.text)
    width = ems(font, known) * size
    left = float(text.get("x")) - {"start": 0, "middle": width / 2, "end": width}[text.get("text-anchor")]
    return Box(left, float(text.get("y")) - 0.78 * size, width, size)


def arrows(root):
    """Return the corners of each arrow, from the box where it starts to the tip of its head."""
    found, children = [], list(root)
    for shaft, head in pairwise(children):
        if shaft.get("class") == "arrow":
            assert head.tag == SVG + "polygon"
            points = [shaft.get("points").split(), head.get("points").split()]
            numbers = [tuple(map(float, point.split(","))) for point in [*points[0][:-1], points[1][0]]]
            found.append(numbers)
    return found


def overlap(a, b, gap=0):
    return a.x < b.right + gap and b.x < a.right + gap and a.y < b.bottom + gap and b.y < a.bottom + gap


def inside(inner, outer, margin):
    return (
        inner.x >= outer.x + margin
        and inner.right <= outer.right - margin
        and inner.y >= outer.y + margin
        and inner.bottom <= outer.bottom - margin
    )


def touches(point, box):
    """Return whether a point is the midpoint of a side of a box, or on its lower side."""
    x, y = point
    return (x in (box.x, box.right) and y == box.middle) or (
        y in (box.y, box.bottom) and box.x < x < box.right
    )


def test_boxes_stand_apart_on_the_card(root):
    boxes, (card,) = rectangles(root, "box"), rectangles(root, "card")
    assert len(boxes) >= 3
    assert all(inside(box, card, 20) for box in boxes)
    assert not [pair for pair in combinations(boxes, 2) if overlap(*pair, gap=30)]
    assert len({(box.width, box.height) for box in boxes}) == 1


def test_no_text_leaves_its_box_or_meets_another(root):
    boxes, (card,) = rectangles(root, "box"), rectangles(root, "card")
    extents = [(text_extent(text), text.text) for text in root.iter(SVG + "text")]
    assert len(extents) > len(boxes)
    for extent, text in extents:
        holding = [box for box in boxes if overlap(extent, box)]
        assert inside(extent, (holding or [card])[0], 2), text
        assert len(holding) <= 1, text
    for (one, its_text), (other, others_text) in combinations(extents, 2):
        assert not overlap(one, other), (its_text, others_text)


def test_arrows_run_from_box_to_box_and_through_none(root):
    boxes = rectangles(root, "box")
    for points in arrows(root):
        assert sum(touches(points[0], box) for box in boxes) == 1
        assert sum(touches(points[-1], box) for box in boxes) == 1
        for (x0, y0), (x1, y1) in pairwise(points):
            assert x0 == x1 or y0 == y1
            way = Box(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))
            assert not [box for box in boxes if overlap(way, box)]


def test_a_picture_says_what_it_is_on_a_white_card(root):
    assert root.get("role") == "img"
    assert [child.tag for child in root][:3] == [SVG + "title", SVG + "desc", SVG + "rect"]
    assert root[0].text and root[1].text
    assert root[2].get("fill") == "#ffffff"
    assert (float(root[2].get("width")), float(root[2].get("height"))) == (
        float(root.get("width")) - 1,
        float(root.get("height")) - 1,
    )


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_in_a_picture_can_run_or_break_it(name):
    assert "<script" not in PICTURES[name]
    assert all(character.isprintable() or character == "\n" for character in PICTURES[name])
    assert PICTURES[name].encode()  # a lone surrogate would not
    assert "nan" not in re.sub(r">[^<]*<", "", PICTURES[name])


def test_widths_are_bounds_of_the_widest_font_and_not_much_more():
    for font, drawn in ((Font(1), SANS), (Font(1, bold=True), BOLD)):
        assert [c for c in ASCII + "…×é" if font.width(c) < ems(drawn, c)] == []
    for text in ("lecun_uniform", "(784, 100)", "parameters", "Train-test split"):
        assert ems(SANS, text) <= Font(1).width(text) <= 1.2 * ems(SANS, text)


def test_a_text_is_shortened_only_where_it_does_not_fit():
    font = Font(size=10)
    assert font.shorten("lecun_uniform", font.width("lecun_uniform")) == "lecun_uniform"
    short = font.shorten("lecun_uniform", font.width("lecun_uniform") - 0.1)
    assert short == "lecun_unifo…"
    assert font.shorten("anything", 0) == "…"


def test_wrapping_loses_nothing_before_the_last_line():
    font, text = Font(), "Layer(first=1, second=22, third=333)"
    lines = font.wrap(text, 90, 9)
    assert len(lines) > 1
    assert " ".join(lines) == text
    assert max(map(font.width, lines)) <= 90
    assert font.wrap(text, 90, 2)[0] == lines[0]
    assert font.wrap(text, 90, 2)[1].endswith("…")
    assert font.wrap("x" * 40, 70, 9) == ["x" * 9] * 4 + ["x" * 4]
    assert font.wrap("", 90, 3) == []


def test_texts_are_escaped_and_free_of_addresses():
    assert ">a &lt; b &amp;&amp; c</text>" in Font().draw(0, 0, "a < b && c")
    assert clean("<function init at 0x7f2A>\n\t\u202e next") == "<function init> � next"
    picture = document(40, 20, [], title="a < b", description="\x00 & c")
    assert [child.text for child in ElementTree.fromstring(picture)][:2] == ["a < b", "� & c"]


def test_an_arrow_points_where_it_goes():
    below = connect(Box(50, 0, 10, 10), Box(0, 40, 10, 10))
    assert below == [(55, 10), (55, 25), (5, 25), (5, 40)]
    assert 'points="5,40 9,32 1,32"' in arrow(below)
    assert 'points="0,5 8,1 8,9"' in arrow([(20, 5), (0, 5)])


def test_numbers_are_rounded_and_never_written_with_an_exponent():
    assert [number(x) for x in (1 / 3, -0.04, 12345.6, 1234567.8)] == ["0.3", "0", "12345.6", "1234568"]
