"""`pellucid predict`: its options and what it prints."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pellucid as pl
from pellucid.app.options import FILES, IMAGES, REQUIRED, Options, option
from pellucid.app.settings import folder_option
from pellucid.cli.shared import console, messages
from pellucid.wording import counted

if TYPE_CHECKING:
    from pellucid.app.prediction import Predictions

EXAMPLES = """pellucid predict net.safetensors digit.png --resize --invert
pellucid predict net.safetensors flowers.csv --out predictions.csv
pellucid predict net.safetensors mnist"""


@dataclass(frozen=True)
class PredictOptions(Options):
    """Arguments and options of `pellucid predict`."""

    model: Path = option(
        REQUIRED, "A network saved by pellucid train --save.", metavar="MODEL", is_argument=True
    )
    inputs: tuple[str, ...] = option(
        REQUIRED,
        "A CSV file with the columns of the training, PNG or JPEG images, an IDX file, or a data set "
        f"({', '.join(pl.DATASETS)}), whose test images are predicted.",
        metavar="INPUT",
        is_argument=True,
    )
    resize: bool = option(
        False, "Scale images to the size the network takes.", group=IMAGES, has_negative=False
    )
    invert: bool = option(
        False, "Swap dark and light, for dark ink on light paper.", group=IMAGES, has_negative=False
    )
    out: Path | None = option(
        None,
        "Write the predictions to this file.",
        group=FILES,
        metavar="FILE",
        default_text="print them",
    )
    folder: Path | None = folder_option()


def predict(options: PredictOptions) -> None:
    """Predict classes and probabilities with a saved network.

    The result is a CSV table. Rows are numbered from 1, starting below the header. If the input has labels,
    the accuracy is printed too.
    """
    from pellucid.app.inputs import read_inputs
    from pellucid.app.outputs import check_place
    from pellucid.app.prediction import load_model
    from pellucid.app.prediction import predict as carry_out

    check_place("--out", options.out)
    net, notes = load_model(options.model)
    rows = read_inputs(
        list(options.inputs), notes, resize=options.resize, invert=options.invert, folder=options.folder
    )
    predictions = carry_out(net, notes, rows)
    _write(predictions, len(rows.x), options.out)
    if predictions.correct is not None:
        share = f"{predictions.correct / len(rows.x):.2%} ({predictions.correct} of {len(rows.x)})"
        messages.print(f"accuracy {share}", highlight=False)
    if rows.hint:
        messages.print(rows.hint, highlight=False, soft_wrap=True)


def _write(predictions: "Predictions", n_rows: int, out: Path | None) -> None:
    """Write the table to a file, or to standard output."""
    from pellucid.files.whole import write_whole

    if out is None:
        sys.stdout.writelines(predictions.lines())
        return
    write_whole(out, (line.encode() for line in predictions.lines()))
    console.print(f"written: {out} ({counted(n_rows, 'row')})", markup=False, highlight=False, soft_wrap=True)
