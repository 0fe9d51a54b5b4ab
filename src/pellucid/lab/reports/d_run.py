"""The runs of report D: one linear layer with a ReLU on its logits, here and in PyTorch.

A seed draws the rows, the weights and the batches; all cells of a seed share them.
"""

from collections.abc import Callable
from itertools import product

import numpy as np

import pellucid as pl
from pellucid.backend import Array
from pellucid.lab.learning_curves import CURVES, PARTS
from pellucid.lab.report import INTENDED, PUBLISHED, Mode, Result, Run, Settings, planned
from pellucid.lab.reports.twins import MiniBatchTraining
from pellucid.network import blocks

EPOCHS, QUICK_EPOCHS, BATCH_SIZE, LEARNING_RATE = 200, 2, 32, 0.01
N_TRAIN, N_VALIDATION = 30_000, 5_000
#: Every tenth batch of the first epochs is kept: those in which the report sees learning.
BATCH_EPOCHS, BATCH_STRIDE = 25, 10
#: Seconds on one core for an epoch, here and in PyTorch, and for starting a run.
COST_EPOCH, COST_EPOCH_TORCH, COST_START = 0.085, 0.35, 3.0


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
#: Variant, and its reading: (normalize, order). Running all of them takes too long for the default mode.
ALL_CELLS = tuple(product((PUBLISHED, INTENDED), READINGS))
TWIN_CELL = (INTENDED, ("pixels / 255", "reshuffled"))
DEFAULT_CELLS = (*((PUBLISHED, (name, "reshuffled")) for name in ("pixels / 255", "standardized")), TWIN_CELL)


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
    return run_on(*drawn_parts(pl.load_dataset("mnist"), settings, seed), settings, seed)


def drawn_parts(data: pl.Dataset, settings: Settings, seed: int) -> tuple[Array, Array, Array, Array]:
    """Return rows and labels to train on and to validate on, drawn after normalizing each whole set."""
    rng, normalize = np.random.default_rng([seed, 0]), NORMALIZE[settings["normalize"]]
    train = rng.choice(len(data.x_train), N_TRAIN, replace=False)
    validation = rng.choice(len(data.x_test), N_VALIDATION, replace=False)
    x, x_validation = normalize(data.x_train)[train], normalize(data.x_test)[validation]
    return x, data.y_train[train], x_validation, data.y_test[validation]


def twin(data: pl.Dataset, seed: int) -> MiniBatchTraining:
    """Return the training run that is repeated in PyTorch."""
    settings = settings_of(TWIN_CELL[0], *TWIN_CELL[1])
    x, y, *_ = drawn_parts(data, settings, seed)
    return training_of(x, y, settings, seed)


def training_of(x: Array, y: Array, settings: Settings, seed: int) -> MiniBatchTraining:
    """Return the training of a cell on the given rows."""
    return MiniBatchTraining(
        net=network(settings["variant"], x.shape[1], seed),
        loss=pl.SoftmaxCrossEntropy(),
        optimizer=pl.SGD(LEARNING_RATE),
        x=x,
        y=y,
        epochs=settings["epochs"],
        batch_size=BATCH_SIZE,
        rng=np.random.default_rng([seed, 2]),
        shuffle=ORDER[settings["order"]],
    )


def run_on(
    x: Array, y: Array, x_validation: Array, y_validation: Array, settings: Settings, seed: int
) -> Result:
    """Train and validate on the given rows; curves are means of batches, as the report takes them."""
    descent = training_of(x, y, settings, seed)
    epochs: dict[str, list[float]] = {name: [] for name in CURVES}
    batches: dict[str, list[float]] = {name: [] for name in (*CURVES, *(f"{part} batch" for part in PARTS))}
    losses: list[float] = []
    accuracies: list[float] = []
    for record in descent.records(settings["library"], per_batch=True):
        if record.batch is not None:
            losses.append(record.loss)
            accuracies.append(100 * record.accuracy)
            continue
        validation = _validate(descent.net, x_validation, y_validation)
        curves = dict(zip(CURVES, (losses, accuracies, *validation), strict=True))
        for name, values in curves.items():
            epochs[name].append(float(np.mean(values)))
        if record.epoch <= BATCH_EPOCHS:
            _keep_batches(batches, curves, record.epoch)
        losses, accuracies = [], []
    return {
        "epochs": epochs,
        "batches": batches,
        "batches an epoch": -(-len(x) // BATCH_SIZE),
        "kept epochs": min(BATCH_EPOCHS, len(epochs["train loss"])),
        "dead": int((descent.net.predict(x).max(axis=0) <= 0).sum()),
    }


def _keep_batches(kept: dict[str, list[float]], curves: dict[str, list[float]], epoch: int) -> None:
    """Keep every tenth batch of an epoch; its validation batches lie between this epoch and the next."""
    for name, values in curves.items():
        kept[name] += values[::BATCH_STRIDE]
    n_train, n_validation = len(curves["train loss"]), len(curves["validation loss"])
    kept["train batch"] += range((epoch - 1) * n_train + 1, epoch * n_train + 1, BATCH_STRIDE)
    spread = n_train / n_validation
    kept["validation batch"] += [epoch * n_train + spread * i for i in range(0, n_validation, BATCH_STRIDE)]


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
    """Return the runs: by default two readings of the report's code, the true mask, and that in PyTorch."""
    epochs = QUICK_EPOCHS if mode.name == "quick" else EPOCHS
    cells = ALL_CELLS if mode.name == "full" else DEFAULT_CELLS
    settings = [settings_of(variant, *reading, epochs=epochs) for variant, reading in cells]
    twin = settings_of(TWIN_CELL[0], *TWIN_CELL[1], epochs=epochs, library="torch")
    return planned("D", mode, settings, _cost, twins=[twin])


def _cost(settings: Settings) -> float:
    epoch = COST_EPOCH if settings["library"] == "pellucid" else COST_EPOCH_TORCH
    return COST_START + epoch * float(settings["epochs"])
