"""Losses, their gradients, Softmax and Sigmoid are exact to rounding for outputs up to 10⁴ of either sign.

They are compared with decimals of 60 digits, in float32 and float64: called directly, in plain training and
in compiled training. In training, the network is the identity, so its record contains the loss, and the step
of its biases is the gradient. Errors are given in roundings: multiples of the dtype's ε times the size of the
result. Results below 1 count as 1, except losses without Softmax.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.wording import counted
from proof import exact
from proof.findings import Finding

#: Largest error of a correct result, in roundings.
LIMIT = 4.0
EXACT: dict[type[pl.Loss], Callable[[exact.Rows, exact.Rows], tuple[Decimal, exact.Rows]]] = {
    pl.SoftmaxCrossEntropy: exact.softmax_cross_entropy,
    pl.SigmoidCrossEntropy: exact.sigmoid_cross_entropy,
    pl.MeanSquaredError: exact.mean_squared_error,
}
LARGEST, ONE = 1e4, Decimal(1)
#: The error of smaller losses is relative to this: float32 and the reference have too few digits for them.
LEAST = Decimal("1e-30")


@dataclass(frozen=True, eq=False)
class LossCase:
    """Outputs of a network and labels for them."""

    loss: pl.Loss
    #: Outputs, shape (n, k).
    z: np.ndarray
    #: Class numbers (n,), or targets (n, k).
    labels: np.ndarray

    @property
    def targets(self) -> exact.Rows:
        """The exact targets of the labels."""
        return exact.targets_of(self.labels.tolist(), self.z.shape[1], self.loss.label_smoothing)

    def __str__(self) -> str:
        return f"{self.loss!r} in {self.z.dtype} of {self.z.tolist()} for {self.labels.tolist()}"


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Compare n random batches."""
    worst: dict[str, tuple[float, str]] = {}
    for i in range(n):
        rng = np.random.default_rng(i)
        for what, error, case in compared(draw_case(rng)):
            worst[what] = max(worst.get(what, (-1.0, "")), (error, case))
        advance(1)
    return [
        Finding(
            f"{what} is exact to rounding for outputs up to ±10⁴",
            f"{counted(n, 'batch')}, largest error {error:.1f} roundings"
            + (f", {case}" if error > LIMIT else ""),
            f"{LIMIT:g} roundings",
            error <= LIMIT,
        )
        for what, (error, case) in worst.items()
    ]


def draw_case(rng: np.random.Generator) -> LossCase:
    """Draw a loss, outputs of one magnitude, and labels, sometimes all of one class."""
    loss = rng.choice(list(EXACT))(label_smoothing=float(rng.choice([0, 0, 0.1, 0.5])))
    n, k = int(rng.integers(1, 6)), int(rng.integers(1 + isinstance(loss, pl.SoftmaxCrossEntropy), 6))
    size = 10 ** rng.uniform(-4, 4)
    z = rng.normal(0, size / 2, (n, k)).clip(-size, size)
    if rng.random() < 0.5:
        z = rng.choice([-LARGEST, -size, 0, size, LARGEST], (n, k))
    labels = rng.integers(max(k, 2), size=n)
    if rng.random() < 0.25:
        labels[:] = labels[0]
    if rng.random() < 0.25:
        return LossCase(loss, z.astype(dtype := _dtype(rng)), rng.random((n, k)).astype(dtype))
    return LossCase(loss, z.astype(_dtype(rng)), labels)


def _dtype(rng: np.random.Generator) -> Any:
    return rng.choice([np.float32, np.float64])


def compared(case: LossCase) -> Iterator[tuple[str, float, str]]:
    """Yield the name of each result, its error in roundings, and the case."""
    value, gradient = EXACT[type(case.loss)](exact.decimals(case.z), case.targets)
    expected = np.array(gradient, dtype=object)
    found, dy = case.loss.value_and_grad(case.z, case.labels)
    yield "The value of a loss", value_error(case, float(found), value), str(case)
    yield "The gradient of a loss", gradient_error(case, dy, expected), str(case)
    for compiled in (False, True):
        if compiled and case.labels.ndim == 2:
            continue  # compiled training takes class numbers only
        way = "compiled" if compiled else "plain"
        loss, step = trained(case, compiled=compiled)
        yield f"The loss in {way} training", value_error(case, loss, value), str(case)
        yield f"The step of {way} training", gradient_error(case, step, expected), str(case)
    yield "Softmax", layer_error(case, pl.Softmax(), exact.softmax), str(case)
    yield "Sigmoid", layer_error(case, pl.Sigmoid(), lambda row: [exact.sigmoid(z) for z in row]), str(case)


def trained(case: LossCase, *, compiled: bool) -> tuple[float, np.ndarray]:
    """Return the loss and the gradient summed over rows, from a step of an identity network."""
    k = case.z.shape[1]
    net = pl.Network([pl.Dense(k, init=lambda rng, shape, n_in, n_out: np.eye(k))])
    net.build(k, rng=np.random.default_rng(0), dtype=case.z.dtype)
    (record,) = pl.train(net, case.loss, pl.SGD(1.0), case.z, case.labels, epochs=1, compiled=compiled)
    return record.loss, -net.theta[net.n_weights :]


def value_error(case: LossCase, found: float, expected: Decimal) -> float:
    """Return the error of a loss in roundings.

    With Softmax, the sum of all probabilities, 1, is rounded. A target between 0 and 1 is itself rounded, so
    the output that it multiplies counts.
    """
    between = [abs(z) for z, t in _pairs(case) if 0 < t < 1]
    least = ONE if isinstance(case.loss, pl.SoftmaxCrossEntropy) else LEAST
    return _roundings(case, abs(Decimal(found) - expected), max(abs(expected), *between, least))


def gradient_error(case: LossCase, found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest error of a gradient, or of its sum over rows, in roundings."""
    size = abs(expected)
    if found.ndim == 1:
        found, expected, size = found[None], expected.sum(axis=0)[None], size.sum(axis=0)
    return _roundings(case, _difference(found, expected), max(size.max(), ONE))


def layer_error(case: LossCase, layer: pl.Layer, function: Callable[[Any], list[Decimal]]) -> float:
    """Return the largest error of the output of a layer, which is at most 1, in roundings."""
    layer.connect(case.z.shape[1], dtype=case.z.dtype, xp=np)
    found = layer.forward(case.z.copy(), train=False)
    expected = np.array([function(row) for row in exact.decimals(case.z)], object)
    return _roundings(case, _difference(found, expected), ONE)


def _pairs(case: LossCase) -> Iterator[tuple[Decimal, Decimal]]:
    for row, targets in zip(exact.decimals(case.z), case.targets, strict=True):
        yield from zip(row, targets, strict=True)


def _difference(found: np.ndarray, expected: np.ndarray) -> Decimal:
    """Return the largest difference of two matrices, or infinity if a number is not finite."""
    if not np.isfinite(found).all():
        return Decimal("inf")
    return abs(np.array(exact.decimals(found), object) - expected).max()


def _roundings(case: LossCase, difference: Decimal, size: Decimal) -> float:
    if not difference.is_finite():
        return float("inf")
    return float(difference / size) / float(np.finfo(case.z.dtype).eps)
