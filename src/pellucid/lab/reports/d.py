"""Report D: one linear layer with a ReLU on its logits, written in PyTorch's style. `d_run` trains it.

The report shows neither what `normalize` does nor whether the batches are reshuffled each epoch: each pair of
choices is a reading.
"""

from functools import partial
from itertools import product

import numpy as np

from pellucid.lab.claims import Claim
from pellucid.lab.learning_curves import Part
from pellucid.lab.measurement import Comparison, Measure, Measurement, costs_of, rows_of, runs_of
from pellucid.lab.pictures.curves import batch_plot, comparison_plot, epoch_plot
from pellucid.lab.pictures.figures import Drawing, Picture
from pellucid.lab.report import (
    INTENDED,
    PUBLISHED,
    Cost,
    Finished,
    Report,
    Result,
    Settings,
    Slip,
    one_by_one,
)
from pellucid.lab.reports.d_run import (
    ALL_CELLS,
    BATCH_EPOCHS,
    NORMALIZE,
    TWIN_CELL,
    network,
    plan,
    run,
    settings_of,
)

FLAT_AFTER = 20
#: A mean gain below this counts as flat: 5,000 test images have a standard error of about 0.4 points.
FLAT_POINTS = 0.5
PATIENCE = 5
#: By part, in per cent.
PUBLISHED_ACCURACIES: dict[Part, float] = {"train": 93.33, "validation": 92.02}

ASSUMPTIONS = (
    "normalize() is not shown: pixels / 255, unit length, and standardization over the set are tried.",
    "Whether batches are reshuffled each epoch is not stated: both are tried.",
    f"Early stopping: after {PATIENCE} epochs without a better validation accuracy.",
    f"Flat: a gain of less than {FLAT_POINTS} points after epoch {FLAT_AFTER}.",
)
SLIP_MASK = Slip(
    "ReLU's mask is all ones",
    "ReLU's backward sets negative inputs to 0 and then everything >= 0, including those zeros, to 1. So the "
    "forward pass is a ReLU on the logits, and the backward pass the identity. As intended, a class whose "
    "logits are all negative gets no gradient and is never predicted again; the slip keeps it alive.",
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
    """Return the measure "a curve's last value"."""
    return lambda result: float(result["epochs"][name][-1])


def gain(name: str) -> Measure:
    """Return the measure "a curve's change after epoch 20"."""
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


MEASUREMENTS = [
    Measurement(
        claim,
        variant,
        (settings_of(variant, *reading),),
        measure,
        ", ".join(reading),
        twin=(variant, reading) == TWIN_CELL,
    )
    for (variant, reading), (claim, measure) in product(ALL_CELLS, FIGURES)
]


def _any_length(settings: Settings) -> Settings:
    return {name: value for name, value in settings.items() if name != "epochs"}


#: The readings of normalize, reshuffled: with the mask of ones, as coded.
CODED = {name: _any_length(settings_of(PUBLISHED, name, "reshuffled")) for name in NORMALIZE}
TRUE_MASK = _any_length(settings_of(INTENDED, "pixels / 255", "reshuffled"))
COMPARISONS: list[Comparison] = [(SLIP_MASK, CODED["pixels / 255"], TRUE_MASK, "pixels / 255, reshuffled")]


rows = partial(rows_of, MEASUREMENTS, report="D", assumptions=ASSUMPTIONS, plan=plan)


def costs(finished: list[Finished]) -> list[Cost]:
    """Return what the mask of ones changes: the report's code minus the true mask, by seed."""
    figures = [(FIGURES[1], "points"), (FIGURES[-1], "of 10")]
    return [
        cost
        for (claim, measure), unit in figures
        for cost in costs_of(finished, COMPARISONS, claim.figure, unit, measure)
    ]


def plots(finished: list[Finished]) -> list[Picture]:
    """Return the network, the curves of the report's code, the readings side by side, and both masks."""
    drawing = Drawing("d-network", "Report D: the network.", network(PUBLISHED, 784, 0).diagram())
    readings = runs_of(finished, CODED)
    main = readings.get("pixels / 255", [])
    found: list[Picture] = [drawing, *(_own_curves(main) if main else [])]
    if len(readings) > 1:
        caption = "Report D: the readings of normalize side by side."
        found.append(comparison_plot("d-readings", caption, readings, PUBLISHED_ACCURACIES))
    return [*found, *_masks(finished, main)]


def _own_curves(runs: list[Finished]) -> list[Picture]:
    """Return loss, accuracy and error of the report's code, per epoch and per batch."""
    per_epoch = f"Report D as published, pixels / 255, {len(runs)} seeds: loss, accuracy, error per epoch."
    per_batch = f"The same per batch, one seed: every tenth batch of the first {BATCH_EPOCHS} epochs."
    return [
        epoch_plot("d-epochs", per_epoch, runs, published=PUBLISHED_ACCURACIES, mark=FLAT_AFTER),
        batch_plot("d-batches", per_batch, runs[0]),
    ]


def _masks(finished: list[Finished], coded: list[Finished]) -> list[Picture]:
    """Return the mask of ones against the true mask if both were run, with PyTorch's if that was run too."""
    runs = runs_of(finished, {"here": TRUE_MASK, "there": {**TRUE_MASK, "library": "torch"}})
    if not coded or "here" not in runs:
        return []
    cells = {"mask of ones": coded, "true mask": runs["here"], "true mask, seed 0": runs["here"][:1]}
    cells |= {"PyTorch, seed 0": runs["there"][:1]} if "there" in runs else {}
    caption = "Report D: the mask of ones that its code applies, and the true mask, here and in PyTorch."
    return [comparison_plot("d-masks", caption, cells, PUBLISHED_ACCURACIES)]


REPORT = Report(
    letter="D",
    name="A library in PyTorch's style, against PyTorch",
    authors="",
    title="",
    summary="One linear layer 784-10, a ReLU on its ten logits, softmax cross-entropy; mini-batches of 32, "
    "rate 0.01, 200 epochs, on a random half of MNIST. The report says that the same net ran in PyTorch, "
    "but gives no figures; here they are.",
    slips=(SLIP_MASK,),
    assumptions=ASSUMPTIONS,
    plan=plan,
    run=one_by_one(run),
    rows=rows,
    costs=costs,
    plots=plots,
)
