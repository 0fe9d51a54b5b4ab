"""The runs of report E: 784-30-10 sigmoid on mini-batches; as coded, as in the textbook, and in PyTorch.

A seed draws the split of the 60,000 training images, the weights and the batches. All cells of a seed share
the split.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.backend import Array
from pellucid.initializers import Initializer
from pellucid.lab.learning_curves import Curves, add_point
from pellucid.lab.report import Mode, Result, Run, Settings, planned
from pellucid.lab.reports.twins import MiniBatchTraining

SPLIT = (42_000, 9_000, 9_000)
QUICK_EPOCHS = 1
#: Seconds on one core for an epoch's rows, for each of its batches here and in PyTorch, and for a start.
COST_EPOCH, COST_BATCH, COST_BATCH_TORCH, COST_START = 0.11, 4.5e-5, 4.7e-4, 0.5


def by_width(rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
    """Draw from U(±1/sqrt(n_in)), as PyTorch's Linear starts its weights and biases."""
    reach = n_in**-0.5
    return rng.uniform(-reach, reach, shape)


LIMIT, HALF, NORMAL, SMALL, TORCH = "U(±1/28)", "U(±0.5)", "N(0, 1)", "N(0, 1/784)", "U(±1/sqrt(n_in))"
#: By name, the initializers of weights and of biases. Slip: 1/28 = 1/sqrt(784) in both layers.
INITIALIZERS: dict[str, tuple[Initializer, Initializer]] = {
    LIMIT: (pl.uniform(-1 / 28, 1 / 28), pl.uniform(-1 / 28, 1 / 28)),
    HALF: (pl.uniform(-0.5, 0.5), pl.uniform(-0.5, 0.5)),
    NORMAL: (pl.normal(1), pl.normal(1)),
    SMALL: (pl.normal(1 / 28), pl.zeros),
    TORCH: (by_width, by_width),
}
MSE, CE_OUTPUTS, CE_LOGITS = "MSE", "cross-entropy of the sigmoid outputs", "cross-entropy of the logits"


@dataclass(frozen=True)
class SigmoidCell:
    """One reading of what was run."""

    init: str  # a key of INITIALIZERS
    rate: float  # in the convention of the report's code, or of PyTorch's MSELoss for TORCH cells
    epochs: int
    batch_size: int = 32
    sums: bool = True  # slip: the gradient is the batch's sum divided by the 10 outputs, not by the rows
    scalar_bias: bool = True  # slip: one sum moves all biases of a layer
    printed_slope: bool = False  # slip: σ(z) · σ(1 - z) for the derivative of σ, as printed
    loss: str = MSE  # MSE, CE_OUTPUTS or CE_LOGITS
    optimizer: str = "SGD"  # "SGD", "momentum 0.9" or "Adam"

    def __str__(self) -> str:
        """Return the name of the reading, without its epochs."""
        parts = [self.init, self.optimizer, f"rate {self.rate:g}", f"batch {self.batch_size}"]
        parts += [self.loss] if self.loss != MSE else []
        return ", ".join([*parts, *(["σ′ as printed"] if self.printed_slope else [])])


class DenseWithScalarBias(pl.Dense):
    """Slip: the bias gradient is summed over the units too, so that one number moves every bias of a layer.

    The code has ``np.sum(delta)`` instead of a sum over the examples. So has the notebook
    that report B cites.
    """

    def backward(self, dy: Array) -> Array | None:
        """Fill dW as `Dense` does, and db with one sum; return dx."""
        dx = super().backward(dy)
        self.db[...] = self.db.sum()
        return dx


class SumOverTen(pl.MeanSquaredError):
    """Slip: `1/len(y)` is one tenth if y is one-hot (10, n), so the gradient grows with the batch."""

    def value_and_grad(self, outputs: Array, labels: Array) -> tuple[Any, Array]:
        """Return the loss and (y - t) / 10."""
        value, dy = super().value_and_grad(outputs, labels)
        return value, np.multiply(dy, len(outputs) / outputs.shape[1], out=dy)


