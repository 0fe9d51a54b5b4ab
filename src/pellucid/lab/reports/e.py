"""Report E: a sigmoid network with squared error, and the same in PyTorch; `e_run` is what is run.

Rate, batch size and epochs are not stated, nor the first run's initializer, nor anything of the PyTorch net's
training: each choice is a reading, and a run is read at several epochs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TypeAlias

from pellucid.lab.claims import Claim
from pellucid.lab.ledger import Row, settle_readings
from pellucid.lab.pairs import costs_of, differences, matching
from pellucid.lab.pictures.curves import QUANTITIES, last, series_of, value_at
from pellucid.lab.pictures.figures import Drawing, Panel, Picture, Plot
from pellucid.lab.report import Cost, Finished, Measure, Report, Slip, judge_if_run, one_by_one
from pellucid.lab.reports.e_run import (
    APART,
    DEFAULT_CELLS,
    FIRST,
    INTENDED,
    INTENDED_BATCHES,
    QUICK_EPOCHS,
    SECOND,
    TORCH_CE,
    TORCH_MSE,
    TWIN_CELLS,
    Cell,
    network,
    plan,
    run,
    settings_of,
)
from pellucid.lab.reports.twins import with_twin

PUBLISHED, AS_INTENDED = "as published", "as intended"
PARTS = ("validation", "test")
#: The epochs at which a run is read, as far as it goes: how many were trained is not stated.
READ_AT = (3, 5, 10, 15, 20, 30, 40)

ASSUMPTIONS = (
    "42,000 rows to train on, 9,000 to validate, 9,000 to test, all from MNIST's 60,000 training images; "
    "pixels / 255.",
    "Rate, batch size, epochs and the first initializer are searched over; so are the PyTorch net's "
    "optimizer, rate, epochs, and whether its cross-entropy takes the sigmoid outputs or what goes into "
    "them.",
    "The PyTorch net starts as torch.nn.Linear does. float32 in place of NumPy's float64.",
)
SLIP_SUM = Slip(
    "1/len(y) divides by 10",
    "y is one-hot with a column an example, so len(y) is the 10 outputs, not the rows: the gradient is a "
    "tenth of the batch's sum. Ten times the rows make a step ten times as long, and the batch size hardly "
    "matters.",
)
SLIP_BIAS = Slip(
    "one sum moves all biases of a layer",
    "np.sum(delta) sums over units as well as rows: every bias of a layer is moved by the same number.",
)
SLIP_LIMIT = Slip(
    "limit2 is never used",
    "1/sqrt(30) is computed for the second layer, which then takes the first layer's 1/sqrt(784).",
)
SLIP_SLOPE = Slip(
    "σ′ printed as σ(z) · σ(1 - z)",
    "The derivative is σ(z) · (1 - σ(z)). The code of d_sigmoid is not shown: the true one is taken, and the "
    "printed one tried.",
)
#: Variant, what the figure is of, its published validation and test accuracy, the readings.
Figure: TypeAlias = tuple[str, str, tuple[str, str], list[Cell]]
FIGURES: list[Figure] = [
    (PUBLISHED, "first run", ("89.2", "88.41"), FIRST),
    (PUBLISHED, "uniform ±1/28", ("90.7556", "90.0556"), SECOND),
    (PUBLISHED, "PyTorch, MSE", ("89.5444", "89.5778"), TORCH_MSE),
    (PUBLISHED, "PyTorch, cross-entropy", ("92.4", "92.5111"), TORCH_CE),
    (AS_INTENDED, "uniform ±1/28", ("90.7556", "90.0556"), INTENDED),
]
#: What is claimed to lie above what.
ORDERINGS: list[tuple[str, Cell, Cell]] = [
    ("uniform ±1/28 above the first run", SECOND[0], FIRST[0]),
    ("PyTorch: cross-entropy above MSE", TORCH_CE[0], TORCH_MSE[0]),
    ("PyTorch: cross-entropy above MSE", TORCH_CE[4], TORCH_MSE[0]),
]


def rows(finished: list[Finished]) -> list[Row]:
    """Return every published figure in every reading, the orderings, and the loss by batch size."""
    readings = [*_readings()]
    found = settle_readings([_reading_row(finished, *reading) for reading in readings])
    found = [
        _with_twin(row, finished, claim, cell, epoch)
        for row, (_, claim, cell, epoch) in zip(found, readings, strict=True)
    ]
    orderings = [_ordering_row(finished, *each, part) for each in ORDERINGS for part in PARTS]
    return [*found, *orderings, *_batch_rows(finished)]


def _readings() -> Iterator[tuple[str, Claim, Cell, int]]:
    """Yield every published figure in every reading: variant, claim, cell, and the epoch it is read at."""
    for variant, name, published, cells in FIGURES:
        for part, value in zip(PARTS, published, strict=True):
            claim = Claim(f"{part} accuracy, {name}", "%", value)
            yield from ((variant, claim, cell, epoch) for cell in cells for epoch in _epochs_read(cell))


def _epochs_read(cell: Cell) -> list[int]:
    """Return the epochs at which a cell is read: the last three of those it reaches."""
    return [epoch for epoch in READ_AT if epoch <= cell.epochs][-3:]


def _reading_row(finished: list[Finished], variant: str, claim: Claim, cell: Cell, epoch: int) -> Row:
    ours, twins = (_by_seed(finished, claim, cell, epoch, library) for library in ("pellucid", "torch"))
    reading = f"{cell}, {epoch} epochs"
    return _judged(claim, variant, [cell], [*ours.values()], reading, [*twins.values()])


def _with_twin(row: Row, finished: list[Finished], claim: Claim, cell: Cell, epoch: int) -> Row:
    """Say of which seeds PyTorch's figure is, where a cell is run in PyTorch too."""
    if cell not in TWIN_CELLS or not row.seeds:
        return row
    ours, twins = (_by_seed(finished, claim, cell, epoch, library) for library in ("pellucid", "torch"))
    return with_twin(row, ours, twins)


