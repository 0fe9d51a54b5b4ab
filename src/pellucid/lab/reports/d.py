"""Report D: one linear layer with a ReLU on its logits, written in PyTorch's style; `d_run` is what is run.

The report shows neither what `normalize` does nor whether batches are drawn anew each epoch: each pair of
choices is a reading.
"""

from itertools import product

import numpy as np

from pellucid.lab.claims import Claim
from pellucid.lab.ledger import Row, settle_readings
from pellucid.lab.pairs import costs_of, matching
from pellucid.lab.pictures.curves import batch_plot, comparison_plot, epoch_plot
from pellucid.lab.pictures.figures import Drawing, Part, Picture
from pellucid.lab.report import Cost, Finished, Measure, Report, Result, Slip, judge_if_run, one_by_one
from pellucid.lab.reports.d_run import (
    ALL_CELLS,
    BATCH_EPOCHS,
    DEFAULT_CELLS,
    EPOCHS,
    INTENDED,
    NORMALIZE,
    PUBLISHED,
    TWIN_CELL,
    Cell,
    network,
    plan,
    run,
    settings_of,
)
from pellucid.lab.reports.twins import with_twin

FLAT_AFTER = 20
#: A mean gain below this counts as flat: 5,000 test images have a standard error of about 0.4 points.
FLAT_POINTS = 0.5
PATIENCE = 5
#: By part, in per cent.
PUBLISHED_ACCURACIES: dict[Part, float] = {"train": 93.33, "validation": 92.02}

ASSUMPTIONS = (
    "normalize() is not shown: pixels / 255, unit length, standardized over the set are tried.",
    "Whether batches are drawn anew each epoch is not stated: both are tried.",
    f"Early stopping: no better validation accuracy for {PATIENCE} epochs.",
    f"Flat: a gain of less than {FLAT_POINTS} points after epoch {FLAT_AFTER}.",
)
SLIP_MASK = Slip(
    "ReLU's mask is all ones",
    "ReLU's backward sets negative inputs to 0 and then everything >= 0, those zeros included, to 1: the "
    "forward pass is a ReLU on the logits, the backward pass the identity. As intended, a class whose logits "
    "are all negative gets no gradient and is never predicted again; the slip keeps it alive.",
)


def stopping_epoch(result: Result) -> float:
    """Return the epoch at which early stopping ends the training."""
    best, best_epoch = -np.inf, 0
    curve = result["epochs"]["validation accuracy"]
    for epoch, value in enumerate(curve, 1):
        if value > best:
            best, best_epoch = value, epoch
        if epoch - best_epoch >= PATIENCE:
            return epoch
    return len(curve)


def last(name: str) -> Measure:
    """Return the figure "a curve's last value"."""
    return lambda result: float(result["epochs"][name][-1])


def gain(name: str) -> Measure:
    """Return the figure "a curve's change after epoch 20"."""
    return lambda result: float(result["epochs"][name][-1] - result["epochs"][name][FLAT_AFTER - 1])


FIGURES: list[tuple[Claim, Measure]] = [
    (Claim("training accuracy", "%", "93.33"), last("train accuracy")),
    (Claim("validation accuracy", "%", "92.02"), last("validation accuracy")),
    (Claim("epoch of early stopping (about 20 in the text)", "epochs", kind="measured"), stopping_epoch),
    (
        Claim(f"validation accuracy flat after epoch {FLAT_AFTER}", "points", kind="flat", limit=FLAT_POINTS),
        gain("validation accuracy"),
    ),
    (
        Claim(f"training accuracy rises after epoch {FLAT_AFTER}", "points", kind="ordering"),
        gain("train accuracy"),
    ),
    (
        Claim(f"validation loss rises after epoch {FLAT_AFTER} (overfitting)", "nats", kind="ordering"),
        gain("validation loss"),
    ),
    (
        Claim("validation loss above training loss", "nats", kind="ordering"),
        lambda result: last("validation loss")(result) - last("train loss")(result),
    ),
    (
        Claim("training accuracy above validation accuracy", "points", kind="ordering"),
        lambda result: last("train accuracy")(result) - last("validation accuracy")(result),
    ),
    (Claim("classes that die", "of 10", kind="measured"), lambda result: float(result["dead"])),
]


