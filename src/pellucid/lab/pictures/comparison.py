"""The figure of a comparison with PyTorch: both losses, and the difference in each block of parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.lab.pictures.figures import Panel, Plot, Series
from pellucid.wording import counted

TITLES = {"gradients": "Gradients", "weights": "Parameters"}


def comparison_plot(content: Mapping[str, Any]) -> Plot:
    """Return the losses of both libraries, and the relative differences of each block of parameters.

    Parameters
    ----------
    content : mapping
        The content of ``comparison.json``.
    """
    caption = (
        f"{content['name']} in {content['dtype']}: the loss of each step in pellucid and in PyTorch, and the "
        "largest difference so far in each block of parameters, relative to the largest entry of the block. "
        "Blocks without a difference have no points."
    )
    curve, limits = content["curve"], _limits(content["bars"])
    panels = (_losses(curve), *(_panel(kind, content["blocks"], curve, limits) for kind in TITLES))
    return Plot("comparison", caption, panels, columns=3, title=_title(content))


def _title(content: Mapping[str, Any]) -> str:
    """Return the title: what was compared, and the largest difference."""
    trained = f"{content['name']}, {counted(content['steps'], 'step')} in {content['dtype']}"
    return f"pellucid and PyTorch on {trained}: largest relative difference {content['largest']:.0e}"


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
    by_block = {
        name: [(point["step"], point["largest so far"][kind][i]) for point in curve]
        for i, name in enumerate(blocks)
    }
    # A logarithmic axis cannot show 0.
    seen = {name: [pair for pair in pairs if pair[1] > 0] for name, pairs in by_block.items()}
    series = tuple(
        Series(name, [step for step, _ in pairs], [[value for _, value in pairs]])
        for name, pairs in seen.items()
        if pairs
    )
    return Panel(
        TITLES[kind], "step", "relative difference so far", series, limits=limits, log_x=True, log_y=True
    )
