"""The picture of a comparison with PyTorch: how far apart each block of parameters is, step by step."""

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.lab.figures import Panel, Plot, Series

TITLES = {"gradients": "Gradients", "weights": "Weights"}


def comparison_plot(content: Mapping[str, Any]) -> Plot:
    """Return the relative differences of gradients and of weights, a curve a block.

    Parameters
    ----------
    content : mapping
        As `pellucid compare` writes it to ``comparison.json``.
    """
    caption = (
        f"{content['name']} in {content['dtype']}: largest difference so far between pellucid and PyTorch in "
        "each block of parameters, over the block's largest entry. Equal blocks have no point."
    )
    bars = tuple((f"bar to {bar['steps']:,}", bar["limit"]) for bar in content["bars"])
    panels = (_panel(kind, content["blocks"], content["curve"], bars) for kind in TITLES)
    return Plot("comparison", caption, tuple(panels))


def _panel(
    kind: str, blocks: Sequence[str], curve: Sequence[Mapping[str, Any]], bars: tuple[tuple[str, float], ...]
) -> Panel:
    by_block = {
        name: [(point["step"], point["largest so far"][kind][i]) for point in curve]
        for i, name in enumerate(blocks)
    }
    # A logarithmic axis has no place for 0.
    seen = {name: [pair for pair in pairs if pair[1] > 0] for name, pairs in by_block.items()}
    series = tuple(
        Series(name, [step for step, _ in pairs], [[value for _, value in pairs]])
        for name, pairs in seen.items()
        if pairs
    )
    return Panel(
        TITLES[kind], "step", "relative difference so far", series, lines=bars, log_x=True, log_y=True
    )
