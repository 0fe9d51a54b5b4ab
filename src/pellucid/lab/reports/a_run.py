"""The runs of report A: 784-100 tanh-10 by full-batch gradient descent, four initializers, kinds of dropout.

A seed draws the rows, their split, the weights and the masks. All cells of a seed share the split, so
that they are compared pair by pair on the same test rows.
"""

from collections.abc import Callable, Hashable, Sequence
from itertools import product
from typing import Any, TypeAlias

import numpy as np

import pellucid as pl
from pellucid.backend import Array
from pellucid.initializers import Initializer
from pellucid.lab.digit_table import shuffled_table
from pellucid.lab.inspection import digits, inspect
from pellucid.lab.learning_curves import Curves, add_point
from pellucid.lab.report import Mode, Result, Run, Settings, planned

EPOCHS, QUICK_EPOCHS, LEARNING_RATE, N_TRAIN, DROP_PROB = 100, 3, 0.2, 40_000, 0.1
#: Seconds on one core for an epoch, and for starting a run.
COST_EPOCH, COST_START = 0.145, 2.0

AS_CODED, TEXTBOOK = "as coded", "textbook"
MASKED, INVERTED, NONE = "masked backward", "inverted", "none"


def scaled_uniform(limit: Callable[[int, int], float]) -> Initializer:
    """Return an initializer that draws from U(-r, r), where r = limit(n_in, n_out)."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        reach = limit(n_in, n_out)
        return rng.uniform(-reach, reach, shape)

    return draw


#: By name, the initializer of the code and the textbook's; for "random", the range given in the text.
INITIALIZERS: dict[str, dict[str, Initializer]] = {
    "random": {AS_CODED: pl.uniform(-0.05, 0.05), TEXTBOOK: pl.uniform(-0.05, 0.1)},
    "LeCun": {AS_CODED: scaled_uniform(lambda n_in, n_out: n_in**-0.5), TEXTBOOK: pl.lecun_uniform},
    "He": {AS_CODED: scaled_uniform(lambda n_in, n_out: (2 / n_in) ** 0.5), TEXTBOOK: pl.he_uniform},
    "Xavier": {
        AS_CODED: scaled_uniform(lambda n_in, n_out: (2 / (n_in + n_out)) ** 0.5),
        TEXTBOOK: pl.glorot_uniform,
    },
}
#: One cell of the experiment: initializer, its limits, dropout.
InitializerCell: TypeAlias = tuple[str, str, str]
ALL_CELLS: list[InitializerCell] = list(
    product(INITIALIZERS, (AS_CODED, TEXTBOOK), (AS_CODED, MASKED, INVERTED, NONE))
)
DEFAULT_CELLS: list[InitializerCell] = [
    *((name, AS_CODED, AS_CODED) for name in INITIALIZERS),
    ("random", AS_CODED, INVERTED),
]


class UnitDropout(pl.Layer):
    """Slips: dropout before the activation, one draw per unit for the whole batch, kept units not scaled up.

    Forward:  z' = z · m     m_j = 1 with probability keep_prob, one m for all rows
    Backward: dz = dz', as if m were 1: since tanh'(0) = 1, a dropped unit gets the full gradient. With
              `masks_gradient` dz = dz' · m, the true derivative.
    """

    draws = True

    def __init__(self, keep_prob: float, *, masks_gradient: bool) -> None:
        self.keep_prob, self.masks_gradient = keep_prob, masks_gradient

    def redraw(self) -> None:
        """Draw the mask of the next step; all blocks of a full batch share it."""
        assert self.rng is not None
        self.kept = self.rng.random(self.n_in) < self.keep_prob

    def forward(self, x: Array, *, train: bool) -> Array:
        """Return z · m while training, else z."""
        return np.multiply(x, self.kept if train else 1, out=self.buffer("y", len(x), self.n_out))

    def backward(self, dy: Array) -> Array:
        """Return dy, or dy · m."""
        return np.multiply(dy, self.kept, out=dy) if self.masks_gradient else dy

    def settings(self) -> dict[str, Any]:
        """Return the settings shown in a diagram."""
        return {"keep_prob": self.keep_prob, "masks_gradient": self.masks_gradient}


def network(cell: InitializerCell, seed: int) -> pl.Network:
    """Return the network of a cell, its weights drawn."""
    initializer, limits, dropout = cell
    init = INITIALIZERS[initializer][limits]
    hidden: dict[str, list[pl.Layer]] = {
        AS_CODED: [UnitDropout(1 - DROP_PROB, masks_gradient=False), pl.Tanh()],
        MASKED: [UnitDropout(1 - DROP_PROB, masks_gradient=True), pl.Tanh()],
        INVERTED: [pl.Tanh(), pl.Dropout(DROP_PROB)],
        NONE: [pl.Tanh()],
    }
    layers = [pl.Rescale(1 / 255), pl.Dense(100, init=init), *hidden[dropout], pl.Dense(10, init=init)]
    return pl.Network(layers).build(784, rng=np.random.default_rng([seed, 1]))


def together(settings: Settings) -> Hashable:
    """Return a value that runs trained together share; None if the network has a layer with a slip."""
    dropout = settings["dropout"]
    return (dropout, settings["epochs"]) if dropout in (INVERTED, NONE) else None


def run(group: Sequence[Settings], seed: int) -> list[Result]:
    """Shuffle the rows, train on the first 40,000, test on the rest."""
    table = shuffled_table(np.random.default_rng([seed, 0]))
    parts = table.x[:N_TRAIN], table.y[:N_TRAIN], table.x[N_TRAIN:], table.y[N_TRAIN:]
    return [{"origin": table.origin, **result} for result in run_on(*parts, group, seed)]


def run_on(
    x: Array, y: Array, x_test: Array, y_test: Array, group: Sequence[Settings], seed: int
) -> list[Result]:
    """Train and test on the given rows; the training loss is that of the dropout pass before the update."""
    nets = [network((each["initializer"], each["limits"], each["dropout"]), seed) for each in group]
    curves = [Curves() for _ in nets]
    drops = [layer for net in nets for layer in net.layers if isinstance(layer, UnitDropout)]
    loss, optimizer = pl.SoftmaxCrossEntropy(), pl.SGD(LEARNING_RATE)
    _redraw(drops)
    for records in pl.train_many(nets, loss, optimizer, x, y, epochs=group[0]["epochs"]):
        for net, record, own in zip(nets, records, curves, strict=True):
            add_point(own, "train loss", record.epoch, record.loss)
            if is_measured(record.epoch):
                _measure(own, record.epoch, net, x, y, x_test, y_test)
        _redraw(drops)
    results: list[Result] = [
        {"curves": own, "n test": len(y_test), "largest logit": float(np.abs(net.predict(x)).max())}
        for net, own in zip(nets, curves, strict=True)
    ]
    if seed == 0:
        for result, net in zip(results, nets, strict=True):
            result |= {"digits": digits(x[:25], y[:25]), "inside": inspect(net, x_test, y_test)}
    return results


def _measure(
    curves: Curves, epoch: int, net: pl.Network, x: Array, y: Array, x_test: Array, y_test: Array
) -> None:
    """Add the accuracies and the test loss after an epoch, without dropout."""
    loss = pl.SoftmaxCrossEntropy()
    test_loss, test_accuracy = pl.evaluate(net, loss, x_test, y_test)
    add_point(curves, "train accuracy", epoch, 100 * pl.evaluate(net, loss, x, y)[1])
    add_point(curves, "test loss", epoch, test_loss)
    add_point(curves, "test accuracy", epoch, 100 * test_accuracy)


def _redraw(drops: list[UnitDropout]) -> None:
    for layer in drops:
        layer.redraw()


def is_measured(epoch: int) -> bool:
    """Whether accuracies are measured after this epoch: measuring after every one adds half to the time."""
    return epoch <= 10 or epoch % 5 == 0


def settings_of(cell: InitializerCell, *, epochs: int = EPOCHS) -> Settings:
    """Return the settings of one cell."""
    initializer, limits, dropout = cell
    return {"initializer": initializer, "limits": limits, "dropout": dropout, "epochs": epochs}


def plan(mode: Mode) -> list[Run]:
    """Return the runs: by default the report's code, and for one initializer what its dropout costs."""
    epochs = QUICK_EPOCHS if mode.name == "quick" else EPOCHS
    cells = {"quick": DEFAULT_CELLS[:1], "full": ALL_CELLS}.get(mode.name, DEFAULT_CELLS)
    settings = [settings_of(cell, epochs=epochs) for cell in cells]
    return planned("A", mode, settings, lambda each: COST_START + COST_EPOCH * float(each["epochs"]))
