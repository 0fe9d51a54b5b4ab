"""The command line: parses, calls, prints. `pellucid --help` lists the commands."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

import pellucid as pl

app = typer.Typer(
    help="Train and check small neural networks, and rerun published experiments.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
data_app = typer.Typer(help="Look at data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
console = Console()


def _show_version(wanted: bool) -> None:
    if wanted:
        console.print(pl.__version__, highlight=False)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train and check small neural networks, and rerun published experiments."""


DatasetName = StrEnum("DatasetName", list(pl.DATASETS))  # type: ignore[misc]
ReportLetter = StrEnum("ReportLetter", {letter: letter for letter in "CD"})  # type: ignore[misc]
Folder = Annotated[Path | None, typer.Option(help="Where the data files lie; default: cache, then download.")]


@app.command()
def train(
    dataset: Annotated[DatasetName, typer.Argument(help="The images to learn.")],
    hidden: Annotated[
        list[int], typer.Option(min=1, help="Width of a hidden layer; once for each layer.")
    ] = [100],  # noqa: B006
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training rows.")] = 20,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows a step.")] = 32,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = 0.001,
    seed: Annotated[int, typer.Option(min=0, help="Draws validation rows, weights and batches.")] = 0,
    save: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the network to this .safetensors file.")
    ] = None,
    folder: Folder = None,
) -> None:
    """Train a ReLU network and measure it on the test images."""
    if save is not None:
        _check_place(save)
    optimizer = pl.Adam(learning_rate)
    data = pl.load_dataset(dataset, folder=folder)
    rng = np.random.default_rng(seed)
    rows, held_out = pl.split(data.y_train, (0.9, 0.1), rng=rng, stratify=True)
    layers = [layer for width in hidden for layer in (pl.Dense(width, init=pl.he_normal), pl.ReLU())]
    net = pl.Network([pl.Rescale(1 / data.x_train.max()), *layers, pl.Dense(data.n_classes)])
    net.build(data.x_train.shape[1], rng=rng)
    console.print(net.summary(), highlight=False)
    loss = pl.SoftmaxCrossEntropy()
    records = pl.train(
        net,
        loss,
        optimizer,
        data.x_train[rows],
        data.y_train[rows],
        epochs=epochs,
        batch_size=batch_size,
        validation=(data.x_train[held_out], data.y_train[held_out]),
        rng=rng,
    )
    for record in track(records, total=epochs, description="epochs", console=console):
        console.print(
            f"epoch {record.epoch:3d}  loss {record.loss:.4f}  accuracy {record.accuracy:7.2%}  "
            f"validation {record.validation_accuracy:7.2%}",
            highlight=False,
        )
    x, y, part = (data.x_test, data.y_test, "test")
    if len(y) == 0:
        x, y, part = data.x_train[held_out], data.y_train[held_out], "validation"
    _print_scores(y, net.predict(x).argmax(axis=1), part, data.n_classes)
    if save is not None:
        net.save(save)
        console.print(f"saved: {save}", markup=False, highlight=False, soft_wrap=True)


def _check_place(save: Path) -> None:
    """Learn before the training, not after it, that a file cannot be written."""
    folder = save.resolve().parent
    if not folder.is_dir():
        raise ValueError(f"--save: there is no folder {save.parent}; make it first")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"--save: the folder {save.parent} cannot be written to; name another")
    if save.exists() and not save.is_file():
        raise ValueError(f"--save: {save} is not a regular file; name another")


def _print_scores(y: np.ndarray, predicted: np.ndarray, part: str, n_classes: int) -> None:
    """Print precision, recall and F1 of each class, and the accuracy."""
    table = Table("class", "precision", "recall", "F1", "rows")
    scores = [score(y, predicted, n_classes=n_classes) for score in (pl.precision, pl.recall, pl.f1)]
    for k in range(n_classes):
        table.add_row(str(k), *(f"{score[k]:.3f}" for score in scores), str(int((y == k).sum())))
    console.print(table)
    correct = int((y == predicted).sum())
    console.print(
        f"{part} accuracy {correct / len(y):.2%} ({correct} of {len(y)}), "
        f"macro F1 {pl.f1(y, predicted, n_classes=n_classes, average='macro'):.4f}",
        highlight=False,
    )


@app.command()
def reproduce(
    report: Annotated[
        list[ReportLetter] | None, typer.Option(case_sensitive=False, help="Only this report.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Published lengths, every reading, 5 seeds.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A smoke run of less than a minute.")] = False,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds a cell; intervals need 3.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs at a time; default: one a core.")] = None,
    out: Annotated[Path, typer.Option(file_okay=False, help="Where results go.")] = Path("results"),
    folder: Folder = None,
) -> None:
    """Rerun the published reports and say which of their figures hold."""
    from pellucid.lab.console import reproduce as run
    from pellucid.lab.report import Mode
    from pellucid.lab.reports import REPORTS
    from pellucid.lab.runner import Session

    if full and quick:
        raise ValueError("--full and --quick exclude each other: give one")
    name, usual = ("full", 5) if full else ("quick", 1) if quick else ("default", 3)
    # Workers load the data themselves: the folder reaches them through the environment.
    if folder is not None:
        os.environ["PELLUCID_DATA"] = str(folder.resolve())
    data = pl.load_dataset("mnist", folder=folder)
    session = Session(list(REPORTS.values()), Mode(name, seeds or usual), data, out, only=report)
    try:
        run(session, jobs or os.cpu_count() or 1, console)
    except KeyboardInterrupt:
        console.print("\nInterrupted. Finished runs are kept: the same command goes on from here.")
        raise typer.Exit(130) from None


@data_app.command()
def describe(
    dataset: Annotated[DatasetName, typer.Argument(help="The data set.")],
    picture: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for a grid of labelled digits.")
    ] = None,
    folder: Folder = None,
) -> None:
    """Print shapes, memory, labels, pixel range, constant pixels and outliers; draw labelled digits."""
    from pellucid.lab.description import show_description
    from pellucid.lab.figures import Grid, render

    data = pl.load_dataset(dataset, folder=folder)
    show_description(pl.describe(data), console)
    if picture is not None:
        chosen = np.random.default_rng(0).choice(len(data.x_train), 25, replace=False)
        images = data.x_train[chosen].reshape(-1, *data.image_shape)
        titles = tuple(str(label) for label in data.y_train[chosen])
        paths = render(Grid(f"{dataset}-digits", f"{dataset}: labelled images", images, titles), picture)
        console.print(*paths, sep="\n", markup=False, highlight=False, soft_wrap=True)