class SigmoidWithPrintedSlope(pl.Sigmoid):
    """Slip: the derivative as the report prints it, σ(z) · σ(1 - z)."""

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return σ(x), and keep σ(1 - x)."""
        self.other = 1 / (1 + np.exp(x - 1))
        return super().forward(x, train=train)

    def backward(self, dy: Array) -> Array:
        """Return dx = dy · σ(x) · σ(1 - x)."""
        dy *= self.y
        dy *= self.other
        return dy


def network(cell: SigmoidCell, seed: int) -> pl.Network:
    """Return the network of a cell, its weights drawn."""
    dense = DenseWithScalarBias if cell.scalar_bias else pl.Dense
    sigmoid = SigmoidWithPrintedSlope if cell.printed_slope else pl.Sigmoid
    init, bias_init = INITIALIZERS[cell.init]
    layers = [dense(30, init=init, bias_init=bias_init), sigmoid(), dense(10, init=init, bias_init=bias_init)]
    layers += [] if cell.loss == CE_LOGITS else [sigmoid()]
    return pl.Network(layers).build(784, rng=np.random.default_rng([seed, 1]))


def optimizer(cell: SigmoidCell) -> pl.Optimizer:
    """Return the optimizer, with the learning rate in our convention.

    PyTorch's MSELoss averages over the ten outputs and has no 1/2, so its gradient is a fifth of ours. Adam
    does not depend on the gradient's scale.
    """
    if cell.optimizer == "Adam":
        return pl.Adam(cell.rate)
    rate = cell.rate / 5 if cell.init == TORCH and cell.loss == MSE else cell.rate
    return pl.SGD(rate, momentum=0.9 if cell.optimizer == "momentum 0.9" else 0)


def loss_of(cell: SigmoidCell) -> pl.Loss:
    """Return the loss."""
    if cell.loss != MSE:
        return pl.SoftmaxCrossEntropy()
    return SumOverTen() if cell.sums else pl.MeanSquaredError()


def run(settings: Settings, seed: int) -> Result:
    """Split the training images, train on 42,000, validate and test on 9,000 each."""
    return run_on(drawn_parts(pl.load_dataset("mnist"), seed), settings, seed)


def drawn_parts(data: pl.Dataset, seed: int) -> dict[str, tuple[Array, Array]]:
    """Return rows and labels to train on, to validate on and to test on."""
    x = np.multiply(data.x_train, np.float32(1 / 255))
    parts = zip(("train", "validation", "test"), drawn_rows(len(x), seed), strict=True)
    return {name: (x[rows], data.y_train[rows]) for name, rows in parts}


def drawn_rows(n: int, seed: int) -> list[Array]:
    """Return the indices of the rows to train on, to validate on and to test on."""
    return np.split(np.random.default_rng([seed, 0]).permutation(n), np.cumsum(SPLIT)[:-1])


def twin(data: pl.Dataset, seed: int) -> MiniBatchTraining:
    """Return the training run with squared error that is repeated in PyTorch."""
    return training_of(*drawn_parts(data, seed)["train"], TWIN_CELLS[0], seed)


def training_of(x: Array, y: Array, cell: SigmoidCell, seed: int) -> MiniBatchTraining:
    """Return the training of a cell on the given rows."""
    return MiniBatchTraining(
        net=network(cell, seed),
        loss=loss_of(cell),
        optimizer=optimizer(cell),
        x=x,
        y=y,
        epochs=cell.epochs,
        batch_size=cell.batch_size,
        rng=np.random.default_rng([seed, 2]),
    )


def run_on(parts: dict[str, tuple[Array, Array]], settings: Settings, seed: int) -> Result:
    """Train, validate and test on the given rows."""
    cell = SigmoidCell(**{name: value for name, value in settings.items() if name != "library"})
    descent, curves = training_of(*parts["train"], cell, seed), Curves()
    for record in descent.records(settings["library"]):
        if record.batch is not None:
            continue
        add_point(curves, "train loss", record.epoch, record.loss)
        add_point(curves, "train accuracy", record.epoch, 100 * record.accuracy)
        for name in ("validation", "test"):
            x, y = parts[name]
            accuracy = pl.accuracy(y, descent.net.predict(x).argmax(axis=1))
            add_point(curves, f"{name} accuracy", record.epoch, 100 * accuracy)
    return {"curves": curves}


def settings_of(cell: SigmoidCell, *, library: str = "pellucid") -> Settings:
    """Return the settings of one cell."""
    return {**asdict(cell), "library": library}


#: The first run, whose initializer is not stated; rates and epochs are not stated for any.
FIRST = [
    *(SigmoidCell(init, 0.01, 40) for init in (HALF, SMALL, NORMAL)),
    *(SigmoidCell(init, 0.1, 5) for init in (HALF, SMALL)),
    SigmoidCell(NORMAL, 0.1, 40),
    SigmoidCell(HALF, 0.01, 40, printed_slope=True),
]
#: The second run, uniform ±1/sqrt(784) in both layers, in several batch sizes as the report compares them.
SECOND = [
    SigmoidCell(LIMIT, 0.01, 40),
    SigmoidCell(LIMIT, 0.01, 40, batch_size=100),
    SigmoidCell(LIMIT, 0.01, 40, batch_size=1000),
    SigmoidCell(LIMIT, 0.01, 40, batch_size=10),
    SigmoidCell(LIMIT, 0.1, 5),
    SigmoidCell(LIMIT, 0.01, 40, printed_slope=True),
]


def textbook(cell: SigmoidCell) -> SigmoidCell:
    """Return the cell with the gradient of the mean over the batch, and a gradient for each bias."""
    return replace(cell, sums=False, scalar_bias=False)


#: The same batch sizes with a learning rate that is usual for such a network.
TEXTBOOK_BATCHES = [textbook(SigmoidCell(LIMIT, 0.5, 30, batch_size=size)) for size in (32, 100, 1000, 10)]
TEXTBOOK = [
    textbook(SigmoidCell(LIMIT, 0.1, 15)),
    *TEXTBOOK_BATCHES,
    textbook(SigmoidCell(LIMIT, 3.0, 30, batch_size=10)),
]
#: The second run without one slip, and the textbook with one slip, to measure the cost of each.
APART = [SigmoidCell(LIMIT, 0.01, 40, scalar_bias=False), SigmoidCell(LIMIT, 0.5, 30, sums=False)]
TORCH_MSE = [
    textbook(SigmoidCell(TORCH, rate, 15, batch_size=64, optimizer=name))
    for rate, name in ((0.5, "SGD"), (0.1, "SGD"), (0.001, "Adam"), (0.003, "momentum 0.9"))
]
TORCH_CE = [replace(cell, loss=loss) for loss in (CE_OUTPUTS, CE_LOGITS) for cell in TORCH_MSE]
ALL_CELLS = [*FIRST, *SECOND, *TEXTBOOK, *APART, *TORCH_MSE, *TORCH_CE]
DEFAULT_CELLS = [*FIRST[:2], *SECOND[:3], *TEXTBOOK[:3], TORCH_MSE[0], TORCH_CE[0]]
#: The cells that are also run in PyTorch.
TWIN_CELLS = [TORCH_MSE[0], TORCH_CE[0]]


def plan(mode: Mode) -> list[Run]:
    """Return the runs: by default some readings of each figure, and two twins in PyTorch."""
    is_quick = mode.name == "quick"
    cells = {"quick": SECOND[:1], "full": ALL_CELLS}.get(mode.name, DEFAULT_CELLS)
    cells = [replace(cell, epochs=QUICK_EPOCHS) for cell in cells] if is_quick else cells
    twins = [] if is_quick else [settings_of(cell, library="torch") for cell in TWIN_CELLS]
    return planned("E", mode, [settings_of(cell) for cell in cells], _cost, twins=twins)


def _cost(settings: Settings) -> float:
    batch = COST_BATCH if settings["library"] == "pellucid" else COST_BATCH_TORCH
    return COST_START + float(settings["epochs"] * (COST_EPOCH + SPLIT[0] / settings["batch_size"] * batch))
