"""`pellucid gradcheck`: its options besides the network settings."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from pellucid.app.options import FILES, flag, option
from pellucid.app.settings import TrainSettings, source_argument
from pellucid.cli.shared import ConfigOptions, console

#: Settings of a new network; a saved network already has them.
OF_NEW_NETWORKS = ("hidden", "activation", "init", "dropout", "loss", "label")
SETTINGS = (*OF_NEW_NETWORKS, "label_smoothing", "folder")
EXAMPLES = """pellucid gradcheck
pellucid gradcheck --hidden 30 --hidden 10 --activation tanh --dropout 0.2
pellucid gradcheck flowers.csv --label species --rows 50
pellucid gradcheck mnist --model net.safetensors"""


@dataclass(frozen=True)
class GradcheckOptions(ConfigOptions):
    """Options of `pellucid gradcheck` besides `SETTINGS`."""

    source: str = source_argument("digits", "Where the batch comes from")
    rows: int = option(20, "Rows of the batch, drawn at random.", least=1)
    directions: int = option(3, "Random directions to check in each block of parameters.", least=1)
    seed: int = option(0, "Seed of the rows, weights, dropout masks and directions.", least=0)
    model: Path | None = option(
        None,
        "Check a network saved by pellucid train --save.",
        group=FILES,
        metavar="FILE",
        default_text="a new network",
    )


def gradcheck(options: GradcheckOptions, flags: dict[str, Any]) -> None:
    """Check backpropagation against finite differences of the loss.

    Each block of parameters is checked in float64, with fixed dropout masks. The exit status is 1 if a block
    is wrong.
    """
    from pellucid.app.config import merge
    from pellucid.app.gradcheck import check_gradient, new_case, saved_case, show_checks

    if options.model is not None:
        _check_flags_of_model([*flags, *(["config"] if options.config else [])])
    settings = merge(options.config, flags, usual=TrainSettings(source="digits"))
    if options.model is None:
        case = new_case(settings, options.rows)
    else:
        case = saved_case(options.model, settings, options.rows)
    checks = check_gradient(case, options.directions)
    show_checks(case, checks, console)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def _check_flags_of_model(names: Iterable[str]) -> None:
    """Raise if an option given with --model is already fixed by the saved network."""
    for name in names:
        if name in (*OF_NEW_NETWORKS, "config"):
            raise ValueError(f"{flag(name)} is for a new network, and --model is a saved one: leave one out")
