"""`pellucid train`: its flags are the fields of `TrainSettings`, and --config."""

from typing import Any

import typer

from pellucid.cli.shared import ConfigOptions, console

EXAMPLES = """pellucid train digits --save net.safetensors
pellucid train flowers.csv --label species --hidden 20 --patience 10
pellucid train mnist --recipe fast
pellucid train mnist --config train.toml --epochs 5
pellucid train mnist --epochs 100 --checkpoint a.ckpt --resume"""


def train(options: ConfigOptions, flags: dict[str, Any]) -> None:
    """Train a network on a data set or a CSV file.

    The accuracy is measured on held-out rows.
    """
    from pellucid.app.config import merge
    from pellucid.app.trainer import train as carry_out

    if not carry_out(merge(options.config, flags), console):
        raise typer.Exit(130)
