"""The content of the boxes. `test_svg` tests the geometry."""

import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest

import pellucid as pl
from pellucid.drawing.diagram import place_boxes

SVG = "{http://www.w3.org/2000/svg}"
KEYS = {
    "init",
    "bias_init",
    "W",
    "b",
    "output",
    "parameters",
    "pixels",
    "values",
    "drop_prob",
    "slope",
    "scale",
    "shift",
}


class Double(pl.Layer):
    """A user's layer, twice as wide as its input, with one gain per column."""

    def forward(self, x, *, train):
        return np.repeat(x * self.g, 2, axis=1)

    def backward(self, dy):
        return dy[:, ::2] + dy[:, 1::2]

    def width(self, n_in):
        return 2 * n_in

    def parameter_shapes(self):
        return {"g": (self.n_in,)}

    def __repr__(self):
        return "Double(by=<b>&)"


class Dense(pl.Dense):
    """A user's layer with the name of one of ours."""


def build(layers, n_in=784):
    return pl.Network(layers).build(n_in, rng=np.random.default_rng(0))


def said(net):
    """Return the text of each box, in reading order, and the texts beside them."""
    root = ElementTree.fromstring(net.diagram(inputs="pixels"))
    rects = [r for r in root.iter(SVG + "rect") if r.get("class") == "box"]
    corners = [[float(r.get(k)) for k in ("x", "y", "width", "height")] for r in rects]
    boxes, beside = [[] for _ in corners], []
    for text in root.iter(SVG + "text"):
        x, y = float(text.get("x")), float(text.get("y"))
        holding = [
            i for i, (left, top, w, h) in enumerate(corners) if left < x < left + w and top < y < top + h
        ]
        (boxes[holding[0]] if holding else beside).append(text.text)
    return boxes, beside


def rows(box):
    """Return a box's name and rows."""
    return {"name": box[0], **{key: value for key, value in pairwise(box) if key in KEYS}}


def test_report_a_says_every_layer_with_its_settings_widths_and_counts():
    net = build(
        [pl.Rescale(1 / 255), pl.Dense(100, init=pl.lecun_uniform), pl.Tanh(), pl.Dropout(0.1), pl.Dense(10)]
    )
    boxes, beside = said(net)
    assert [rows(box) for box in boxes] == [
        {"name": "Input", "pixels": "784"},
        {"name": "Rescale", "scale": "1 / 255", "output": "784", "parameters": "0"},
        {
            "name": "Dense",
            "init": "lecun_uniform",
            "W": "(784, 100)",
            "b": "(100,)",
            "output": "100",
            "parameters": "78,500",
        },
        {"name": "Tanh", "output": "100", "parameters": "0"},
        {"name": "Dropout", "drop_prob": "0.1", "output": "100", "parameters": "0"},
        {
            "name": "Dense",
            "init": "glorot_uniform",
            "W": "(100, 10)",
            "b": "(10,)",
            "output": "10",
            "parameters": "1,010",
        },
        {"name": "Output", "values": "10"},
    ]
    assert beside[0] == "Network of 5 layers, 79,510 parameters"
    assert beside[2:] == ["(n, 784)", "(n, 784)", "(n, 100)", "(n, 100)", "(n, 100)", "(n, 10)"]


def test_arrows_connect_consecutive_boxes():
    root = ElementTree.fromstring(build([pl.Dense(9), *(pl.ReLU() for _ in range(6))]).diagram())
    boxes = [
        [float(r.get(k)) for k in ("x", "y", "width", "height")]
        for r in root.iter(SVG + "rect")
        if r.get("class") == "box"
    ]
    starts = [a.get("points").split()[0] for a in root.iter(SVG + "polyline") if a.get("class") == "arrow"]
    tips = [head.get("points").split()[0] for head in root.iter(SVG + "polygon")]
    assert len(starts) == len(tips) == len(boxes) - 1 == 8
    for start, tip, left, right in zip(starts, tips, boxes, boxes[1:], strict=False):
        for point, (x, y, width, height) in ((start, left), (tip, right)):
            at_x, at_y = map(float, point.split(","))
            assert x <= at_x <= x + width
            assert y <= at_y <= y + height