def _by_seed(
    finished: list[Finished], claim: Claim, cell: Cell, epoch: int, library: str
) -> dict[int, float]:
    """Return a figure as read at an epoch, by seed."""
    runs = matching(finished, **settings_of(cell, library=library))
    curve = f"{claim.figure.split()[0]} accuracy"
    return {run.seed: value_at(run.result, curve, epoch) for run in runs}


def _ordering_row(finished: list[Finished], name: str, above: Cell, below: Cell, part: str) -> Row:
    values = differences(finished, settings_of(above), settings_of(below), _final(part))
    claim = Claim(f"{part} accuracy: {name}", "points", kind="ordering")
    return _judged(claim, PUBLISHED, [above, below], values, f"{above} against {below}")


def _final(part: str) -> Measure:
    return lambda result: last(result, f"{part} accuracy")


def _judged(
    claim: Claim,
    variant: str,
    cells: list[Cell],
    values: Sequence[float],
    reading: str | None,
    twins: Sequence[float] = (),
) -> Row:
    return judge_if_run(
        claim,
        values,
        report="E",
        variant=variant,
        reading=reading,
        torch=fmean(twins) if twins else None,
        assumptions=ASSUMPTIONS,
        by_default=all(cell in DEFAULT_CELLS for cell in cells),
        what=f"it for {cells[0].epochs} epochs",
    )


def _batch_rows(finished: list[Finished]) -> list[Row]:
    """Return the training loss at the end by batch size, with the slip and without."""
    found = []
    for variant, cells in ((PUBLISHED, SECOND[:4]), (AS_INTENDED, INTENDED_BATCHES)):
        for cell in sorted(cells, key=lambda cell: cell.batch_size):
            values = [last(run.result, "train loss") for run in matching(finished, **settings_of(cell))]
            name = (
                f"training loss after {cell.epochs} epochs, rate {cell.rate:g}, batches of {cell.batch_size}"
            )
            found.append(_judged(Claim(name, "", kind="measured"), variant, [cell], values, None))
    return found


