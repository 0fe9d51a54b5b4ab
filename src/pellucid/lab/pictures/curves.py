"""Plots of learning curves: loss, accuracy and error."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pellucid.lab.learning_curves import PARTS, Part, curve
from pellucid.lab.pictures.curve_panels import Panel, Series
from pellucid.lab.pictures.figures import Plot
from pellucid.lab.report import Finished

QUANTITIES = {"loss": "cross-entropy (nats)", "accuracy": "accuracy (%)", "error": "error (%)"}


def series_of(label: str, runs: Sequence[Finished], name: str, part: Part | None = None) -> Series:
    """Return a curve of several runs as one series; `part` names the rows it was measured on."""
    curves = [run.result["curves"][name] for run in runs]
    return Series(label, curves[0]["x"], [each["y"] for each in curves], part)


def epoch_plot(
    name: str, caption: str, finished: Sequence[Finished], *, published: Mapping[Part, float], mark: int
) -> Plot:
    """Return loss, accuracy and error over the epochs, with the published accuracies and a marked epoch."""
    panels = []
    for quantity, unit in QUANTITIES.items():
        series = tuple(epoch_series(finished, part, quantity, part) for part in PARTS)
        levels = {
            "accuracy": tuple((f"{part} {value}", value) for part, value in published.items()),
            "error": tuple((f"{part} {100 - value:.2f}", 100 - value) for part, value in published.items()),
        }
        marks = ((f"epoch {mark}", float(mark)),) if len(series[0].x) > mark else ()
        lines = levels.get(quantity, ())
        panels.append(Panel(quantity.capitalize(), "epoch", unit, series, lines=lines, marks=marks))
    return Plot(name, caption, tuple(panels), columns=3)


def epoch_series(finished: Sequence[Finished], part: Part, quantity: str, label: str) -> Series:
    """Return a curve over the epochs, one for each run."""
    y = [curve(run.result, part, quantity) for run in finished]
    return Series(label, range(1, len(y[0]) + 1), y, part)


def batch_plot(name: str, caption: str, run: Finished) -> Plot:
    """Return loss, accuracy and error over the training batches of one run."""
    panels = []
    for quantity, unit in QUANTITIES.items():
        for part in PARTS:
            y = curve(run.result, part, quantity, "batches")
            x = run.result["batches"][f"{part} batch"]
            n = run.result["kept epochs"]
            # Training batches come before the end of their epoch, validation batches after it.
            middle = -0.5 if part == "train" else 0.5
            x_mean = [run.result["batches an epoch"] * (epoch + middle) for epoch in range(1, n + 1)]
            mean = Series("mean of the epoch", x_mean, [curve(run.result, part, quantity)[:n]])
            title = f"{quantity.capitalize()}, {part}"
            panels.append(Panel(title, "batch", unit, (Series("a batch", x, [y], dots=True), mean)))
    return Plot(name, caption, tuple(panels), columns=2)


def comparison_plot(
    name: str, caption: str, cells: Mapping[str, Sequence[Finished]], published: Mapping[Part, float]
) -> Plot:
    """Return the accuracies of several cells over the epochs, training and validation side by side."""
    panels = []
    for part, value in published.items():
        series = [epoch_series(runs, part, "accuracy", label) for label, runs in cells.items()]
        unmarked = tuple(replace(each, part=None) for each in series)
        lines = ((f"published {value}", value),)
        panels.append(Panel(f"{part.capitalize()} accuracy", "epoch", "accuracy (%)", unmarked, lines=lines))
    return Plot(name, caption, tuple(panels))


def parts_panel(
    title: str,
    x_label: str,
    quantity: str,
    finished: Sequence[Finished],
    lines: Sequence[tuple[str, float]] = (),
) -> Panel:
    """Return loss or accuracy of one cell, on the training and on the test rows."""
    parts: tuple[Part, Part] = ("train", "test")
    series = tuple(series_of(part, finished, f"{part} {quantity}", part) for part in parts)
    return Panel(title, x_label, QUANTITIES[quantity], series, lines=tuple(lines))


def cells_panel(
    title: str,
    x_label: str,
    curve: str,
    cells: Mapping[str, Sequence[Finished]],
    *,
    unit: str | None = None,
    lines: Sequence[tuple[str, float]] = (),
) -> Panel:
    """Return one curve of several cells, with the published figures as horizontal lines."""
    series = tuple(series_of(label, runs, curve) for label, runs in cells.items())
    return Panel(title, x_label, unit or QUANTITIES[curve.split()[1]], series, lines=tuple(lines))
