"""Curves of the activations, their derivatives and softmax, computed by the layers of the library."""

import numpy as np

import pellucid as pl
from pellucid.backend import Array
from pellucid.lab.pictures.curve_panels import Panel, Series
from pellucid.lab.pictures.figures import Plot

SPAN = 6.0
ACTIVATIONS: dict[str, type[pl.Layer]] = {"ReLU": pl.ReLU, "sigmoid": pl.Sigmoid, "tanh": pl.Tanh}
#: The two scores of the softmax that stay fixed while the first one varies.
OTHER_SCORES = (0.0, 1.0)


def activation_plots(prefix: str) -> list[Plot]:
    """Return the plot of activations and their derivatives, and that of softmax."""
    z = np.linspace(-SPAN, SPAN, 601)
    panels = [panel for name, layer in ACTIVATIONS.items() for panel in _panels(name, layer(), z)]
    caption = "Each activation and its derivative, computed by the layers' forward and backward."
    return [
        Plot(f"{prefix}-activations", caption, tuple(panels)),
        Plot(f"{prefix}-softmax", _SOFTMAX_CAPTION, (_softmax_panel(z),), columns=1),
    ]


_SOFTMAX_CAPTION = (
    "Softmax of three scores, of which only the first varies. The probabilities always add up to 1, and "
    "equal scores have equal probabilities."
)


def derivative(layer: pl.Layer, z: Array) -> tuple[Array, Array]:
    """Return the values and derivatives of an activation at the points z."""
    layer.connect(1, dtype=np.dtype(np.float64), xp=np)
    values = layer.forward(z[:, None].copy(), train=False)[:, 0].copy()
    slopes = layer.backward(np.ones((len(z), 1)))
    assert slopes is not None
    return values, slopes[:, 0]


def _panels(name: str, layer: pl.Layer, z: Array) -> tuple[Panel, Panel]:
    values, slopes = derivative(layer, z)
    left = Panel(name, "z", f"{name}(z)", (_series(name, z, values),))
    return left, Panel(f"Derivative of {name}", "z", f"{name}′(z)", (_series("derivative", z, slopes),))


def _softmax_panel(z: Array) -> Panel:
    scores = np.column_stack([z, *(np.full_like(z, other) for other in OTHER_SCORES)])
    net = pl.Network([pl.Softmax()]).build(3, rng=np.random.default_rng(0), dtype=np.float64)
    p = net.predict(scores)
    labels = ["class 1 (score z)", *(f"class {k} (score {s:g})" for k, s in enumerate(OTHER_SCORES, 2))]
    series = tuple(_series(label, z, p[:, k]) for k, label in enumerate(labels))
    return Panel("Softmax", "z, the score of class 1", "probability", series)


def _series(label: str, x: Array, y: Array) -> Series:
    return Series(label, x.tolist(), [y.tolist()])
