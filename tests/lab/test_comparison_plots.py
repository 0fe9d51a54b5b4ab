"""The picture of a comparison: a curve a block on logarithmic axes."""

from pellucid.lab.comparison_plots import comparison_plot


def content(**changes):
    point = {"largest so far": {"gradients": [2e-16, 0.0], "weights": [0.0, 3e-15]}}
    about = {
        "name": "digits",
        "dtype": "float64",
        "blocks": ["0.weight", "0.bias"],
        "bars": [{"steps": 100, "limit": 1e-10}, {"steps": 1000, "limit": 1e-8}],
        "curve": [{"step": step, **point} for step in (1, 10, 1000)],
    }
    return about | changes


def test_relative_differences_by_block_without_points_at_0():
    gradients, weights = comparison_plot(content()).panels
    assert [(s.label, s.x, s.y) for s in gradients.series] == [("0.weight", [1, 10, 1000], [[2e-16] * 3])]
    assert [(s.label, s.y) for s in weights.series] == [("0.bias", [[3e-15] * 3])]


def test_it_is_drawn_on_logarithmic_axes_with_the_bars():
    for ax in comparison_plot(content()).draw().axes:
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        low, high = ax.get_ylim()
        assert low < 3e-15 and high > 1e-8
        assert [text.get_text() for text in ax.texts] == ["bar to 100", "bar to 1,000"]


def test_ticks_between_the_decades_have_no_numbers_where_the_bars_are_far():
    figure = comparison_plot(content()).draw()
    figure.draw_without_rendering()
    for ax in figure.axes:
        assert not any(text.get_text() for text in ax.yaxis.get_minorticklabels())


def test_without_bars_and_without_any_difference():
    nothing = {"step": 1, "largest so far": {"gradients": [0.0, 0.0], "weights": [0.0, 0.0]}}
    figure = comparison_plot(content(bars=[], curve=[nothing])).draw()
    assert [ax.get_title() for ax in figure.axes] == ["Gradients", "Weights"]


def test_no_two_of_eight_blocks_look_alike():
    names = [f"{i}.weight" for i in range(8)]
    curve = [
        {"step": k, "largest so far": {kind: [1e-16] * 8 for kind in ("gradients", "weights")}}
        for k in (1, 2)
    ]
    ax = comparison_plot(content(blocks=names, curve=curve, bars=[])).draw().axes[0]
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in ax.get_lines()}
    assert len(looks) == 8
