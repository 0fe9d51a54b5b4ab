"""The figure of a comparison with PyTorch: both losses, and the difference in each block of parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.lab.pictures.curve_panels import Panel, Series
from pellucid.lab.pictures.figures import Plot
from pellucid.wording import counted

TITLES = {"gradients": "Gradients", "weights": "Parameters"}


def comparison_plot(content: Mapping[str, Any]) -> Plot:
    """Return the plot of ``comparison.json``: both losses, and the relative differences of each block."""
    caption = (
        f"{content['name']} in {content['dtype']}: the loss of each step in pellucid and in PyTorch, and the "
        "largest difference so far in each block of parameters, relative to the largest entry of the block. "
        "Blocks without a difference have no points."
    )
    curve, limits = content["curve"], _limits(content["bars"])
    panels = (_losses(curve), *(_panel(kind, content["blocks"], curve, limits) for kind in TITLES))
    trained = f"{content['name']}, {counted(content['steps'], 'step')} in {content['dtype']}"
    title = f"pellucid and PyTorch on {trained}: largest relative difference {content['largest']:.0e}"
    return Plot("comparison", caption, panels, columns=3, title=title)


def _losses(curve: Sequence[Mapping[str, Any]]) -> Panel:
    """Return the panel of both losses, whose curves coincide if the libraries agree."""
    steps = [point["step"] for point in curve]
    ours, theirs = (
        Series(library, steps, [[point["losses"][library] for point in curve]], dashed=i == 1)
        for i, library in enumerate(curve[0]["losses"])
    )
    return Panel("Loss", "step", "loss of the batch", (ours, theirs), log_x=True)


def _limits(bars: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, float, float], ...]:
    """Return first step, last step and value of each limit."""
    starts = [1, *(bar["steps"] for bar in bars)]
    return tuple((start, bar["steps"], bar["limit"]) for start, bar in zip(starts, bars, strict=False))


def _panel(
    kind: str,
    blocks: Sequence[str],
    curve: Sequence[Mapping[str, Any]],
    limits: tuple[tuple[float, float, float], ...],
) -> Panel:
    series = []
    for i, name in enumerate(blocks):
        found = {point["step"]: point["largest so far"][kind][i] for point in curve}
        seen = {step: value for step, value in found.items() if value > 0}  # a logarithmic axis cannot show 0
        if seen:
            series.append(Series(name, [*seen], [[*seen.values()]]))
    label = "relative difference so far"
    return Panel(TITLES[kind], "step", label, tuple(series), limits=limits, log_x=True, log_y=True)
