"""Report D: one linear layer with a ReLU on its logits, written in PyTorch's style, and the same in PyTorch.

The report shows neither what `normalize` does nor whether batches are drawn anew each epoch: each pair of
choices is a reading. A seed draws the rows, the weights and the batches, the same ones in every reading.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from typing import Any, TypeAlias

import numpy as np

import pellucid as pl
from pellucid.backend import Array
from pellucid.lab.claims import Claim
from pellucid.lab.curves import CURVES, PARTS, batch_plot, comparison_plot, epoch_plot
from pellucid.lab.figures import Drawing, Part, Picture
from pellucid.lab.ledger import Row, judge, not_run, settle_readings
from pellucid.lab.report import Cost, Finished, Mode, Report, Result, Run, Settings, Slip, matching
from pellucid.network import blocks

EPOCHS, BATCH_SIZE, LEARNING_RATE = 200, 32, 0.01
N_TRAIN, N_VALIDATION = 30_000, 5_000
FLAT_AFTER = 20
#: A mean gain below this counts as flat: 5,000 test images have a standard error of about 0.4 points.
FLAT_POINTS = 0.5
PATIENCE = 5
#: Batches are kept, every tenth of them, for this many epochs: the span in which the report sees learning.
BATCH_EPOCHS, BATCH_STRIDE = 25, 10
COST_EPOCH, COST_EPOCH_TORCH, COST_START = 0.075, 0.5, 3.0
QUICK_EPOCHS = 2

PUBLISHED, INTENDED = "as published", "as intended"
#: By part, in per cent.
PUBLISHED_ACCURACIES: dict[Part, float] = {"train": 93.33, "validation": 92.02}


def by_maximum(pixels: Array) -> Array:
    """Reading of normalize: pixels / 255."""
    return np.divide(pixels, np.float32(255))


def to_unit_length(pixels: Array) -> Array:
    """Reading of normalize: each image divided by its own length; a blank one stays 0."""
    x = pixels.astype(np.float32)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1)
    return x


def standardized(pixels: Array) -> Array:
    """Reading of normalize: (x - mean) / standard deviation, both over the whole set."""
    # From the histogram of the 256 values: pixels.std() would take eight bytes a pixel.
    share = np.bincount(pixels.ravel(), minlength=256) / pixels.size
    values = np.arange(256)
    mean = share @ values
    sd = np.sqrt(share @ (values - mean) ** 2)
    x = pixels.astype(np.float32)
    x -= np.float32(mean)
    x /= np.float32(sd)
    return x


NORMALIZE: dict[str, Callable[[Array], Array]] = {
    "pixels / 255": by_maximum,
    "unit length": to_unit_length,
    "standardized": standardized,
}
ORDER = {"reshuffled": True, "fixed order": False}
READINGS = tuple(product(NORMALIZE, ORDER))
#: (variant, (normalize, order)); a run of all takes too long for every day.
Cell: TypeAlias = tuple[str, tuple[str, str]]
ALL_CELLS: tuple[Cell, ...] = tuple(product((PUBLISHED, INTENDED), READINGS))
TWIN_CELL: Cell = (INTENDED, ("pixels / 255", "reshuffled"))
DEFAULT_CELLS: tuple[Cell, ...] = (
    *((PUBLISHED, (name, "reshuffled")) for name in ("pixels / 255", "standardized")),
    TWIN_CELL,
)
Measure: TypeAlias = Callable[[Result], float]

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


class ReLUWithMaskOfOnes(pl.ReLU):
    """Slip: forward max(x, 0), backward the identity."""

    def backward(self, dy: Array) -> Array:
        """Return dx = dy, as the report's mask of ones does."""
        return dy


