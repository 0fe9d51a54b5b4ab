"""`pellucid predict`: the flags, each with its help."""

import sys
from pathlib import Path
from typing import Annotated

import typer

import pellucid as pl
from pellucid.cli.shared import Folder, console, messages
from pellucid.wording import counted

EXAMPLES = """Examples:

pellucid predict net.safetensors digit.png --resize --invert

pellucid predict net.safetensors flowers.csv --out predictions.csv

pellucid predict net.safetensors mnist"""


def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A file that pellucid train --save has written.")
    ],
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="A CSV file with the columns of the training, PNG or JPEG images, an IDX file, or a data "
            f"set ({', '.join(pl.DATASETS)}): its test images.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Write the predictions here.", show_default="print them", rich_help_panel="Files"),
    ] = None,
    resize: Annotated[
        bool, typer.Option("--resize", help="Bring images to the model's size.", rich_help_panel="Images")
    ] = False,
    invert: Annotated[
        bool,
        typer.Option("--invert", help="Swap dark and light: for ink on paper.", rich_help_panel="Images"),
    ] = False,
    folder: Folder = None,
) -> None:
    """Predict classes and their probabilities with a saved network, as a CSV table.

    Row 1 is the first below a header. With labels in the input, the accuracy follows.
    """
    from pellucid.app.inputs import read_inputs
    from pellucid.app.places import check_place
    from pellucid.app.prediction import load_model
    from pellucid.app.prediction import predict as carry_out
    from pellucid.files.whole import write_whole

    check_place("--out", out)
    net, notes = load_model(model)
    rows = read_inputs(inputs, notes, resize=resize, invert=invert, folder=folder)
    predictions = carry_out(net, notes, rows)
    if out is None:
        sys.stdout.writelines(predictions.lines())
    else:
        write_whole(out, (line.encode() for line in predictions.lines()))
        console.print(
            f"written: {out} ({counted(len(rows.x), 'row')})", markup=False, highlight=False, soft_wrap=True
        )
    if predictions.correct is not None:
        share = f"{predictions.correct / len(rows.x):.2%} ({predictions.correct} of {len(rows.x)})"
        messages.print(f"accuracy {share}", highlight=False)
    if rows.hint:
        messages.print(rows.hint, highlight=False, soft_wrap=True)
