"""Report E: a sigmoid network with squared error, and the same in PyTorch. `e_run` trains them.

The report does not state rate, batch size and epochs, the first run's initializer, or how the PyTorch network
was trained: each choice is a reading, and figures are read off at several epochs.
"""

from functools import partial
from typing import TypeAlias

from pellucid.lab.claims import Claim
from pellucid.lab.measurement import (
    Comparison,
    Measurement,
    at,
    at_end,
    costs_of,
    measured,
    ordering,
    rows_of,
    runs_of,
)
from pellucid.lab.pictures.curves import cells_panel
from pellucid.lab.pictures.figures import Drawing, Picture, Plot
from pellucid.lab.report import INTENDED, PUBLISHED, Finished, Report, Settings, Slip, one_by_one
from pellucid.lab.reports.e_run import (
    APART,
    FIRST,
    SECOND,
    TEXTBOOK,
    TEXTBOOK_BATCHES,
    TORCH_CE,
    TORCH_MSE,
    TWIN_CELLS,
    SigmoidCell,
    network,
    plan,
    run,
    settings_of,
)

PARTS, TEST = ("validation", "test"), "test accuracy"
#: The epochs at which accuracies are read off: the report does not say how many it took.
READ_AT = (3, 5, 10, 15, 20, 30, 40)
SQUARED = "squared error, 1/(2n) Σ"

ASSUMPTIONS = (
    "42,000 rows to train on, 9,000 to validate, 9,000 to test, all from MNIST's 60,000 training images; "
    "pixels / 255.",
    "Several rates, batch sizes, numbers of epochs and first initializers are tried; for the PyTorch net "
    "also several optimizers, and the cross-entropy of the sigmoid outputs as well as of the logits.",
    "The PyTorch net starts as torch.nn.Linear does. float32 replaces NumPy's float64.",
)
SLIP_SUM = Slip(
    "1/len(y) divides by 10",
    "y is one-hot with a column for each example, so len(y) is the 10 outputs, not the rows: the gradient is "
    "a tenth of the batch's sum. Ten times the rows make a step ten times as long, and the batch size hardly "
    "matters.",
)
SLIP_BIAS = Slip(
    "one sum moves all biases of a layer",
    "np.sum(delta) sums over units as well as rows: the same number moves every bias of a layer.",
)
SLIP_LIMIT = Slip(
    "limit2 is never used",
    "1/sqrt(30) is computed for the second layer, which then takes the first layer's 1/sqrt(784).",
)
SLIP_SLOPE = Slip(
    "σ′ printed as σ(z) · σ(1 - z)",
    "The derivative is σ(z) · (1 - σ(z)). The code of d_sigmoid is not shown: the true derivative is used, "
    "and the printed one is tried.",
)
#: Variant, what the figure is of, its published validation and test accuracy, the readings.
Figure: TypeAlias = tuple[str, str, tuple[str, str], list[SigmoidCell]]
FIGURES: list[Figure] = [
    (PUBLISHED, "first run", ("89.2", "88.41"), FIRST),
    (PUBLISHED, "uniform ±1/28", ("90.7556", "90.0556"), SECOND),
    (PUBLISHED, "PyTorch, MSE", ("89.5444", "89.5778"), TORCH_MSE),
    (PUBLISHED, "PyTorch, cross-entropy", ("92.4", "92.5111"), TORCH_CE),
    (INTENDED, "uniform ±1/28", ("90.7556", "90.0556"), TEXTBOOK),
]
#: Claims that one cell's accuracy lies above another's.
ORDERINGS: list[tuple[str, SigmoidCell, SigmoidCell]] = [
    ("uniform ±1/28 above the first run", SECOND[0], FIRST[0]),
    ("PyTorch: cross-entropy above MSE", TORCH_CE[0], TORCH_MSE[0]),
    ("PyTorch: cross-entropy above MSE", TORCH_CE[4], TORCH_MSE[0]),
]
#: By variant, the cells that differ only in the batch size.
BATCHES = {PUBLISHED: SECOND[:4], INTENDED: TEXTBOOK_BATCHES}


def _readings(variant: str, part: str, name: str, published: str, cell: SigmoidCell) -> list[Measurement]:
    """Return a published figure in one reading, at the last three of `READ_AT` that the run reaches."""
    return [
        Measurement(
            Claim(f"{part} accuracy, {name}", "%", published),
            variant,
            (settings_of(cell),),
            at(f"{part} accuracy", epoch),
            f"{cell}, {epoch} epochs",
            twin=cell in TWIN_CELLS,
        )
        for epoch in [epoch for epoch in READ_AT if epoch <= cell.epochs][-3:]
    ]


