import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from pellucid.data import Dataset, Outlier, describe
from pellucid.lab.description import show_description


def dataset():
    """Return 40 + 2 images of 4 x 5; pixels 0, 1, 2 and 9 are constant."""
    rng = np.random.default_rng(0)
    x = rng.integers(1, 200, (42, 20)).astype(np.uint8)
    x[:, [0, 1, 2, 9]] = 0
    y = np.array([*[0] * 30, *[2] * 10, 2, 2])
    return Dataset("toy", x[:40], y[:40], x[40:], y[40:], 3, (4, 5), "a test", {"toy": "ff"})


def shown(width=80, **changes):
    console = Console(file=io.StringIO(), width=width, record=True)
    show_description(replace(describe(dataset()), **changes), console)
    return console.export_text()


def fact(text, name):
    (line,) = [line.strip() for line in text.splitlines() if line.strip().startswith(name)]
    return line.removeprefix(name).strip()


def test_facts_stand_in_a_line_each():
    text = shown(pixel_mean=12.345, pixel_sd=6.789, zero_fraction=0.25)
    assert "Data set toy" in text
    assert fact(text, "training images") == "40 of 4 x 5 = 20 pixels"
    assert fact(text, "test images") == "2"
    assert fact(text, "pixel mean ± sd") in ("12.35 ± 6.79", "12.34 ± 6.79")
    assert fact(text, "pixels at 0") == "25.0%"
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("pixels", "values", "says"),
    [
        ((), (), "none"),
        ((0, 1, 2, 9), (0, 0, 0, 0), "4: 0-2, 9 (all 0)"),
        ((0, 1, 2, 9), (0, 0, 0, 16), "4: 9 at 16, 0-2 at 0"),
        ((4, 5, 6), (7, 7, 255), "3: 4-5 at 7, 6 at 255"),  # neighbours of another value are another run
        (tuple(range(0, 18, 2)), (0,) * 9, "9: 0, 2, 4, 6, 8, 10, 12, 14, … (all 0)"),
        (
            (0, *range(2, 18, 2)),
            (0,) * 8 + (3,),
            f"9: 16 at 3, {', '.join(f'{i} at 0' for i in range(0, 14, 2))}, …",
        ),
    ],
)
def test_constant_pixels_are_told_with_their_values(pixels, values, says):
    text = shown(constant_pixels=pixels, constant_values=values, width=120)
    assert fact(text, "constant pixels") == says


def test_constant_pixels_are_those_of_the_data():
    assert fact(shown(), "constant pixels") == "4: 0-2, 9 (all 0)"


def test_the_labels_have_their_shares_and_a_bar_each():
    rows = [line.split() for line in shown().splitlines() if "%" in line and line.startswith("│")]
    cells = [[cell for cell in row if cell != "│"] for row in rows]
    assert [row[:4] for row in cells] == [
        ["0", "30", "75.0%", "0"],
        ["1", "0", "0.0%", "0"],
        ["2", "10", "25.0%", "2"],
    ]
    assert [len(row[4]) if len(row) > 4 else 0 for row in cells] == [30, 0, 10]


def test_outliers_are_listed_where_there_are_any():
    assert "Outliers" not in shown()
    text = shown(n_outliers=7, outliers=(Outlier(1234, 2, 1999.96, 4.567),))
    assert "Outliers: the worst 1 of 7" in text
    (line,) = [line for line in text.splitlines() if "1,234" in line]
    assert [cell for cell in line.split() if cell != "│"] == ["1,234", "2", "2,000.0", "4.57"]
