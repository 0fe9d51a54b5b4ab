"""The runs of report B: full-batch gradient descent on 41,000 rows, several nets and initializers.

A seed draws the rows, their split, the weights and the masks. All cells of a seed share rows and split.
"""

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

import pellucid as pl
from pellucid.backend import Array
from pellucid.initializers import Initializer
from pellucid.lab.digit_table import shuffled_table
from pellucid.lab.inspection import inspect
from pellucid.lab.learning_curves import Curves, add_point
from pellucid.lab.report import Mode, Result, Run, Settings, planned
from pellucid.lab.reports.e_run import DenseWithScalarBias

ITERATIONS, QUICK_ITERATIONS, N_TRAIN, EVERY = 500, 20, 41_000, 10
#: Rows on which the gradients at the start are compared.
GRADIENT_ROWS = 2048
#: Seconds on one core for an iteration, for one with a slip's layer, which is not compiled, and for a start.
COST_ITERATION, COST_ITERATION_SLIP, COST_START = 0.026, 0.05, 2.0

ONE, SIGMOID_TANH, TANH_SIGMOID = "one hidden layer", "sigmoid, tanh", "tanh, sigmoid"
RELU_SIGMOID_TANH, SIGMOID_SIGMOID = "ReLU, sigmoid, tanh", "sigmoid, sigmoid"
NETS: dict[str, tuple[type[pl.Layer], ...]] = {
    ONE: (pl.ReLU,),
    SIGMOID_TANH: (pl.Sigmoid, pl.Tanh),
    TANH_SIGMOID: (pl.Tanh, pl.Sigmoid),
    SIGMOID_SIGMOID: (pl.Sigmoid, pl.Sigmoid),
    RELU_SIGMOID_TANH: (pl.ReLU, pl.Sigmoid, pl.Tanh),
}


def normal_by_width(*, factor: float, both: bool, power: float) -> Initializer:
    """Return an initializer N(0, sd²), sd = (factor / n) ** power, with n = n_in + n_out or n_in."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        return rng.normal(0.0, (factor / (n_in + n_out if both else n_in)) ** power, shape)

    return draw


UNIFORM, STANDARD_NORMAL = "U(±0.5)", "N(0, 1)"
XAVIER_VARIANCE, XAVIER_SD = "Xavier, Var a variance", "Xavier, Var a standard deviation"
XAVIER_LIMIT, XAVIER_FACTOR = "Xavier, Var a uniform limit", "Xavier, Var without its root a factor"
KAIMING_VARIANCE, KAIMING_SD = "Kaiming, Var a variance", "Kaiming, Var a standard deviation"
KAIMING_LIMIT = "Kaiming, Var a uniform limit"
#: By name, the initializers of weights and biases.
INITIALIZERS: dict[str, tuple[Initializer, Initializer]] = {
    UNIFORM: (pl.uniform(-0.5, 0.5), pl.uniform(-0.5, 0.5)),
    STANDARD_NORMAL: (pl.normal(1), pl.normal(1)),
    XAVIER_VARIANCE: (normal_by_width(factor=6, both=True, power=0.25), pl.zeros),
    XAVIER_SD: (normal_by_width(factor=6, both=True, power=0.5), pl.zeros),
    XAVIER_FACTOR: (normal_by_width(factor=6, both=True, power=1), pl.zeros),
    XAVIER_LIMIT: (pl.glorot_uniform, pl.zeros),
    KAIMING_VARIANCE: (normal_by_width(factor=2, both=False, power=0.25), pl.zeros),
    KAIMING_SD: (pl.he_normal, pl.zeros),
    KAIMING_LIMIT: (lambda rng, shape, n_in, n_out: rng.uniform(-1, 1, shape) * (2 / n_in) ** 0.5, pl.zeros),
}


@dataclass(frozen=True)
class DepthCell:
    """One reading of what was run; `net` and `init` are keys of `NETS` and `INITIALIZERS`."""

    net: str = ONE
    init: str = UNIFORM
    drop_prob: float = 0.0  # after each hidden activation; 0: no dropout
    scaled: bool = False  # inverted dropout, which scales up kept units; the report's text does not
    units: int = 10  # of each hidden layer
    rate: float = 0.1
    scalar_bias: bool = False  # one number moves all biases of a layer, as in the notebook cited

    def __str__(self) -> str:
        """Return a name: the net, then everything that differs from the default cell."""
        default = DepthCell()
        parts = [self.net, *([self.init] if self.init != default.init else [])]
        if self.drop_prob:
            parts.append(f"{self.drop_prob:.0%} dropped" + (", scaled" if self.scaled else ""))
        parts += [f"{self.units} units"] if self.units != default.units else []
        parts += [f"rate {self.rate:g}"] if self.rate != default.rate else []
        return ", ".join([*parts, *(["scalar bias"] if self.scalar_bias else [])])


class UnscaledDropout(pl.Dropout):
    """Slip: kept units are not scaled up, though nothing is dropped when the network predicts."""

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return x · m while training, else x."""
        y = super().forward(x, train=train)
        return np.multiply(y, 1 - self.drop_prob, out=y) if train else y

    def backward(self, dy: Array) -> Array:
        """Return dx = dy · m, or dy after a forward pass without dropout."""
        dx = super().backward(dy)
        return dx if self.kept is None else np.multiply(dx, 1 - self.drop_prob, out=dx)


