"""Gradients against finite differences: does `backward` compute the derivative of `forward`?

Each parameter block is checked along random directions within it, and all parameters along random directions
over all: the cost does not depend on the number of parameters. Networks with kinks (ReLU, LeakyReLU) are
checked with a smaller step, and a direction along which a unit changes its sign is drawn again.

Differences have errors of their own: a step that is large bends, one that is small drowns in rounding, where
the loss is large beside its gradient. So what exceeds the limit is measured once more, with several steps, of
which the differences themselves choose the best; the limit stays.

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

#: Largest error of a right gradient: five-point differences where all is smooth, two-point where kinks are.
SMOOTH_LIMIT, KINK_LIMIT = 1e-7, 1e-5
SMOOTH_STEP, KINK_STEP = 1e-3, 1e-6
#: For a second look, each about a third of the one before.
STEPS = (3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)

#: f'(0) of a function by differences with a step.
Formula: TypeAlias = Callable[[Callable[[float], float], float], float]


@dataclass(frozen=True)
class GradientCheck:
    """One direction's result.

    Attributes
    ----------
    block : str
        ``"0.W"`` for W of layers[0], or ``"all"``.
    analytic, numeric : float
        The derivative along the direction, from `backward` and from differences.
    error : float
        |a - n| / max(|a|, |n|, 0.01 ‖g‖, 1e-6).
    limit : float
        What a right gradient stays under.
    refined : bool
        Whether `numeric` is that of the second look, with several steps.

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
    """Check a network's gradient, block by block and over all parameters.

    Parameters
    ----------
    net : Network
        Built with float64. Its parameters are moved and put back to the same bits.
    loss : Loss
    x, y : array
        A small batch.
    rng : numpy.random.Generator, optional
        Draws the directions; None: always the same ones.
    directions : int
        How many for each block.

    Returns
    -------
    list of GradientCheck

    Raises
    ------
    ValueError
        If the network is not float64, where differences would show rounding only; if the batch is not one
        that `train` takes.
    RuntimeError
        If a network with dropout has no fixed mask, or no direction keeps all signs.

    Notes
    -----
    Four forward passes a direction, two where kinks are; forty more where the limit is exceeded. Gradients
    are those of training: dropout is on, with its fixed mask.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.Network([pl.Dense(2)]).build(1, rng=np.random.default_rng(0), dtype=np.float64)
    >>> checks = gradcheck(net, pl.MeanSquaredError(), [[3.0]], [1], rng=np.random.default_rng(1))
    >>> sorted({check.block for check in checks}), all(check.passed for check in checks)
    (['0.W', '0.b', 'all'], True)
    """
    check_kind("net", net, Network)
    check_kind("loss", loss, Loss)
    check_count("directions", directions, may_be_none=False)
    rng = np.random.default_rng(0) if rng is None else rng
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a generator such as numpy.random.default_rng(0), got {rng!r}")
    net.check_built()
    if net.dtype != np.float64:
        raise ValueError(f"gradcheck needs a float64 network, got {net.dtype}: build it with dtype=float")
    if net.theta.size == 0:
        raise ValueError(f"gradcheck needs parameters to check, and {net!r} has none")
    if any(layer.draws and getattr(layer, "mask", None) is None for layer in net.layers):
        raise RuntimeError("gradcheck needs the same dropout in every pass: call fix_mask on each Dropout")
    x, y = check_data(net, x, y)
    x = to_device(x, net.device)
    blocks = _parameter_blocks(net)
    outputs = net.forward(x, train=True)
    net.backward(loss.value_and_grad(outputs, y)[1])
    gradient = to_host(net.grad.copy())
    probe = _Probe(net, loss, x, y, gradient)
    return [probe.check(rng, block, mask) for block, mask in blocks for _ in range(directions)]