def costs(finished: list[Finished]) -> list[Cost]:
    """Return what each slip changes in test accuracy: with it minus without it."""
    compared = [
        (SLIP_SUM, SECOND[1], SECOND[0], "batches of 100 minus batches of 32, which the slip makes alike"),
        (SLIP_SUM, INTENDED_BATCHES[1], INTENDED_BATCHES[0], "the same without the slip"),
        (SLIP_BIAS, SECOND[0], APART[0], "with the sum over the batch"),
        (SLIP_BIAS, APART[1], INTENDED_BATCHES[0], "with the mean over the batch"),
        (SLIP_SLOPE, SECOND[5], SECOND[0], "as printed minus the true derivative"),
    ]
    settings = [(slip, settings_of(cell), settings_of(other), note) for slip, cell, other, note in compared]
    return costs_of(finished, settings, "test accuracy", "points", _final("test"))


def plots(finished: list[Finished]) -> list[Picture]:
    """Return training loss, also by batch size, and accuracy against epoch for all that was run."""
    drawing = Drawing("e-network", "Report E: the network.", network(SECOND[0], 0).diagram())
    second = _runs(finished, SECOND)
    if not second:
        return [drawing]
    by_size = {
        "as published": {
            f"batches of {key.batch_size}": runs for key, runs in _runs(finished, SECOND[:4]).items()
        },
        "as intended": {
            f"batches of {key.batch_size}": runs for key, runs in _runs(finished, INTENDED_BATCHES).items()
        },
    }
    loss = Panel(
        "Training loss",
        "epoch",
        SQUARED,
        (series_of("train loss", next(iter(second.values())), "train loss"),),
    )
    panels = tuple(_loss_panel(variant, runs) for variant, runs in by_size.items() if runs)
    caption = "Report E: training loss for several batch sizes, with the wrong divisor and the right one."
    return [
        drawing,
        Plot(
            "e-loss",
            "Report E: the training loss in the first reading of the second run.",
            (loss,),
            columns=1,
        ),
        *([Plot("e-batches", caption, panels)] if panels else []),
        *(
            _accuracy_plot(finished, i, figure)
            for i, figure in enumerate(FIGURES)
            if _runs(finished, figure[3])
        ),
    ]


SQUARED = "squared error, 1/(2n) Σ"


def _runs(finished: list[Finished], cells: Sequence[Cell]) -> dict[Cell, list[Finished]]:
    """Return the runs of each cell, as far as there are any, or its smoke runs: they have pictures too."""
    found = {}
    for cell in cells:
        short = replace(cell, epochs=QUICK_EPOCHS)
        if runs := matching(finished, **settings_of(cell)) or matching(finished, **settings_of(short)):
            found[cell] = runs
    return found


def _loss_panel(title: str, runs: dict[str, list[Finished]]) -> Panel:
    series = tuple(series_of(label, each, "train loss") for label, each in runs.items())
    return Panel(f"Training loss, {title}", "epoch", SQUARED, series)


def _accuracy_plot(finished: list[Finished], number: int, figure: Figure) -> Plot:
    variant, name, published, cells = figure
    panels = []
    for part, value in zip(PARTS, published, strict=True):
        series = [
            series_of(str(cell), runs, f"{part} accuracy") for cell, runs in _runs(finished, cells).items()
        ]
        lines = ((f"published {value}", float(value)),)
        panels.append(
            Panel(f"{part.capitalize()}", "epoch", QUANTITIES["accuracy"], tuple(series), lines=lines)
        )
    caption = f"Report E, {variant}: accuracy against epoch, {name}."
    return Plot(f"e-accuracy-{number + 1}", caption, tuple(panels), columns=1)


REPORT = Report(
    letter="E",
    name="Sigmoid and squared error, against PyTorch",
    authors="",
    title="",
    summary="A 784-30-10 sigmoid network with mean squared error, mini-batch gradient descent, first with "
    "one initializer, then with weights and biases uniform ±1/sqrt(784); then the same net in PyTorch with "
    "squared error and with cross-entropy. Most settings are not stated.",
    slips=(SLIP_SUM, SLIP_BIAS, SLIP_LIMIT, SLIP_SLOPE),
    assumptions=ASSUMPTIONS,
    plan=plan,
    run=one_by_one(run),
    rows=rows,
    costs=costs,
    plots=plots,
)