def unit_norm(rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
    """Draw from N(0, 0.1²) and divide by the array's own L2 norm."""
    drawn = rng.normal(0.0, 0.1, shape)
    return drawn / np.linalg.norm(drawn)


def network(variant: str, n_in: int, seed: int) -> pl.Network:
    """Return the network of a variant, its weights drawn."""
    relu = ReLUWithMaskOfOnes() if variant == PUBLISHED else pl.ReLU()
    net = pl.Network([pl.Dense(10, init=unit_norm, bias_init=unit_norm), relu])
    return net.build(n_in=n_in, rng=np.random.default_rng([seed, 1]))


def run(settings: Settings, seed: int) -> Result:
    """Train on a random half of the training images, validate on a random half of the test images."""
    data = pl.load_dataset("mnist")
    rows = np.random.default_rng([seed, 0])
    train_rows = rows.choice(len(data.x_train), N_TRAIN, replace=False)
    validation_rows = rows.choice(len(data.x_test), N_VALIDATION, replace=False)
    normalize = NORMALIZE[settings["normalize"]]
    x, x_validation = normalize(data.x_train)[train_rows], normalize(data.x_test)[validation_rows]
    return run_on(x, data.y_train[train_rows], x_validation, data.y_test[validation_rows], settings, seed)


def run_on(
    x: Array, y: Array, x_validation: Array, y_validation: Array, settings: Settings, seed: int
) -> Result:
    """Do what `run` does on given rows; curves are means of batches, as the report takes them."""
    net = network(settings["variant"], x.shape[1], seed)
    epochs: dict[str, list[float]] = {name: [] for name in CURVES}
    batches: dict[str, list[float]] = {name: [] for name in (*CURVES, *(f"{part} batch" for part in PARTS))}
    losses: list[float] = []
    accuracies: list[float] = []
    for record in _records(net, x, y, settings, np.random.default_rng([seed, 2])):
        if record.batch is not None:
            losses.append(record.loss)
            accuracies.append(100 * record.accuracy)
            continue
        curves = dict(
            zip(CURVES, (losses, accuracies, *_validate(net, x_validation, y_validation)), strict=True)
        )
        for name, values in curves.items():
            epochs[name].append(float(np.mean(values)))
        if record.epoch <= BATCH_EPOCHS:
            _keep_batches(batches, curves, record.epoch)
        losses, accuracies = [], []
    dead = int((net.predict(x).max(axis=0) <= 0).sum())
    return {
        "epochs": epochs,
        "batches": batches,
        "batches an epoch": -(-len(x) // BATCH_SIZE),
        "kept epochs": min(BATCH_EPOCHS, len(epochs["train loss"])),
        "dead": dead,
    }


def _keep_batches(kept: dict[str, list[float]], curves: dict[str, list[float]], epoch: int) -> None:
    """Keep every tenth batch of an epoch; validation batches stand between this epoch and the next."""
    for name, values in curves.items():
        kept[name] += values[::BATCH_STRIDE]
    n_train, n_validation = len(curves["train loss"]), len(curves["validation loss"])
    kept["train batch"] += range((epoch - 1) * n_train + 1, epoch * n_train + 1, BATCH_STRIDE)
    spread = n_train / n_validation
    kept["validation batch"] += [epoch * n_train + spread * i for i in range(0, n_validation, BATCH_STRIDE)]


def _records(
    net: pl.Network, x: Array, y: Array, settings: Settings, rng: np.random.Generator
) -> Iterator[pl.Record]:
    """Train with the library that the settings name."""
    epochs, reshuffled = settings["epochs"], ORDER[settings["order"]]
    loss, optimizer = pl.SoftmaxCrossEntropy(), pl.SGD(LEARNING_RATE)
    if settings["library"] == "torch":
        from pellucid.interop.torch import train_twin

        drawn = rng if reshuffled else None
        return train_twin(net, loss, optimizer, x, y, epochs=epochs, batch_size=BATCH_SIZE, rng=drawn)
    return pl.train(
        net,
        loss,
        optimizer,
        x,
        y,
        epochs=epochs,
        batch_size=BATCH_SIZE,
        shuffle=reshuffled,
        rng=rng,
        per_batch=True,
    )


def _validate(net: pl.Network, x: Array, y: Array) -> tuple[list[float], list[float]]:
    """Return loss and accuracy of each validation batch."""
    outputs, loss = net.predict(x), pl.SoftmaxCrossEntropy()
    losses, accuracies = [], []
    for rows in blocks(len(x), BATCH_SIZE):
        losses.append(float(loss.value_and_grad(outputs[rows], y[rows])[0]))
        accuracies.append(100 * float((outputs[rows].argmax(axis=1) == y[rows]).mean()))
    return losses, accuracies


def settings_of(
    variant: str, normalize: str, order: str, *, epochs: int = EPOCHS, library: str = "pellucid"
) -> Settings:
    """Return the settings of one cell."""
    return {"variant": variant, "normalize": normalize, "order": order, "epochs": epochs, "library": library}


def plan(mode: Mode) -> list[Run]:
    """Return the runs: by default the report's code in three normalizations, and one twin in PyTorch."""
    epochs = QUICK_EPOCHS if mode.name == "quick" else EPOCHS
    cells = ALL_CELLS if mode.name == "full" else DEFAULT_CELLS
    cost = COST_START + COST_EPOCH * epochs
    runs = [
        Run("D", settings_of(variant, *reading, epochs=epochs), seed, cost)
        for variant, reading in cells
        for seed in range(mode.seeds)
    ]
    if find_spec("torch") is None:
        return runs
    twin = settings_of(TWIN_CELL[0], *TWIN_CELL[1], epochs=epochs, library="torch")
    twin_seeds = mode.seeds if mode.name == "full" else 1
    cost = COST_START + COST_EPOCH_TORCH * epochs
    return runs + [Run("D", twin, seed, cost) for seed in range(twin_seeds)]


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
        _with_twin(row, finished, measure) if cell == TWIN_CELL and row.seeds else row
        for row, (cell, (_, measure)) in zip(found, cells, strict=True)
    ]


def _with_twin(row: Row, finished: list[Finished], measure: Measure) -> Row:
    """Say which seeds PyTorch's figure is of, and ours of the same; or how to add it."""
    settings = settings_of(TWIN_CELL[0], *TWIN_CELL[1])
    twins = matching(finished, **{**settings, "library": "torch"})
    if row.torch is None:
        missing = find_spec("torch") is None
        note = "not installed: pip install 'pellucid[compare]' adds it" if missing else "not run yet"
        return replace(row, why=f"{row.why} PyTorch: {note}.")
    seeds = [run.seed for run in twins]
    ours = [measure(run.result) for run in matching(finished, **settings) if run.seed in seeds]
    which = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
    return replace(row, why=f"{row.why} PyTorch on {which}: {row.torch:.4f}, ours there {np.mean(ours):.4f}.")


def _row(finished: list[Finished], cell: Cell, claim: Claim, measure: Measure) -> Row:
    variant, reading = cell
    about: dict[str, Any] = {
        "report": "D",
        "variant": variant,
        "reading": ", ".join(reading),
        "assumptions": ASSUMPTIONS,
    }
    settings = settings_of(variant, *reading)
    values = [measure(run.result) for run in matching(finished, **settings)]
    if not values:
        flag = "pellucid reproduce" if cell in DEFAULT_CELLS else "pellucid reproduce --full"
        return not_run(claim, why=f"{flag} runs this reading for {EPOCHS} epochs.", **about)
    twins = [measure(run.result) for run in matching(finished, **{**settings, "library": "torch"})]
    torch = float(np.mean(twins)) if twins else None
    return judge(claim, values, torch=torch, omitted=claim.kind == "figure", **about)


def costs(finished: list[Finished]) -> list[Cost]:
    """Return what the mask of ones changes: the report's code minus the true mask, by seed."""
    cell = {"normalize": "pixels / 255", "order": "reshuffled", "library": "pellucid"}
    pairs = [
        (a.result, b.result)
        for a in matching(finished, variant=PUBLISHED, **cell)
        for b in matching(finished, variant=INTENDED, **cell)
        if a.seed == b.seed
    ]
    figures = [(FIGURES[1], "points"), (FIGURES[-1], "of 10")]
    return [
        Cost(
            SLIP_MASK.name,
            claim.figure,
            unit,
            tuple(measure(a) - measure(b) for a, b in pairs),
            "pixels / 255, reshuffled",
        )
        for (claim, measure), unit in figures
        if pairs
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
    run=run,
    rows=rows,
    costs=costs,
    plots=plots,
)
