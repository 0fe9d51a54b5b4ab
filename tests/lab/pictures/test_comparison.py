"""The picture of a comparison: both losses, and a curve a block on logarithmic axes."""

from pellucid.lab.pictures.comparison import comparison_plot


def content(**changes):
    point = {
        "losses": {"pellucid": 0.5, "PyTorch": 0.25},
        "largest so far": {"gradients": [2e-16, 0.0], "weights": [0.0, 3e-15]},
    }
    about = {
        "name": "digits",
        "dtype": "float64",
        "steps": 1000,
        "largest": 3e-15,
        "blocks": ["1.W", "1.b"],
        "bars": [{"steps": 100, "limit": 1e-10}, {"steps": 1000, "limit": 1e-8}],
        "curve": [{"step": step, **point} for step in (1, 10, 1000)],
    }
    return about | changes


def test_relative_differences_by_block_without_points_at_0():
    _, gradients, weights = comparison_plot(content()).panels
    assert [(s.label, s.x, s.y) for s in gradients.series] == [("1.W", [1, 10, 1000], [[2e-16] * 3])]
    assert [(s.label, s.y) for s in weights.series] == [("1.b", [[3e-15] * 3])]


def test_both_losses_are_shown_and_the_second_lets_the_first_show_through():
    plot = comparison_plot(content())
    assert [(s.label, s.x, s.y) for s in plot.panels[0].series] == [
        ("pellucid", [1, 10, 1000], [[0.5] * 3]),
        ("PyTorch", [1, 10, 1000], [[0.25] * 3]),
    ]
    ours, theirs = plot.draw().axes[0].get_lines()
    assert (ours.get_linestyle(), theirs.get_linestyle()) == ("-", "--")


def test_the_title_says_what_was_compared_and_how_it_ended():
    told = "pellucid and PyTorch on digits, 1,000 steps in float64: largest relative difference 3e-15"
    assert comparison_plot(content()).draw().get_suptitle() == told
    assert ", 1 step in float32: " in comparison_plot(content(steps=1, dtype="float32")).title


def test_each_limit_is_a_line_over_its_steps_on_logarithmic_axes():
    losses, *others = comparison_plot(content()).draw().axes
    assert (losses.get_xscale(), losses.get_yscale(), len(losses.collections)) == ("log", "linear", 0)
    for ax in others:
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        low, high = ax.get_ylim()
        assert low < 3e-15 and high > 1e-8
        (limits,) = ax.collections
        assert [segment.tolist() for segment in limits.get_segments()] == [
            [[1, 1e-10], [100, 1e-10]],
            [[100, 1e-8], [1000, 1e-8]],
        ]
        assert [text.get_text() for text in ax.texts] == ["largest allowed"]


def test_ticks_between_the_decades_have_no_numbers_where_the_bars_are_far():
    figure = comparison_plot(content()).draw()
    figure.draw_without_rendering()
    for ax in figure.axes[1:]:
        assert not any(text.get_text() for text in ax.yaxis.get_minorticklabels())


def test_without_bars_and_without_any_difference():
    nothing = content()["curve"][0] | {"largest so far": {"gradients": [0.0, 0.0], "weights": [0.0, 0.0]}}
    figure = comparison_plot(content(bars=[], curve=[nothing])).draw()
    assert [ax.get_title() for ax in figure.axes] == ["Loss", "Gradients", "Parameters"]


def test_no_two_of_eight_blocks_look_alike():
    names = [f"{i}.weight" for i in range(8)]
    curve = [
        {
            "step": k,
            "losses": {"pellucid": 1.0, "PyTorch": 1.0},
            "largest so far": {kind: [1e-16] * 8 for kind in ("gradients", "weights")},
        }
        for k in (1, 2)
    ]
    ax = comparison_plot(content(blocks=names, curve=curve, bars=[])).draw().axes[1]
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in ax.get_lines()}
    assert len(looks) == 8
