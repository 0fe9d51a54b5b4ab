"""What is trained: networks, batches, rows and rules of the workloads; numbers only.

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
    """A training whose time is compared.

    Attributes
    ----------
    name : str
    sizes : tuple of int
        Widths from the inputs to the classes.
    activation : str
        Of the hidden layers: relu, tanh or sigmoid.
    batch_size : int or None
        None: full batch, one step on all rows. Else rows are shuffled in each epoch.
    rows : int
        The first so many training images of MNIST.
    rule : str
        sgd or adam.
    rate : float
        The learning rate; the peak of the cycle where there is one.
    init : str
        The initializer's name in `pellucid`.
    cycle_epochs : int or None
        The length of a training with a one-cycle rate; None: the rate is constant.
    momentum : float
        Of sgd, in Nesterov's form; 0: none.
    label_smoothing : float
        The share of each target that is spread over the classes.
    components : int
        The inputs are so many principal components of the training images; 0: the pixels.

    Examples
    --------
    >>> Workload("small", (784, 10), "relu", 100, 250, "sgd").steps
    3
    """

    name: str
    sizes: tuple[int, ...]
    activation: str
    batch_size: int | None
    rows: int
    rule: Rule
    rate: float = 0.1
    init: str = "glorot_uniform"
    cycle_epochs: int | None = None
    momentum: float = 0.0
    label_smoothing: float = 0.0
    components: int = 0

    @property
    def steps(self) -> int:
        """Updates in an epoch."""
        return 1 if self.batch_size is None else -(-self.rows // self.batch_size)

    @property
    def batches(self) -> list[int]:
        """Rows of each step of an epoch; the last may be smaller."""
        size = self.batch_size or self.rows
        return [min(size, self.rows - start) for start in range(0, self.rows, size)]

    @property
    def parameters(self) -> int:
        """Weights and biases together."""
        return sum((n_in + 1) * n_out for n_in, n_out in self.layers)

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each dense layer."""
        return list(zip(self.sizes, self.sizes[1:], strict=False))

    @property
    def unit(self) -> str:
        """What one measurement is."""
        return "s/iteration" if self.batch_size is None else "s/epoch"

    @property
    def title(self) -> str:
        """The net, the batch and the rule in a line."""
        hidden = "-".join(map(str, self.sizes[:-1]))
        hidden = f"784 to {hidden}" if self.components else hidden
        net = f"{hidden} {NAMES[self.activation]}" if len(self.sizes) > 2 else hidden
        batch = "full batch" if self.batch_size is None else f"batch {self.batch_size}"
        return f"{net}-{self.sizes[-1]}, {batch}, {'SGD' if self.rule == 'sgd' else 'Adam'}"

    def schedule(self) -> float | Schedule:
        """Return the learning rate as an optimizer of pellucid takes it."""
        if self.cycle_epochs is None:
            return self.rate
        return one_cycle(self.rate, steps=self.cycle_epochs * self.steps)

    def to_json(self) -> dict[str, Any]:
        """Return all numbers as JSON values."""
        return {**asdict(self), "sizes": list(self.sizes)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Workload":
        """Return what `to_json` wrote."""
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
#: The recipe of the race to 98 % test accuracy: every contestant trains this net in this way.
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
    """Return a workload on few rows, with which nothing is measured but that all runs.

    Examples
    --------
    >>> smoke(WORKLOADS["C"]).rows
    1000
    """
    return replace(workload, rows=min(workload.rows, 1000))
