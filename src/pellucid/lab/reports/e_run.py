"""Report E, what is run: 784-30-10, sigmoid, mini-batches; its code, the textbook's, and a PyTorch user's.

A seed draws the split of the 60,000 training images, the weights and the batches; the split is the same for
all cells of a seed.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.backend import Array
from pellucid.initializers import Initializer
from pellucid.lab.pictures.curves import Curves, add_point
from pellucid.lab.report import Mode, Result, Run, Settings
from pellucid.lab.reports.slips import DenseWithScalarBias

PARTS = (42_000, 9_000, 9_000)
QUICK_EPOCHS = 1
#: Seconds of one core for an epoch's rows, for each of its batches here and in PyTorch, and a start.
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
class Cell:
    """One reading of what was run.

    Attributes
    ----------
    init : str
        A key of `INITIALIZERS`.
    rate : float
        In the convention of the report's code, or of PyTorch's `MSELoss` for `TORCH` cells.
    epochs, batch_size : int
    sums : bool
        Slip: the gradient is the sum over the batch divided by the 10 outputs, not by the rows.
    scalar_bias : bool
        Slip: one sum moves all biases of a layer.
    printed_slope : bool
        Slip: σ(z) · σ(1 - z) for the derivative of σ, as printed.
    loss : str
        `MSE`, `CE_OUTPUTS` or `CE_LOGITS`.
    optimizer : str
        "SGD", "momentum 0.9" or "Adam".
    """

    init: str
    rate: float
    epochs: int
    batch_size: int = 32
    sums: bool = True
    scalar_bias: bool = True
    printed_slope: bool = False
    loss: str = MSE
    optimizer: str = "SGD"

    def __str__(self) -> str:
        """Name the reading, its epochs left out."""
        parts = [self.init, self.optimizer, f"rate {self.rate:g}", f"batch {self.batch_size}"]
        parts += [self.loss] if self.loss != MSE else []
        return ", ".join([*parts, *(["σ′ as printed"] if self.printed_slope else [])])


class SumOverTen(pl.MeanSquaredError):
    """Slip: `1/len(y)` is one tenth, for y is one-hot (10, n): the gradient grows with the batch."""

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


def network(cell: Cell, seed: int) -> pl.Network:
    """Return the network of a cell, its weights drawn."""
    dense = DenseWithScalarBias if cell.scalar_bias else pl.Dense
    sigmoid = SigmoidWithPrintedSlope if cell.printed_slope else pl.Sigmoid
    init, bias_init = INITIALIZERS[cell.init]
    layers = [dense(30, init=init, bias_init=bias_init), sigmoid(), dense(10, init=init, bias_init=bias_init)]
    layers += [] if cell.loss == CE_LOGITS else [sigmoid()]
    return pl.Network(layers).build(784, rng=np.random.default_rng([seed, 1]))


def optimizer(cell: Cell) -> pl.Optimizer:
    """Return the optimizer, its rate in our convention.

    PyTorch's MSELoss averages over the ten outputs and has no 1/2, so its gradient is a fifth of ours; Adam
    does not see a factor.
    """
    if cell.optimizer == "Adam":
        return pl.Adam(cell.rate)
    rate = cell.rate / 5 if cell.init == TORCH and cell.loss == MSE else cell.rate
    return pl.SGD(rate, momentum=0.9 if cell.optimizer == "momentum 0.9" else 0)


def loss_of(cell: Cell) -> pl.Loss:
    """Return the loss."""
    if cell.loss != MSE:
        return pl.SoftmaxCrossEntropy()
    return SumOverTen() if cell.sums else pl.MeanSquaredError()


def run(settings: Settings, seed: int) -> Result:
    """Split the training images, train on 42,000, validate and test on 9,000 each."""
    data = pl.load_dataset("mnist")
    x = np.multiply(data.x_train, np.float32(1 / 255))
    names = ("train", "validation", "test")
    rows = drawn_rows(len(x), seed)
    parts = {name: (x[part], data.y_train[part]) for name, part in zip(names, rows, strict=True)}
    return run_on(parts, settings, seed)


def drawn_rows(n: int, seed: int) -> list[Array]:
    """Return the numbers of the rows to train on, to validate on and to test on."""
    return np.split(np.random.default_rng([seed, 0]).permutation(n), np.cumsum(PARTS)[:-1])


def run_on(parts: dict[str, tuple[Array, Array]], settings: Settings, seed: int) -> Result:
    """Do what `run` does on given rows."""
    cell = Cell(**{name: value for name, value in settings.items() if name != "library"})
    net, curves = network(cell, seed), Curves()
    for record in _records(net, cell, *parts["train"], settings["library"], np.random.default_rng([seed, 2])):
        if record.batch is not None:
            continue
        add_point(curves, "train loss", record.epoch, record.loss)
        add_point(curves, "train accuracy", record.epoch, 100 * record.accuracy)
        for name in ("validation", "test"):
            x, y = parts[name]
            accuracy = pl.accuracy(y, net.predict(x).argmax(axis=1))
            add_point(curves, f"{name} accuracy", record.epoch, 100 * accuracy)
    return {"curves": curves}


def _records(
    net: pl.Network, cell: Cell, x: Array, y: Array, library: str, rng: np.random.Generator
) -> Iterator[pl.Record]:
    """Train with the library named."""
    loss, rule = loss_of(cell), optimizer(cell)
    if library == "torch":
        from pellucid.interop.torch import train_twin

        return train_twin(net, loss, rule, x, y, epochs=cell.epochs, batch_size=cell.batch_size, rng=rng)
    return pl.train(net, loss, rule, x, y, epochs=cell.epochs, batch_size=cell.batch_size, rng=rng)


def settings_of(cell: Cell, *, library: str = "pellucid") -> Settings:
    """Return the settings of one cell."""
    return {**asdict(cell), "library": library}


#: The first run, whose initializer is not stated; rates and epochs are not stated for any.
FIRST = [
    *(Cell(init, 0.01, 40) for init in (HALF, SMALL, NORMAL)),
    *(Cell(init, 0.1, 5) for init in (HALF, SMALL)),
    Cell(NORMAL, 0.1, 40),
    Cell(HALF, 0.01, 40, printed_slope=True),
]
#: The second, uniform ±1/sqrt(784) in both layers; in four batch sizes, as the report compares them.
SECOND = [
    Cell(LIMIT, 0.01, 40),
    Cell(LIMIT, 0.01, 40, batch_size=100),
    Cell(LIMIT, 0.01, 40, batch_size=1000),
    Cell(LIMIT, 0.01, 40, batch_size=10),
    Cell(LIMIT, 0.1, 5),
    Cell(LIMIT, 0.01, 40, printed_slope=True),
]


def textbook(cell: Cell) -> Cell:
    """Return the cell with the mean over the batch and a bias a unit."""
    return replace(cell, sums=False, scalar_bias=False)


#: The batch sizes again, and with them the rates that such a net is usually given.
INTENDED_BATCHES = [textbook(Cell(LIMIT, 0.5, 30, batch_size=size)) for size in (32, 100, 1000, 10)]
INTENDED = [
    textbook(Cell(LIMIT, 0.1, 15)),
    *INTENDED_BATCHES,
    textbook(Cell(LIMIT, 3.0, 30, batch_size=10)),
]
#: One slip at a time, for what each costs.
APART = [Cell(LIMIT, 0.01, 40, scalar_bias=False), Cell(LIMIT, 0.5, 30, sums=False)]
TORCH_MSE = [
    textbook(Cell(TORCH, rate, 15, batch_size=64, optimizer=name))
    for rate, name in ((0.5, "SGD"), (0.1, "SGD"), (0.001, "Adam"), (0.003, "momentum 0.9"))
]
TORCH_CE = [replace(cell, loss=loss) for loss in (CE_OUTPUTS, CE_LOGITS) for cell in TORCH_MSE]
ALL_CELLS = [*FIRST, *SECOND, *INTENDED, *APART, *TORCH_MSE, *TORCH_CE]
DEFAULT_CELLS = [*FIRST[:2], *SECOND[:3], *INTENDED[:3], TORCH_MSE[0], TORCH_CE[0]]
#: The cells that are also run in PyTorch.
TWIN_CELLS = [TORCH_MSE[0], TORCH_CE[0]]


def plan(mode: Mode) -> list[Run]:
    """Return the runs: by default some readings of each figure, and two twins in PyTorch."""
    cells = {"quick": SECOND[:1], "full": ALL_CELLS}.get(mode.name, DEFAULT_CELLS)
    runs = [_run(mode, cell, seed, "pellucid") for cell in cells for seed in range(mode.seeds)]
    if find_spec("torch") is None or mode.name == "quick":
        return runs
    twin_seeds = mode.seeds if mode.name == "full" else 1
    return runs + [_run(mode, cell, seed, "torch") for cell in TWIN_CELLS for seed in range(twin_seeds)]


def _run(mode: Mode, cell: Cell, seed: int, library: str) -> Run:
    cell = replace(cell, epochs=QUICK_EPOCHS) if mode.name == "quick" else cell
    batch = COST_BATCH if library == "pellucid" else COST_BATCH_TORCH
    cost = COST_START + cell.epochs * (COST_EPOCH + PARTS[0] / cell.batch_size * batch)
    return Run("E", settings_of(cell, library=library), seed, cost)
