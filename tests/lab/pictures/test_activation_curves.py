import numpy as np
import pytest

import pellucid as pl
from pellucid.lab.pictures.activation_curves import ACTIVATIONS, SPAN, activation_plots, derivative
from pellucid.lab.pictures.figures import render


def values_of(layer, z):
    layer.connect(1, dtype=np.dtype(np.float64), xp=np)
    return layer.forward(z[:, None].copy(), train=False)[:, 0].copy()


@pytest.mark.parametrize("layer", [*ACTIVATIONS.values(), lambda: pl.LeakyReLU(0.2)])
def test_the_derivative_is_the_slope_of_the_values(layer):
    z = np.linspace(-5, 5, 41) + 0.01  # ReLU has a corner at 0
    before = z.copy()
    values, slopes = derivative(layer(), z)
    difference = (values_of(layer(), z + 1e-5) - values_of(layer(), z - 1e-5)) / 2e-5
    np.testing.assert_allclose(slopes, difference, atol=1e-8)
    np.testing.assert_array_equal(values, values_of(layer(), z))
    np.testing.assert_array_equal(z, before)


def test_each_activation_stands_beside_its_derivative():
    plot, _ = activation_plots("b")
    titles = [panel.title for panel in plot.panels]
    assert titles[:4] == ["ReLU", "Derivative of ReLU", "sigmoid", "Derivative of sigmoid"]
    at = {
        panel.title: dict(zip(panel.series[0].x, panel.series[0].y[0], strict=True)) for panel in plot.panels
    }
    assert (at["ReLU"][-SPAN], at["ReLU"][SPAN]) == (0, 6)
    assert (at["Derivative of ReLU"][-SPAN], at["Derivative of ReLU"][SPAN]) == (0, 1)
    assert (at["sigmoid"][0.0], at["Derivative of sigmoid"][0.0]) == (0.5, 0.25)
    assert (at["tanh"][0.0], at["Derivative of tanh"][0.0]) == (0, 1)
    assert at["tanh"][SPAN] == pytest.approx(0.999988, abs=1e-6)


def test_the_probabilities_of_softmax_add_up_to_1_and_the_moving_one_grows():
    _, plot = activation_plots("b")
    (panel,) = plot.panels
    p = np.array([series.y[0] for series in panel.series])
    np.testing.assert_allclose(p.sum(axis=0), 1, atol=1e-12)
    assert (np.diff(p[0]) > 0).all() and (np.diff(p[1:], axis=1) < 0).all()
    # At z = 0 the scores are 0, 0, 1: the first two are equal, the third is e times as likely.
    middle = list(panel.series[0].x).index(0.0)
    assert p[:, middle].tolist() == pytest.approx([0.211942, 0.211942, 0.576117], abs=1e-6)
    assert [series.label for series in panel.series] == [
        "class 1 (score z)",
        "class 2 (score 0)",
        "class 3 (score 1)",
    ]


def test_the_plots_can_be_drawn(tmp_path):
    names = [path.name for plot in activation_plots("b") for path in render(plot, tmp_path)]
    assert names == ["b-activations.png", "b-activations.svg", "b-softmax.png", "b-softmax.svg"]
