"""`pellucid compare`: its options besides the training settings."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer

from pellucid.app.options import FILES, flag, option
from pellucid.app.settings import TrainSettings, source_argument
from pellucid.cli.shared import SETTINGS as ALL_SETTINGS
from pellucid.cli.shared import ConfigOptions, console

DTYPES = ("float64", "float32")
#: Settings that do not apply: `--steps` sets the length, and no network or checkpoint is saved.
LEFT_OUT = {"epochs", "patience", "save", "run", "checkpoint", "every", "resume", "deterministic"}
SETTINGS = tuple(name for name in ALL_SETTINGS if name not in LEFT_OUT)
EXAMPLES = """pellucid compare
pellucid compare mnist --hidden 50 --optimizer sgd --momentum 0.9
pellucid compare --report D --steps 2000 --out results/comparison
pellucid compare --config train.toml --dtype float32"""


@dataclass(frozen=True)
class CompareOptions(ConfigOptions):
    """Options of `pellucid compare` besides `SETTINGS`."""

    source: str = source_argument("digits")
    against: str = option("torch", "The other library: torch.", choices=("torch",))
    report: str | None = option(
        None, "Train the network of this report.", metavar="D|E", default_text="train by the flags"
    )
    steps: int = option(1000, "Steps to take, instead of epochs; a schedule spans them.", least=1)
    dtype: str = option(
        DTYPES[0],
        "float64 or float32. In float64, the exit status is 1 if a relative difference exceeds 1e-10 within "
        "100 steps, or 1e-8 within 1,000.",
        choices=DTYPES,
    )
    out: Path | None = option(None, "Write comparison.json and its picture here.", group=FILES, path="folder")


def compare(options: CompareOptions, flags: dict[str, Any]) -> None:
    """Train in pellucid and PyTorch, and compare them step by step.

    Both start with the same weights and take the same batches. The comparison covers losses, gradients and
    weights.
    """
    if find_spec("torch") is None:
        raise ValueError("compare needs PyTorch, which is missing: pip install 'pellucid[compare]'")
    from pellucid.app.compare import compare as carry_out

    try:
        holds = carry_out(_setup(options, flags), options.steps, options.out, console)
    except KeyboardInterrupt:
        console.print("\nInterrupted: nothing is written.")
        raise typer.Exit(130) from None
    if not holds:
        raise typer.Exit(1)


def _setup(options: CompareOptions, flags: dict[str, Any]) -> Any:
    """Return the training of a report, or the one that the flags describe."""
    from pellucid.app.compare_setup import setup_of_report, setup_of_settings
    from pellucid.app.config import merge

    if options.report is None:
        settings = merge(options.config, flags, usual=TrainSettings(source="digits"))
        return setup_of_settings(settings, options.steps, dtype=options.dtype)
    _check_alone(options.report, flags, options.config)
    seed, folder = flags.get("seed", 0), flags.get("folder")
    return setup_of_report(options.report, seed, dtype=options.dtype, folder=folder)


def _check_alone(report: str, flags: dict[str, Any], config: Path | None) -> None:
    """Raise if settings are given together with a report, which has its own."""
    others = [flag(name) for name in flags if name not in ("seed", "folder", "source")]
    others += ["--config"] if config else []
    others += ["SOURCE"] if "source" in flags else []
    if others:
        raise ValueError(f"--report {report} has its own settings: leave out {', '.join(others)}")