def network(cell: DepthCell, seed: int) -> pl.Network:
    """Return the network of a cell, its weights drawn."""
    dense = DenseWithScalarBias if cell.scalar_bias else pl.Dense
    dropout = pl.Dropout if cell.scaled else UnscaledDropout
    init, bias_init = INITIALIZERS[cell.init]
    layers: list[pl.Layer] = [pl.Rescale(1 / 255)]
    for activation in NETS[cell.net]:
        layers += [dense(cell.units, init=init, bias_init=bias_init), activation()]
        layers += [dropout(cell.drop_prob)] if cell.drop_prob else []
    layers.append(dense(10, init=init, bias_init=bias_init))
    return pl.Network(layers).build(784, rng=np.random.default_rng([seed, 1]))


def cell_of(settings: Settings) -> DepthCell:
    """Return the cell that settings describe."""
    return DepthCell(**{name: value for name, value in settings.items() if name != "iterations"})


def together(settings: Settings) -> Hashable:
    """Return a value that runs trained together share; None if the network has a layer with a slip."""
    cell = cell_of(settings)
    has_slip = cell.scalar_bias or (cell.drop_prob > 0 and not cell.scaled)
    return None if has_slip else (replace(cell, init=""), settings["iterations"])


def run(group: Sequence[Settings], seed: int) -> list[Result]:
    """Shuffle the rows, train on 41,000 of them, test on the rest."""
    table = shuffled_table(np.random.default_rng([seed, 0]))
    parts = table.x[:N_TRAIN], table.y[:N_TRAIN], table.x[N_TRAIN:], table.y[N_TRAIN:]
    return [{"origin": table.origin, **result} for result in run_on(*parts, group, seed)]


def run_on(
    x: Array, y: Array, x_test: Array, y_test: Array, group: Sequence[Settings], seed: int
) -> list[Result]:
    """Train and test on the given rows; training accuracy is that of the pass before the update."""
    cells = [cell_of(settings) for settings in group]
    nets, curves = [network(cell, seed) for cell in cells], [Curves() for _ in cells]
    shares = [gradient_share(net, x[:GRADIENT_ROWS], y[:GRADIENT_ROWS]) for net in nets]
    loss, optimizer = pl.SoftmaxCrossEntropy(), pl.SGD(cells[0].rate)
    for records in pl.train_many(nets, loss, optimizer, x, y, epochs=group[0]["iterations"]):
        if records[0].epoch == 1 or records[0].epoch % EVERY == 0:
            for net, record, own in zip(nets, records, curves, strict=True):
                add_point(own, "train loss", record.epoch, record.loss)
                add_point(own, "train accuracy", record.epoch, 100 * record.accuracy)
                test_accuracy = pl.evaluate(net, loss, x_test, y_test)[1]
                add_point(own, "test accuracy", record.epoch, 100 * test_accuracy)
    return [
        {
            "curves": own,
            "n test": len(y_test),
            "gradient share": share,
            "scores": scores(net, x_test, y_test),
            **({"inside": inspect(net, x_test, y_test)} if seed == 0 and cell == BASELINE else {}),
        }
        for cell, net, own, share in zip(cells, nets, curves, shares, strict=True)
    ]