def test_an_unbuilt_network_says_what_is_known():
    boxes, beside = said(
        pl.Network([pl.ReLU(), pl.Dense(30), pl.Tanh(), Double(), pl.Sigmoid(), pl.Dense(2)])
    )
    assert [rows(box).get("output") for box in boxes[1:-1]] == ["?", "30", "30", "?", "?", "2"]
    assert [rows(box)["parameters"] for box in boxes[1:-1]] == ["0", "?", "0", "?", "0", "?"]
    assert not [box for box in boxes if "W" in box]
    assert "not built yet" in beside[0]
    assert beside[2:] == ["(n, ?)", "(n, ?)", "(n, 30)", "(n, 30)", "(n, ?)", "(n, ?)", "(n, 2)"]


def test_a_users_layer_is_a_plain_box_with_its_repr():
    boxes, beside = said(build([Double(), pl.Dense(3)], n_in=5))
    assert boxes[1] == ["Double", "output", "10", "parameters", "5", "Double(by=<b>&)"]
    assert beside[0] == "Network of 2 layers, 38 parameters"
    picture = build([Double()], n_in=5).diagram()
    assert "Double(by=&lt;b&gt;&amp;)" in picture
    assert "#0072B2" in build([pl.Dense(3)]).diagram()
    assert "#0072B2" not in build([Dense(3)]).diagram()


def test_settings_are_written_short():
    (_, first, dense, leaky, many, _), _ = said(
        build(
            [
                pl.Rescale(0.25, -3),
                pl.Dense(3, init=pl.uniform(-0.05, 0.05), bias_init=pl.normal(0.1)),
                pl.LeakyReLU(0.2),
                pl.Rescale([1, 2, 3]),
            ]
        )
    )
    assert (rows(first)["scale"], rows(first)["shift"]) == ("0.25", "-3")
    assert (rows(dense)["init"], rows(dense)["bias_init"]) == ("uniform(-0.05, 0.05)", "normal(0.1)")
    assert rows(leaky)["slope"] == "0.2"
    assert rows(many)["scale"] == "3 numbers"


def test_the_description_lists_the_layers_in_words():
    root = ElementTree.fromstring(build([pl.Dense(3), Double(), pl.Dropout(0.5)], n_in=4).diagram())
    assert root.find(SVG + "desc").text == (
        "From input to output: Input, inputs 4; Dense, init glorot_uniform, W (4, 3), b (3,), output 3, "
        "parameters 15; Double(by=<b>&), output 6, parameters 3; Dropout, drop_prob 0.5, output 6, "
        "parameters 0; Output, values 6."
    )


def test_the_same_network_gives_the_same_bytes_here_and_elsewhere():
    program = (
        "import functools, numpy as np, pellucid as pl\n"
        "init = functools.partial(lambda rng, shape, a, b: np.ones(shape))\n"
        "layers = [pl.Dense(3, init=init), pl.Tanh(), pl.Softmax(), pl.Dropout(0.3)]\n"
        "net = pl.Network(layers).build(4, rng=np.random.default_rng(0))\n"
        "print(net.diagram())\nassert net.diagram() == net.diagram()"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout != b""


@pytest.mark.parametrize(
    ("n", "lengths"),
    [(3, [3]), (4, [4]), (5, [3, 2]), (7, [4, 3]), (9, [3, 3, 3]), (32, [4] * 8), (102, [4] * 25 + [2])],
)
def test_rows_are_of_nearly_equal_length(n, lengths):
    boxes = place_boxes(n)
    tops = sorted({box.y for box in boxes})
    assert [sum(box.y == top for box in boxes) for top in tops] == lengths
    assert [(box.y, box.x) for box in boxes] == sorted((box.y, box.x) for box in boxes)
