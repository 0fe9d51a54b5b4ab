"""What is shown of a check: right, wrong, zero, and several steps."""

import io

import pytest
from rich.console import Console

import pellucid as pl
from pellucid.app.gradcheck import new_problem
from pellucid.app.gradcheck_screen import show_checks, verdict
from pellucid.app.settings import TrainSettings

PROBLEM = new_problem(TrainSettings(source="digits", hidden=(6,), activation=("tanh",)), 1)
BLOCKS = ("1.W", "1.b", "3.W", "3.b", "all")


def checks(limit=1e-7, directions=1, **of_block):
    """Return checks that are right but for what is given by block, as ``w1={"error": 1}`` for 1.W."""
    found = []
    for block in BLOCKS:
        about = of_block.get(block[::-1].replace(".", "").lower(), {})
        values = {"analytic": 0.5, "numeric": 0.5, "error": 2e-11, **about}
        found += [pl.GradientCheck(block, limit=limit, **values)] * directions
    return found


def shown(found):
    stream = io.StringIO()
    show_checks(PROBLEM, found, Console(file=stream, width=80))
    return stream.getvalue()


def rows(text):
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    return [row for row in cells if row]


def test_all_right():
    text = shown(checks())
    assert text.startswith("digits: 1 row, SoftmaxCrossEntropy(), 460 parameters in float64\n")
    assert "numeric = (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h, h = 0.001\n" in text
    assert rows(text) == [
        ["1.W", "Dense 64 x 6", "5.0000e-01", "5.0000e-01", "2e-11", "1e-07", "right"],
        ["1.b", "Dense 6", "5.0000e-01", "5.0000e-01", "2e-11", "1e-07", "right"],
        ["3.W", "Dense 6 x 10", "5.0000e-01", "5.0000e-01", "2e-11", "1e-07", "right"],
        ["3.b", "Dense 10", "5.0000e-01", "5.0000e-01", "2e-11", "1e-07", "right"],
        ["all", "", "5.0000e-01", "5.0000e-01", "2e-11", "1e-07", "right"],
    ]
    assert text.splitlines()[-1] == "right: backpropagation agrees with differences in every block"
    assert max(map(len, text.splitlines())) <= 80


def test_kinks_and_several_directions_are_told():
    text = shown(checks(limit=1e-5, directions=3))
    assert "(f(h) - f(-h)) / 2h, h = 1e-06: ReLUs have kinks, of 3 directions a block the worst" in text
    assert len(rows(text)) == 5


def test_what_is_wrong_is_named():
    text = shown(checks(w3={"error": 2.0, "numeric": -0.25}, lla={"error": 1e-6}))
    head = text.splitlines()[3].replace("┃", " ").split()
    assert head == ["block", "layer", "analytic", "numeric", "error", "limit", "verdict"]
    assert rows(text)[2][2:6] == ["5.0000e-01", "-2.5000e-01", "2e+00", "1e-07"]
    assert [row[-1] for row in rows(text)] == ["right", "right", "wrong", "right", "wrong"]
    assert text.splitlines()[-2:] == ["wrong: 3.W, all", "look at dW of layers[3], Dense(10)"]


def test_every_place_that_may_be_wrong_has_a_line():
    found = checks(w1={"error": 2.0}, b1={"error": 2.0})
    assert verdict(PROBLEM, found)[1:] == [
        "look at dW or db of layers[1], Dense(6)",
        "look at dx of layers[2], Tanh()",
        "look at dx of layers[3], Dense(10)",
    ]


def test_an_error_that_is_nan_is_wrong():
    assert verdict(PROBLEM, checks(b3={"error": float("nan")}))[0] == "wrong: 3.b"


def test_a_gradient_of_zero_shows_nothing():
    text = shown(checks(w1={"analytic": 0.0, "numeric": 0.0, "error": 0.0}))
    assert [row[-1] for row in rows(text)] == ["zero", *["right"] * 4]
    assert "nothing to compare in 1.W: no small change has an effect\nright: " in text


@pytest.mark.parametrize("error", [1e-9, 1.0])
def test_a_second_look_is_told(error):
    text = shown(checks(b1={"refined": True, "error": error}))
    assert "\nnumeric by several steps, one not being exact enough: 1.b\n" in text