class _Probe:
    """Differences of the loss along directions of theta, which are drawn and added on the host."""

    def __init__(self, net: Network, loss: Loss, x: Array, y: Array, gradient: Array) -> None:
        self.net, self.loss, self.x, self.y, self.gradient = net, loss, x, y, gradient
        self.start = to_host(net.theta.copy())
        self.kinked = [layer for layer in net.layers if isinstance(layer, ReLU | LeakyReLU)]
        self.limit = KINK_LIMIT if self.kinked else SMOOTH_LIMIT
        self.least = max(0.01 * float(np.linalg.norm(gradient)), 1e-6)

    def check(self, rng: np.random.Generator, block: str, mask: Array) -> GradientCheck:
        """Compare the derivatives along a direction within the mask.

        Along a direction with kinks too near for a second look, nothing is decided: another one is drawn.
        """
        for _ in range(10):
            direction, numeric = self.draw(rng, mask)
            check = self.compare(block, direction, numeric)
            if check.passed:
                return check
            closer = self.closer(direction)
            if closer is not None:
                return replace(self.compare(block, direction, closer), refined=True)
        return check

    def compare(self, block: str, direction: Array, numeric: float) -> GradientCheck:
        """Return the result for what differences say of a direction."""
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
        """Return the derivative along a direction, or None where a unit changes its sign."""
        if not self.kinked:
            return self.differences(direction, five_point, SMOOTH_STEP)
        return self.differences(direction, two_point, KINK_STEP)

    def closer(self, direction: Array) -> float | None:
        """Return the median derivative of the three neighbouring steps that agree best.

        Two may agree by chance where all is rounding. None where kinks leave fewer than three.
        """
        tried = [self.differences(direction, five_point, step) for step in STEPS]
        found = [numeric for numeric in tried if numeric is not None]
        threes = [found[i : i + 3] for i in range(len(found) - 2)]
        return float(np.median(min(threes, key=np.ptp))) if threes else None

    def differences(self, direction: Array, formula: Formula, step: float) -> float | None:
        """Return the derivative by a formula, or None where a unit changes its sign."""
        signs: list[list[Array]] = []

        def value(distance: float) -> float:
            self.go(self.start + distance * direction)
            outputs = self.net.forward(self.x, train=True)
            signs.append([to_host(layer.y > 0) for layer in self.kinked])
            return float(to_host(self.loss.value_and_grad(outputs, self.y)[0]))

        try:
            derivative = formula(value, step)
        finally:
            self.go(self.start)
        same = all((a == b).all() for other in signs for a, b in zip(signs[0], other, strict=True))
        return derivative if same else None

    def go(self, place: Array) -> None:
        """Give theta these values."""
        self.net.theta[...] = to_device(place, self.net.device)


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
    """Return the name and the place in theta, as a vector of 0 and 1, of each block, and of all."""
    found = []
    for i, layer in enumerate(net.layers):
        for name in layer.parameter_shapes():
            # The views of grad lie as those of theta do, and each backward fills it anew.
            net.grad.fill(0)
            getattr(layer, "d" + name).fill(1)
            found.append((f"{i}.{name}", to_host(net.grad.copy())))
    return [*found, ("all", np.ones(net.theta.size))]


def suspects(net: Network, loss: Loss, checks: Sequence[GradientCheck]) -> list[str]:
    """Return where a wrong gradient may come from, as far as the blocks tell; nothing where all is right.

    What a layer sends back wrongly shows in every block before it and in none behind it.

    Parameters
    ----------
    net : Network
    loss : Loss
    checks : sequence of GradientCheck
        As `gradcheck` returned them for both.

    Examples
    --------
    >>> import numpy as np, pellucid as pl
    >>> net = pl.Network([pl.Dense(2), pl.Tanh(), pl.Dense(1)]).build(3, rng=np.random.default_rng(0))
    >>> errors = {"0.W": 2.0, "0.b": 2.0, "2.W": 0.0, "2.b": 0.0}
    >>> checks = [pl.GradientCheck(block, 0, 0, error, limit=1e-7) for block, error in errors.items()]
    >>> suspects(net, pl.MeanSquaredError(), checks)
    ['dW or db of layers[0], Dense(2)', 'dx of layers[1], Tanh()', 'dx of layers[2], Dense(1)']
    """
    wrong = {check.block for check in checks if not check.passed}
    places = [(i, name) for i, layer in enumerate(net.layers) for name in layer.parameter_shapes()]
    found = [(i, name) for i, name in places if f"{i}.{name}" in wrong]
    if not found:
        return []
    last, first = found[-1][0], places[0][0]
    names = " or ".join(f"d{name}" for i, name in found if i == last)
    itself = f"{names} of layers[{last}], {net.layers[last]!r}"
    if first < last == found[0][0]:
        return [itself]
    return [*([itself] if last == first else []), *_senders(net, loss, last)]


def _senders(net: Network, loss: Loss, i: int) -> list[str]:
    """Return what has a hand in the gradient that reaches layer i, up to the next layer with parameters."""
    senders = []
    for j, layer in enumerate(net.layers[i + 1 :], i + 1):
        senders.append(f"dx of layers[{j}], {layer!r}")
        if layer.parameter_shapes():
            return senders
    return [*senders, f"dy of the loss, {loss!r}"]