def scores(net: pl.Network, x: Array, y: Array) -> dict[str, float]:
    """Return precision, recall and F1, each the plain mean of the ten classes."""
    predicted = net.predict(x).argmax(axis=1)
    found = {"precision": pl.precision, "recall": pl.recall, "F1": pl.f1}
    return {name: float(score(y, predicted, n_classes=10, average="macro")) for name, score in found.items()}


def gradient_share(net: pl.Network, x: Array, y: Array) -> float:
    """Return the first layer's weight gradient over the last's at the start, both as root mean squares."""
    outputs = net.forward(x)  # without dropout: the first masks belong to the training
    net.backward(pl.SoftmaxCrossEntropy().value_and_grad(outputs, y)[1])
    first, *_, last = (layer.dW for layer in net.layers if isinstance(layer, pl.Dense))
    return float(np.sqrt(np.square(first).mean() / np.square(last).mean()))


def settings_of(cell: DepthCell, *, iterations: int = ITERATIONS) -> Settings:
    """Return the settings of one cell."""
    return {**asdict(cell), "iterations": iterations}


BASELINE = DepthCell()
DEEP = DepthCell(RELU_SIGMOID_TANH)
BASELINES = [
    BASELINE,
    DepthCell(scalar_bias=True),
    DepthCell(init=STANDARD_NORMAL),
    DepthCell(units=64),
    DepthCell(rate=0.5),
    DepthCell(units=64, rate=0.01),
]
DEEPS = [
    DEEP,
    *(DepthCell(net) for net in (SIGMOID_TANH, TANH_SIGMOID, SIGMOID_SIGMOID)),
    DepthCell(SIGMOID_TANH, units=64),
]
_TRIED = (ONE, SIGMOID_TANH, RELU_SIGMOID_TANH)
XAVIERS = [
    DepthCell(net, init)
    for init in (XAVIER_SD, XAVIER_VARIANCE, XAVIER_LIMIT, XAVIER_FACTOR)
    for net in _TRIED
]
KAIMINGS = [DepthCell(net, init) for init in (KAIMING_SD, KAIMING_VARIANCE, KAIMING_LIMIT) for net in _TRIED]
DROPOUTS = [
    replace(cell, drop_prob=p, scaled=scaled)
    for cell in (BASELINE, DEEP)
    for scaled in (False, True)
    for p in (0.2, 0.5, 0.8)
]
ALL_CELLS = [*BASELINES, *DEEPS, *XAVIERS, *KAIMINGS, *DROPOUTS]
DEFAULT_CELLS = [BASELINE, DEEP, XAVIERS[0], KAIMINGS[0], DROPOUTS[0]]


def plan(mode: Mode) -> list[Run]:
    """Return the runs: by default one reading of each of the five experiments."""
    iterations = QUICK_ITERATIONS if mode.name == "quick" else ITERATIONS
    cells = {"quick": DEFAULT_CELLS[:1], "full": ALL_CELLS}.get(mode.name, DEFAULT_CELLS)
    return planned("B", mode, [settings_of(cell, iterations=iterations) for cell in cells], _cost)


def _cost(settings: Settings) -> float:
    iteration = COST_ITERATION_SLIP if together(settings) is None else COST_ITERATION
    return COST_START + iteration * float(settings["iterations"])
