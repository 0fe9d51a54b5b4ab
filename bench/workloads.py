"""The workloads: network, batch size, number of rows and optimizer of each.

>>> WORKLOADS["E"].title, WORKLOADS["E"].steps
('784-30 sigmoid-10, batch 32, SGD', 938)
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from pellucid.app.settings import RECIPES
from pellucid.schedules import Schedule, one_cycle

Rule = Literal["sgd", "adam"]
NAMES = {"relu": "ReLU", "tanh": "tanh", "sigmoid": "sigmoid"}


@dataclass(frozen=True)
class Workload:
    """A training task whose time is measured.

    Examples
    --------
    >>> Workload("small", (784, 10), "relu", 100, 250, "sgd").steps
    3
    """

    name: str
    #: Widths of the layers, from the inputs to the classes.
    sizes: tuple[int, ...]
    #: Activation of the hidden layers: relu, tanh or sigmoid.
    activation: str
    #: None means full batch, one step on all rows. Mini-batches are shuffled in each epoch.
    batch_size: int | None
    #: How many training images of MNIST are used, from the first.
    rows: int
    #: The optimizer.
    rule: Rule
    #: The learning rate, or its peak in a one-cycle schedule.
    rate: float = 0.1
    #: Name of the initializer in pellucid.
    init: str = "glorot_uniform"
    #: Epochs of the one-cycle schedule; None means a constant learning rate.
    cycle_epochs: int | None = None
    #: Nesterov momentum of sgd.
    momentum: float = 0.0
    label_smoothing: float = 0.0
    #: Number of principal components that replace the pixels as inputs; 0 means pixels.
    components: int = 0

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return 1 if self.batch_size is None else -(-self.rows // self.batch_size)

    @property
    def batches(self) -> list[int]:
        """Rows in each step of an epoch; the last batch may be smaller."""
        size = self.batch_size or self.rows
        return [min(size, self.rows - start) for start in range(0, self.rows, size)]

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return sum((n_in + 1) * n_out for n_in, n_out in self.layers)

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each dense layer."""
        return list(zip(self.sizes, self.sizes[1:], strict=False))

    @property
    def unit(self) -> str:
        """Unit of a measured time."""
        return "s/iteration" if self.batch_size is None else "s/epoch"

    @property
    def title(self) -> str:
        """Network, batch size and optimizer on one line."""
        hidden = "-".join(map(str, self.sizes[:-1]))
        hidden = f"784 to {hidden}" if self.components else hidden
        net = f"{hidden} {NAMES[self.activation]}" if len(self.sizes) > 2 else hidden
        batch = "full batch" if self.batch_size is None else f"batch {self.batch_size}"
        return f"{net}-{self.sizes[-1]}, {batch}, {'SGD' if self.rule == 'sgd' else 'Adam'}"

    def schedule(self) -> float | Schedule:
        """Return the learning rate or its schedule, as pellucid's optimizers take it."""
        if self.cycle_epochs is None:
            return self.rate
        return one_cycle(self.rate, steps=self.cycle_epochs * self.steps)

    def to_json(self) -> dict[str, Any]:
        """Return all settings as JSON values."""
        return {**asdict(self), "sizes": list(self.sizes)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Workload":
        """Return the workload of the JSON values of `to_json`."""
        return cls(**{**values, "sizes": tuple(values["sizes"])})


WORKLOADS = {
    each.name: each
    for each in (
        Workload("A", (784, 100, 10), "tanh", None, 40_000, "sgd"),
        Workload("B", (784, 10, 10), "relu", None, 41_000, "sgd"),
        Workload("C", (784, 500, 150, 10), "relu", None, 60_000, "sgd"),
        Workload("D", (784, 10), "relu", 32, 30_000, "sgd"),
        Workload("E", (784, 30, 10), "sigmoid", 32, 30_000, "sgd"),
        Workload("E10", (784, 30, 10), "sigmoid", 10, 30_000, "sgd"),
        Workload("F", (784, 100, 10), "relu", 128, 30_000, "adam", rate=1e-3),
        Workload("G", (784, 512, 512, 10), "relu", 128, 30_000, "adam", rate=1e-3),
    )
}
FAST = RECIPES["fast"]
#: The recipe of the race to 98 % test accuracy, the same for every contestant.
RACE = Workload(
    "T98",
    (FAST["components"], *FAST["hidden"], 10),
    "relu",
    FAST["batch_size"],
    60_000,
    FAST["optimizer"],
    rate=FAST["learning_rate"],
    init="he_normal",
    cycle_epochs=FAST["epochs"],
    momentum=FAST["momentum"],
    label_smoothing=FAST["label_smoothing"],
    components=FAST["components"],
)


def smoke(workload: Workload) -> Workload:
    """Return a workload on few rows, to check that everything runs."""
    return replace(workload, rows=min(workload.rows, 1000))
