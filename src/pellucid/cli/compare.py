"""`pellucid compare`: the flags; those of a training are `pellucid train`'s own."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from pellucid.app.settings import TrainSettings, flag
from pellucid.cli.shared import DATA_SETS, Folder, check_counts, console, given
from pellucid.cli.train import as_in_train

USUAL = TrainSettings(source="digits")
DTYPES = ("float64", "float32")
EXAMPLES = """Examples:

pellucid compare

pellucid compare mnist --hidden 50 --dropout 0.2 --optimizer sgd --momentum 0.9

pellucid compare --report D --steps 2000 --out results/comparison

pellucid compare --config train.toml --dtype float32"""


def compare(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help=f"What to learn from: {DATA_SETS}, or the path of a CSV file (plain or .gz).",
        ),
    ] = USUAL.source,
    against: Annotated[str, typer.Option(metavar="LIBRARY", help="The other library: torch.")] = "torch",
    report: Annotated[
        str | None,
        typer.Option(metavar="D|E", show_default="the flags", help="Train what this report trains."),
    ] = None,
    steps: Annotated[
        int, typer.Option(help="Steps to take, whatever the epochs; a schedule spans them.")
    ] = 1000,
    dtype: Annotated[
        str,
        typer.Option(
            metavar="|".join(DTYPES),
            help="float64 has bars: a relative difference above 1e-10 within 100 steps, or 1e-8 within "
            "1,000, ends with status 1.",
        ),
    ] = DTYPES[0],
    hidden: Annotated[list[int], as_in_train("hidden")] = list(USUAL.hidden),  # noqa: B006
    activation: Annotated[list[str], as_in_train("activation")] = list(USUAL.activation),  # noqa: B006
    init: Annotated[str, as_in_train("init")] = USUAL.init,
    dropout: Annotated[float, as_in_train("dropout")] = USUAL.dropout,
    batch_size: Annotated[int, as_in_train("batch_size")] = USUAL.batch_size,
    loss: Annotated[str, as_in_train("loss")] = USUAL.loss,
    label_smoothing: Annotated[float, as_in_train("label_smoothing")] = USUAL.label_smoothing,
    optimizer: Annotated[str, as_in_train("optimizer")] = USUAL.optimizer,
    learning_rate: Annotated[float | None, as_in_train("learning_rate")] = None,
    schedule: Annotated[str, as_in_train("schedule")] = USUAL.schedule,
    momentum: Annotated[float, as_in_train("momentum")] = USUAL.momentum,
    nesterov: Annotated[bool, as_in_train("nesterov")] = USUAL.nesterov,
    weight_decay: Annotated[float, as_in_train("weight_decay")] = USUAL.weight_decay,
    seed: Annotated[int, as_in_train("seed")] = USUAL.seed,
    recipe: Annotated[str | None, as_in_train("recipe")] = USUAL.recipe,
    subtract_mean: Annotated[bool, as_in_train("subtract_mean")] = USUAL.subtract_mean,
    components: Annotated[int, as_in_train("components")] = USUAL.components,
    label: Annotated[str | None, as_in_train("label")] = None,
    validation: Annotated[float, as_in_train("validation")] = USUAL.validation,
    test: Annotated[float, as_in_train("test")] = USUAL.test,
    config: Annotated[Path | None, as_in_train("config")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Write comparison.json and its picture here.", rich_help_panel="Files"
        ),
    ] = None,
    folder: Folder = None,
) -> None:
    """Train in PyTorch too, from the same numbers, and measure after each step what differs."""
    check_counts({"steps": steps})
    _check_choices(against, dtype)
    from pellucid.app.compare import compare as carry_out
    from pellucid.app.compare_setup import setup_of_report, setup_of_settings
    from pellucid.app.config import merge

    flags = {name: value for name, value in given(context).items() if name in vars(USUAL)}
    try:
        if report is not None:
            _check_alone(report, flags, config)
            setup = setup_of_report(report, seed, dtype=dtype, folder=folder)
        else:
            setup = setup_of_settings(merge(config, flags, usual=USUAL), steps, dtype=dtype)
        holds = carry_out(setup, steps, out, console)
    except KeyboardInterrupt:
        console.print("\nInterrupted: nothing is written.")
        raise typer.Exit(130) from None
    if not holds:
        raise typer.Exit(1)


def _check_choices(against: str, dtype: str) -> None:
    """Raise where a word is none of those allowed, or PyTorch is missing."""
    for name, word, allowed in (("against", against, ("torch",)), ("dtype", dtype, DTYPES)):
        if word not in allowed:
            raise ValueError(f"{flag(name)} must be {' or '.join(allowed)}, got {word!r}")
    if find_spec("torch") is None:
        raise ValueError("compare needs PyTorch, which is missing: pip install 'pellucid[compare]'")


def _check_alone(report: str, flags: dict[str, Any], config: Path | None) -> None:
    """Raise where settings are given beside a report, which has its own."""
    others = [flag(name) for name in flags if name not in ("seed", "folder", "source")]
    others += ["--config"] if config else []
    others += ["SOURCE"] if "source" in flags else []
    if others:
        raise ValueError(f"--report {report} brings its own settings: leave out {', '.join(others)}")
