"""Gradient check: compare the gradients of `backward` with finite differences of the loss.

Each parameter matrix or vector (a block) is checked along random directions, and so are all parameters
together. The cost does not depend on the number of parameters. ReLU and LeakyReLU have a kink at 0: networks
with them are checked with a smaller step, and a direction along which a unit changes sign is redrawn.

Finite differences are inexact themselves: large steps suffer from curvature, small ones from rounding. A
derivative that exceeds the limit is therefore measured again with several steps; the limit stays the same.

>>> import numpy as np, pellucid as pl
>>> rng = np.random.default_rng(0)
>>> net = pl.Network([pl.Dense(3), pl.Tanh(), pl.Dense(2)]).build(n_in=4, rng=rng, dtype=np.float64)
>>> x, y = rng.normal(size=(5, 4)), rng.integers(2, size=5)
>>> max(check.error for check in gradcheck(net, pl.SoftmaxCrossEntropy(), x, y, rng=rng)) <= 1e-7
True
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from pellucid.backend import Array, to_device, to_host
from pellucid.checks import check_count, check_data, check_kind
from pellucid.layers import LeakyReLU, ReLU
from pellucid.losses import Loss
from pellucid.network import Network

#: Largest error of a correct gradient, in smooth networks (five-point differences) and in networks with
#: kinks (two-point differences).
SMOOTH_LIMIT, KINK_LIMIT = 1e-7, 1e-5
SMOOTH_STEP, KINK_STEP = 1e-3, 1e-6
#: Steps of the second measurement.
STEPS = (3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)

#: A finite difference: approximates f'(0) from f and a step.
Formula: TypeAlias = Callable[[Callable[[float], float], float], float]


@dataclass(frozen=True)
class GradientCheck:
    """The result along one direction.

    Attributes
    ----------
    block : str
        ``"0.W"`` for W of layers[0], or ``"all"``.
    analytic, numeric : float
        The derivative along the direction: a from `backward`, n from finite differences.
    error : float
        |a - n| / max(|a|, |n|, 0.01 ‖g‖, 1e-6), where g is the whole gradient.
    limit : float
        The largest error of a correct gradient.
    refined : bool
        Whether `numeric` comes from the second measurement.

    Examples
    --------
    >>> GradientCheck("0.W", analytic=1.0, numeric=-1.0, error=2.0, limit=1e-7).passed
    False
    """

    block: str
    analytic: float
    numeric: float
    error: float
    limit: float
    refined: bool = field(default=False, kw_only=True)

    @property
    def passed(self) -> bool:
        """Whether the error is within the limit."""
        return self.error <= self.limit


def gradcheck(
    net: Network, loss: Loss, x: Any, y: Any, *, rng: np.random.Generator | None = None, directions: int = 3
) -> list[GradientCheck]:
    """Check a network's gradient, block by block and for all parameters together.

    Parameters
    ----------
    net : Network
        Built with dtype float64. Its parameters are changed and restored exactly.
    loss : Loss
    x, y : array
        A small batch, as for `train`.
    rng : numpy.random.Generator, optional
        Draws the directions. Default: a fixed seed.
    directions : int
        Number of directions per block.

    Returns
    -------
    list of GradientCheck

    Raises
    ------
    ValueError
        If the network is not float64 (in float32, rounding hides errors), or `train` would refuse the batch.
    RuntimeError
        If a Dropout has no fixed mask, or units change sign along every direction.

    Notes
    -----
    A direction takes four forward passes, or two in networks with kinks, and forty more if the limit is
    exceeded. Dropout is on, with its fixed mask.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.Network([pl.Dense(2)]).build(1, rng=np.random.default_rng(0), dtype=np.float64)
    >>> checks = gradcheck(net, pl.MeanSquaredError(), [[3.0]], [1], rng=np.random.default_rng(1))
    >>> sorted({check.block for check in checks}), all(check.passed for check in checks)
    (['0.W', '0.b', 'all'], True)
    """
    check_kind("loss", loss, Loss)
    check_count("directions", directions, may_be_none=False)
    rng = np.random.default_rng(0) if rng is None else rng
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a generator such as numpy.random.default_rng(0), got {rng!r}")
    _check_network(net)
    x, y = check_data(net, x, y)
    x = to_device(x, net.device)
    blocks = _parameter_blocks(net)
    outputs = net.forward(x, train=True)
    net.backward(loss.value_and_grad(outputs, y)[1])
    probe = _Probe(net, loss, x, y, to_host(net.grad.copy()))
    return [probe.check(rng, block, mask) for block, mask in blocks for _ in range(directions)]


def _check_network(net: Network) -> None:
    check_kind("net", net, Network)
    net.check_built()
    if net.dtype != np.float64:
        raise ValueError(f"gradcheck needs a float64 network, got {net.dtype}: build it with dtype=float")
    if net.theta.size == 0:
        raise ValueError(f"gradcheck needs parameters to check, and {net!r} has none")
    if any(layer.draws and getattr(layer, "mask", None) is None for layer in net.layers):
        raise RuntimeError("gradcheck needs the same dropout in every pass: call fix_mask on each Dropout")


class _Probe:
    """Finite differences of the loss along directions in parameter space."""

    def __init__(self, net: Network, loss: Loss, x: Array, y: Array, gradient: Array) -> None:
        self.net, self.loss, self.x, self.y, self.gradient = net, loss, x, y, gradient
        self.start = to_host(net.theta.copy())
        self.kinked = [layer for layer in net.layers if isinstance(layer, ReLU | LeakyReLU)]
        self.limit = KINK_LIMIT if self.kinked else SMOOTH_LIMIT
        self.least = max(0.01 * float(np.linalg.norm(gradient)), 1e-6)

    def check(self, rng: np.random.Generator, block: str, mask: Array) -> GradientCheck:
        """Compare the two derivatives along a random direction within the mask.

        A direction that fails but has kinks too near for a second measurement is redrawn; ten are tried.
        """
        for _ in range(10):
            direction, numeric = self.draw(rng, mask)
            check = self.compare(block, direction, numeric)
            if check.passed:
                return check
            second = self.refine(direction)
            if second is not None:
                return replace(self.compare(block, direction, second), refined=True)
        return check

    def compare(self, block: str, direction: Array, numeric: float) -> GradientCheck:
        """Return the result for the numeric derivative along a direction."""
        analytic = float(self.gradient @ direction)
        error = abs(analytic - numeric) / max(abs(analytic), abs(numeric), self.least)
        return GradientCheck(block, analytic, numeric, error, self.limit)

    def draw(self, rng: np.random.Generator, mask: Array) -> tuple[Array, float]:
        """Return a direction of length 1 within the mask, and the derivative along it."""
        for _ in range(100):
            direction = rng.normal(size=mask.shape) * mask
            direction /= np.linalg.norm(direction)
            numeric = self.derivative(direction)
            if numeric is not None:
                return direction, numeric
        raise RuntimeError("each of 100 directions changes a unit's sign: use a smaller or another batch")

    def derivative(self, direction: Array) -> float | None:
        """Return the derivative along a direction, or None if a unit changes sign."""
        if not self.kinked:
            return self.differences(direction, five_point, SMOOTH_STEP)
        return self.differences(direction, two_point, KINK_STEP)

    def refine(self, direction: Array) -> float | None:
        """Return the median derivative of the three neighbouring steps that agree best.

        Three, because two may agree by chance when rounding dominates. None if kinks leave fewer than three.
        """
        tried = [self.differences(direction, five_point, step) for step in STEPS]
        found = [numeric for numeric in tried if numeric is not None]
        threes = [found[i : i + 3] for i in range(len(found) - 2)]
        return float(np.median(min(threes, key=np.ptp))) if threes else None

    def differences(self, direction: Array, formula: Formula, step: float) -> float | None:
        """Return the derivative by a finite difference, or None if a unit changes sign."""
        signs: list[list[Array]] = []

        def value(distance: float) -> float:
            self.set_theta(self.start + distance * direction)
            outputs = self.net.forward(self.x, train=True)
            signs.append([to_host(layer.y > 0) for layer in self.kinked])
            return float(to_host(self.loss.value_and_grad(outputs, self.y)[0]))

        try:
            derivative = formula(value, step)
        finally:
            self.set_theta(self.start)
        same = all((a == b).all() for other in signs for a, b in zip(signs[0], other, strict=True))
        return derivative if same else None

    def set_theta(self, theta: Array) -> None:
        """Copy theta into the network."""
        self.net.theta[...] = to_device(theta, self.net.device)


def five_point(f: Callable[[float], float], h: float) -> float:
    """Return f'(0) with an error of order h⁴: (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h.

    Examples
    --------
    >>> round(five_point(lambda t: t**3 + 2 * t, 1e-3), 9)
    2.0
    """
    return (f(-2 * h) - 8 * f(-h) + 8 * f(h) - f(2 * h)) / (12 * h)


def two_point(f: Callable[[float], float], h: float) -> float:
    """Return f'(0) with an error of order h²: (f(h) - f(-h)) / 2h.

    Examples
    --------
    >>> two_point(lambda t: t**2 + 2 * t, 0.5)
    2.0
    """
    return (f(h) - f(-h)) / (2 * h)


def _parameter_blocks(net: Network) -> list[tuple[str, Array]]:
    """Return the name of each block and a vector that is 1 at its entries of theta, else 0; then "all"."""
    found = []
    for i, layer in enumerate(net.layers):
        for name in layer.parameter_shapes():
            # dW occupies the same entries of grad as W does of theta.
            net.grad.fill(0)
            getattr(layer, "d" + name).fill(1)
            found.append((f"{i}.{name}", to_host(net.grad.copy())))
    return [*found, ("all", np.ones(net.theta.size))]


def suspects(net: Network, loss: Loss, checks: Sequence[GradientCheck]) -> list[str]:
    """Return the possible causes of a wrong gradient; an empty list if all checks passed.

    A wrong dx of one layer makes the gradients of all layers before it wrong, and of none after it.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> net = pl.Network([pl.Dense(2), pl.Tanh(), pl.Dense(1)]).build(3, rng=np.random.default_rng(0))
    >>> errors = {"0.W": 2.0, "0.b": 2.0, "2.W": 0.0, "2.b": 0.0}
    >>> checks = [pl.GradientCheck(block, 0, 0, error, limit=1e-7) for block, error in errors.items()]
    >>> suspects(net, pl.MeanSquaredError(), checks)
    ['dW or db of layers[0], Dense(2)', 'dx of layers[1], Tanh()', 'dx of layers[2], Dense(1)']
    """
    failed = {check.block for check in checks if not check.passed}
    blocks = [(i, name) for i, layer in enumerate(net.layers) for name in layer.parameter_shapes()]
    wrong = [(i, name) for i, name in blocks if f"{i}.{name}" in failed]
    if not wrong:
        return []
    last, first = wrong[-1][0], blocks[0][0]
    names = " or ".join(f"d{name}" for i, name in wrong if i == last)
    itself = f"{names} of layers[{last}], {net.layers[last]!r}"
    if first < last == wrong[0][0]:
        return [itself]
    return [*([itself] if last == first else []), *_sources_of_dy(net, loss, last)]


def _sources_of_dy(net: Network, loss: Loss, i: int) -> list[str]:
    """Return what computes the dy of layer i, back to the next layer with parameters or to the loss."""
    sources = []
    for j, layer in enumerate(net.layers[i + 1 :], i + 1):
        sources.append(f"dx of layers[{j}], {layer!r}")
        if layer.parameter_shapes():
            return sources
    return [*sources, f"dy of the loss, {loss!r}"]
