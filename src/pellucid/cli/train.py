"""`pellucid train`: the flags, each with its default and its help."""

from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from pellucid.app.recipes import PURPOSES
from pellucid.app.settings import CHOICES, LEARNING_RATES, TrainSettings
from pellucid.cli.shared import DATA_SETS, Folder, console, given

USUAL = TrainSettings()
NETWORK, TRAINING, ROWS, FILES = "Network", "Training", "Rows", "Files"
EXAMPLES = """Examples:

pellucid train digits --save net.safetensors

pellucid train flowers.csv --label species --hidden 20 --patience 10

pellucid train mnist --recipe fast

pellucid train mnist --config train.toml --epochs 5

pellucid train mnist --epochs 100 --checkpoint a.ckpt --resume"""


def _one_of(name: str) -> str:
    return ", ".join(CHOICES[name])


def train(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            show_default=False,
            help=f"What to learn from: {DATA_SETS}, or the path of a CSV file (plain or .gz).",
        ),
    ] = USUAL.source,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="Settings that go well together; flags and --config win over them. "
            f"{'; '.join(f'{name}: {purpose}' for name, purpose in PURPOSES.items())}.",
        ),
    ] = USUAL.recipe,
    hidden: Annotated[
        list[int],
        typer.Option(help="Width of a hidden layer; once for each layer.", rich_help_panel=NETWORK),
    ] = list(USUAL.hidden),  # noqa: B006
    activation: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help=f"{_one_of('activation')}; once for all layers, or once for each.",
            rich_help_panel=NETWORK,
        ),
    ] = list(USUAL.activation),  # noqa: B006
    init: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            rich_help_panel=NETWORK,
            help=f"Starting weights of hidden layers: {_one_of('init')}.",
        ),
    ] = USUAL.init,
    dropout: Annotated[
        float, typer.Option(help="Share of hidden outputs dropped while training.", rich_help_panel=NETWORK)
    ] = USUAL.dropout,
    epochs: Annotated[
        int, typer.Option(help="Passes over the training rows.", rich_help_panel=TRAINING)
    ] = USUAL.epochs,
    batch_size: Annotated[
        int, typer.Option(help="Rows a step; 0: all rows at once.", rich_help_panel=TRAINING)
    ] = USUAL.batch_size,
    loss: Annotated[
        str,
        typer.Option(
            metavar="NAME", help=f"What training makes small: {_one_of('loss')}.", rich_help_panel=TRAINING
        ),
    ] = USUAL.loss,
    label_smoothing: Annotated[
        float,
        typer.Option(
            help="Share of each label spread over all classes, such as 0.1.", rich_help_panel=TRAINING
        ),
    ] = USUAL.label_smoothing,
    optimizer: Annotated[
        str,
        typer.Option(
            metavar="NAME", help=f"The rule of a step: {_one_of('optimizer')}.", rich_help_panel=TRAINING
        ),
    ] = USUAL.optimizer,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Size of a step.",
            show_default=", ".join(f"{rate:g} for {name}" for name, rate in LEARNING_RATES.items()),
            rich_help_panel=TRAINING,
        ),
    ] = None,
    schedule: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            rich_help_panel=TRAINING,
            help="The learning rate over the training. constant: stays. step-decay: a tenth after each "
            "third. cosine: falls to 0. one-cycle: rises from a 25th for 30 % of it, then falls almost to 0.",
        ),
    ] = USUAL.schedule,
    momentum: Annotated[
        float, typer.Option(help="Of sgd, such as 0.9.", rich_help_panel=TRAINING)
    ] = USUAL.momentum,
    nesterov: Annotated[
        bool, typer.Option(help="Nesterov's momentum.", rich_help_panel=TRAINING)
    ] = USUAL.nesterov,
    weight_decay: Annotated[
        float, typer.Option(help="Pull of all weights towards 0, such as 1e-4.", rich_help_panel=TRAINING)
    ] = USUAL.weight_decay,
    patience: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=TRAINING,
            show_default="train all epochs",
            help="Stop after this many epochs without a lower validation loss; keep the best weights.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Draws rows, weights and batches.", rich_help_panel=TRAINING)
    ] = USUAL.seed,
    deterministic: Annotated[
        bool,
        typer.Option(
            help="Compute so that the same bits come out whatever the number of threads.",
            rich_help_panel=TRAINING,
        ),
    ] = USUAL.deterministic,
    subtract_mean: Annotated[
        bool,
        typer.Option(
            help="Subtract each pixel's mean over the training rows, as is done with CSV columns anyway.",
            rich_help_panel=ROWS,
        ),
    ] = USUAL.subtract_mean,
    components: Annotated[
        int,
        typer.Option(
            help="Learn from so many principal components of the training rows, less their mean, which takes "
            "less time; the network that comes out takes the features themselves. 0: from the features.",
            rich_help_panel=ROWS,
        ),
    ] = USUAL.components,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="CSV column of classes.", show_default="label", rich_help_panel=ROWS
        ),
    ] = None,
    validation: Annotated[
        float,
        typer.Option(help="Share of the training rows held out to watch progress.", rich_help_panel=ROWS),
    ] = USUAL.validation,
    test: Annotated[
        float,
        typer.Option(
            help="Share of a CSV file's rows held out for the final score; data sets bring their own.",
            rich_help_panel=ROWS,
        ),
    ] = USUAL.test,
    config: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="TOML file of settings; flags win over it.", rich_help_panel=FILES),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(help="Write the network here, for pellucid predict.", rich_help_panel=FILES),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            help="Write settings, versions, epochs and scores here, as JSON.", rich_help_panel=FILES
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Write the state of the training here after each epoch, to go on from by --resume.",
            rich_help_panel=FILES,
        ),
    ] = None,
    every: Annotated[
        int | None,
        typer.Option(
            metavar="STEPS",
            help="Write the checkpoint after so many steps, in the middle of an epoch too.",
            show_default="each epoch",
            rich_help_panel=FILES,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            help="Go on from the checkpoint, to the same bits as without a break; from the start if there is "
            "none yet. The other flags stay as they were.",
            rich_help_panel=FILES,
        ),
    ] = USUAL.resume,
    folder: Folder = None,
) -> None:
    """Train a network on a data set or a CSV file, and measure it on rows that it has never seen."""
    from pellucid.app.config import merge
    from pellucid.app.train import train as carry_out

    flags = given(context)
    flags.pop("config", None)
    if not carry_out(merge(config, flags), console):
        raise typer.Exit(130)


def as_in_train(name: str) -> Any:
    """Return what `pellucid train` says of one of its flags, for commands that have it too."""
    return get_type_hints(train, include_extras=True)[name].__metadata__[0]