def rows(finished: list[Finished]) -> list[Row]:
    """Return every figure in every reading and variant."""
    cells = list(product(ALL_CELLS, FIGURES))
    found = settle_readings([_row(finished, cell, claim, measure) for cell, (claim, measure) in cells])
    return [
        with_twin(row, *(_by_seed(finished, cell, measure, library) for library in ("pellucid", "torch")))
        if cell == TWIN_CELL and row.seeds
        else row
        for row, (cell, (_, measure)) in zip(found, cells, strict=True)
    ]


def _row(finished: list[Finished], cell: Cell, claim: Claim, measure: Measure) -> Row:
    variant, reading = cell
    ours, twins = (_by_seed(finished, cell, measure, library) for library in ("pellucid", "torch"))
    return judge_if_run(
        claim,
        [*ours.values()],
        report="D",
        variant=variant,
        reading=", ".join(reading),
        torch=float(np.mean([*twins.values()])) if twins else None,
        assumptions=ASSUMPTIONS,
        by_default=cell in DEFAULT_CELLS,
        what=f"this reading for {EPOCHS} epochs",
    )


def _by_seed(finished: list[Finished], cell: Cell, measure: Measure, library: str) -> dict[int, float]:
    """Return a figure of a cell by seed."""
    runs = matching(finished, **settings_of(cell[0], *cell[1], library=library))
    return {run.seed: measure(run.result) for run in runs}


def costs(finished: list[Finished]) -> list[Cost]:
    """Return what the mask of ones changes: the report's code minus the true mask, by seed."""
    cell = {"normalize": "pixels / 255", "order": "reshuffled", "library": "pellucid"}
    coded, true = ({"variant": variant, **cell} for variant in (PUBLISHED, INTENDED))
    compared = [(SLIP_MASK, coded, true, "pixels / 255, reshuffled")]
    figures = [(FIGURES[1], "points"), (FIGURES[-1], "of 10")]
    return [
        cost
        for (claim, measure), unit in figures
        for cost in costs_of(finished, compared, claim.figure, unit, measure)
    ]


def plots(finished: list[Finished]) -> list[Picture]:
    """Return the network, the curves of its code at pixels / 255, the readings side by side, the masks."""
    own = matching(finished, variant=PUBLISHED, library="pellucid", order="reshuffled")
    main = matching(own, normalize="pixels / 255")
    readings = {name: runs for name in NORMALIZE if (runs := matching(own, normalize=name))}
    true_mask = matching(finished, variant=INTENDED, normalize="pixels / 255", order="reshuffled")
    ours, twins = matching(true_mask, library="pellucid"), matching(true_mask, library="torch")
    drawing = Drawing("d-network", "Report D: the network.", network(PUBLISHED, 784, 0).diagram())
    found: list[Picture] = [drawing]
    if main:
        caption = f"Report D as published, pixels / 255, {len(main)} seeds: loss, accuracy, error per epoch."
        found.append(epoch_plot("d-epochs", caption, main, published=PUBLISHED_ACCURACIES, mark=FLAT_AFTER))
        caption = f"The same per batch, one seed: every tenth batch of the first {BATCH_EPOCHS} epochs."
        found.append(batch_plot("d-batches", caption, main[0]))
    if len(readings) > 1:
        caption = "Report D: the readings of normalize side by side."
        found.append(comparison_plot("d-readings", caption, readings, PUBLISHED_ACCURACIES))
    if main and ours:
        cells = {"mask of ones": main, "true mask": ours, "true mask, seed 0": ours[:1]}
        cells |= {"PyTorch, seed 0": twins[:1]} if twins else {}
        caption = "Report D: the mask of ones that its code applies, and the true mask, here and in PyTorch."
        found.append(comparison_plot("d-masks", caption, cells, PUBLISHED_ACCURACIES))
    return found


REPORT = Report(
    letter="D",
    name="A library in PyTorch's style, against PyTorch",
    authors="",
    title="",
    summary="One linear layer 784-10, a ReLU on its ten logits, softmax cross-entropy; mini-batches of 32, "
    "rate 0.01, 200 epochs, on a random half of MNIST. The report says that it ran the same in PyTorch and "
    "gives no figures of that run; here they are.",
    slips=(SLIP_MASK,),
    assumptions=ASSUMPTIONS,
    plan=plan,
    run=one_by_one(run),
    rows=rows,
    costs=costs,
    plots=plots,
)
