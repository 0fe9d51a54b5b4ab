import pytest
from matplotlib.figure import Figure

from pellucid.lab.claims import Claim
from pellucid.lab.ledger import judge
from pellucid.lab.pictures.charts import draw_intervals


def drawn(published, **settings):
    """One row whose seeds are 1, 2, 3."""
    row = judge(Claim("accuracy", "%", published), [1, 2, 3], report="C", variant="as published", **settings)
    ax = Figure().subplots()
    draw_intervals(ax, [row.to_json()])
    return ax, [
        line for line in ax.get_lines() if len(line.get_xdata()) and line.get_marker() not in ("None", "")
    ]


def test_the_published_value_is_a_diamond_at_0_and_the_bar_two_units_long():
    _, lines = drawn("4.000")
    diamond = next(line for line in lines if line.get_marker() == "D")
    bar = next(line for line in lines if line.get_marker() == "|")
    assert list(diamond.get_xdata()) == [0]
    center = (2 - 4) / 4.968775  # the half-width: t · sqrt(4/3), and half of 0.001
    assert list(bar.get_xdata()) == pytest.approx([center - 1, center + 1], abs=1e-5)


def test_verdicts_differ_in_shape_and_colour():
    looks = {}
    for published, omitted in (("2", False), ("20", False), ("2", True)):
        _, lines = drawn(published, omitted=omitted)
        looks[lines[-1].get_marker(), lines[-1].get_markerfacecolor()] = lines[-1].get_color()
    assert len(looks) == 3
    assert len(set(looks.values())) == 3


@pytest.mark.parametrize(("published", "arrow"), [("900", "<"), ("-900", ">")])
def test_a_bar_far_out_is_an_arrow_that_points_to_its_side(published, arrow):
    _, lines = drawn(published)
    assert arrow in [line.get_marker() for line in lines]


def test_figure_reading_and_numbers_are_written():
    ax, _ = drawn("2", reading="rate 0.1")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["C · accuracy\nrate 0.1"]
    assert {"2", "−3.5 … 7.5"} <= {text.get_text() for text in ax.texts}