def _ordering(name: str, above: SigmoidCell, below: SigmoidCell, part: str) -> Measurement:
    figure, measure = f"{part} accuracy: {name}", at_end(f"{part} accuracy")
    settings = settings_of(above), settings_of(below)
    return ordering(figure, PUBLISHED, measure, *settings, reading=f"{above} against {below}")


def _final_loss(variant: str, cell: SigmoidCell) -> Measurement:
    name = f"training loss after {cell.epochs} epochs, rate {cell.rate:g}, batches of {cell.batch_size}"
    return measured(name, "", variant, at_end("train loss"), settings_of(cell))


MEASUREMENTS = [
    *(
        measurement
        for variant, name, published, cells in FIGURES
        for part, value in zip(PARTS, published, strict=True)
        for cell in cells
        for measurement in _readings(variant, part, name, value, cell)
    ),
    *(_ordering(*each, part) for each in ORDERINGS for part in PARTS),
    *(
        _final_loss(variant, cell)
        for variant, cells in BATCHES.items()
        for cell in sorted(cells, key=lambda cell: cell.batch_size)
    ),
]
COMPARISONS: list[Comparison] = [
    (slip, settings_of(cell), settings_of(other), note)
    for slip, cell, other, note in (
        (SLIP_SUM, SECOND[1], SECOND[0], "batches of 100 minus batches of 32, which the slip makes alike"),
        (SLIP_SUM, TEXTBOOK_BATCHES[1], TEXTBOOK_BATCHES[0], "the same without the slip"),
        (SLIP_BIAS, SECOND[0], APART[0], "with the sum over the batch"),
        (SLIP_BIAS, APART[1], TEXTBOOK_BATCHES[0], "with the mean over the batch"),
        (SLIP_SLOPE, SECOND[5], SECOND[0], "as printed minus the true derivative"),
    )
]


rows = partial(rows_of, MEASUREMENTS, report="E", assumptions=ASSUMPTIONS, plan=plan)
costs = partial(costs_of, comparisons=COMPARISONS, figure=TEST, unit="points", measure=at_end(TEST))


def plots(finished: list[Finished]) -> list[Picture]:
    """Return training loss, training loss by batch size, and accuracies against epoch, of finished runs."""
    drawing = Drawing("e-network", "Report E: the network.", network(SECOND[0], 0).diagram())
    second = runs_of(finished, _named(SECOND))
    if not second:
        return [drawing]
    accuracies = [_accuracy_plot(finished, i, figure) for i, figure in enumerate(FIGURES, start=1)]
    return [
        drawing,
        _loss_plot(next(iter(second.values()))),
        *_batch_plots(finished),
        *(plot for each in accuracies for plot in each),
    ]


def _named(cells: list[SigmoidCell]) -> dict[str, Settings]:
    return {str(cell): settings_of(cell) for cell in cells}


def _loss_plot(runs: list[Finished]) -> Plot:
    panel = cells_panel("Training loss", "epoch", "train loss", {"train loss": runs}, unit=SQUARED)
    caption = "Report E: the training loss in the first reading of the second run."
    return Plot("e-loss", caption, (panel,), columns=1)


def _batch_plots(finished: list[Finished]) -> list[Plot]:
    panels = []
    for variant, cells in BATCHES.items():
        by_size = {f"batches of {cell.batch_size}": settings_of(cell) for cell in cells}
        if runs := runs_of(finished, by_size):
            title = f"Training loss, {variant}"
            panels.append(cells_panel(title, "epoch", "train loss", runs, unit=SQUARED))
    caption = "Report E: training loss for several batch sizes, with the wrong divisor and the right one."
    return [Plot("e-batches", caption, tuple(panels))] if panels else []


def _accuracy_plot(finished: list[Finished], number: int, figure: Figure) -> list[Plot]:
    """Return validation and test accuracy in each reading of a figure, if any was run."""
    variant, name, published, cells = figure
    runs = runs_of(finished, _named(cells))
    panels = []
    for part, value in zip(PARTS, published, strict=True):
        lines = [(f"published {value}", float(value))]
        panels.append(cells_panel(part.capitalize(), "epoch", f"{part} accuracy", runs, lines=lines))
    caption = f"Report E, {variant}: accuracy against epoch, {name}."
    return [Plot(f"e-accuracy-{number}", caption, tuple(panels), columns=1)] if runs else []


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
