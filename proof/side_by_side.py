"""A thousand training steps agree with PyTorch's in losses, gradients and weights, for random settings.

Depth, widths and activations, dropout, the loss and its label smoothing, the optimizer, weight decay, the
schedule and the batch size are random. Learning rates have usual sizes: with rates that make training
chaotic, any two orders of summation drift apart, even within PyTorch. The same n gives the same settings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.app.compare_setup import Setup
from pellucid.app.compare_steps import BARS, SideBySide
from pellucid.wording import counted
from proof.findings import Finding

SMOOTH: tuple[type[pl.Layer], ...] = (pl.Tanh, pl.Sigmoid)
KINKED: tuple[type[pl.Layer], ...] = (pl.ReLU, pl.LeakyReLU)
ACTIVATIONS = SMOOTH + KINKED
LOSSES = (pl.SoftmaxCrossEntropy, pl.SigmoidCrossEntropy, pl.MeanSquaredError)
N_ROWS = 200
#: Relative size of one rounding: half the distance from 1 to the next number.
ROUNDING = {"float64": 2.0**-53, "float32": 2.0**-24}
#: To first order, training multiplies each rounding by the same factor in both precisions, so the differences
#: have the ratio of the roundings. Individual roundings may change this ratio by up to this factor.
SLACK = 32


@dataclass(frozen=True)
class SettingRun:
    """The largest relative difference after each step of a setting, in both precisions."""

    seed: int
    is_smooth: bool
    exact: list[float]
    rounded: list[float]

    @property
    def growth(self) -> float:
        """Difference in roundings of float32 over that of float64; expected to be about 1."""
        in_float64 = max(max(self.exact) / ROUNDING["float64"], 1)
        return max(self.rounded) / ROUNDING["float32"] / in_float64


def prove(n: int, advance: Callable[[int], None], *, steps: int = 1000) -> list[Finding]:
    """Take the steps for n settings, in float64 and in float32."""
    from pellucid.interop.torch import threads

    runs = []
    with threads(1):
        for seed in range(n):
            runs.append(run(seed, steps))
            advance(1)
    reached = [bar for bar in BARS["float64"] if bar[0] <= steps]
    return [*(in_float64(runs, *bar) for bar in reached), *in_float32(runs)]


def run(seed: int, steps: int) -> SettingRun:
    """Take the steps of one setting in both precisions."""
    exact, rounded = (largest_differences(seed, steps, dtype) for dtype in (np.float64, np.float32))
    kinks = (isinstance(layer, KINKED) for layer in draw_setup(seed, steps, np.float64).net.layers)
    return SettingRun(seed, not any(kinks), exact, rounded)


def in_float64(runs: list[SettingRun], steps: int, limit: float) -> Finding:
    """Return the finding of the first steps in float64."""
    # NumPy's max returns NaN if any number is NaN.
    found = [float(np.max(each.exact[:steps])) for each in runs]
    worst, measured = runs[int(np.argmax(found))], float(np.max(found))
    return Finding(
        claim=f"In float64, {steps:,} steps agree with PyTorch's: loss, gradients and weights of each layer",
        measured=f"{counted(len(runs), 'setting')}, largest relative difference {measured:.1e} "
        f"(setting {worst.seed})",
        limit=f"{limit:.0e}",
        holds=measured <= limit,
    )


def in_float32(runs: list[SettingRun]) -> list[Finding]:
    """Return the findings in float32, of smooth networks and of those whose units a rounding can switch."""
    smooth, kinked = ([each for each in runs if each.is_smooth == wanted] for wanted in (True, False))
    found = []
    if smooth:
        growth = max(each.growth for each in smooth)
        found.append(
            Finding(
                claim="In float32, smooth networks differ 2²⁹ times as much as in float64, as roundings do",
                measured=f"{_spread(smooth)}, at most {growth:.1f} times float64's · 2²⁹",
                limit=f"{SLACK} times",
                holds=growth <= SLACK,
            )
        )
    if kinked:
        switched = sum(each.growth > SLACK for each in kinked)
        found.append(
            Finding(
                claim="In float32, networks with ReLU do so too, until a rounding switches a unit",
                measured=f"{_spread(kinked)}; beyond {SLACK} times float64's · 2²⁹ in {switched} of them",
                limit="none: a switched unit changes the gradient of a row",
                holds=True,
            )
        )
    return found


def _spread(runs: list[SettingRun]) -> str:
    values = [max(each.rounded) for each in runs]
    middle, most = median(values), max(values)
    return f"{len(runs)} settings, relative difference {middle:.0e} in the median, {most:.0e} at most"


def largest_differences(seed: int, steps: int, dtype: object) -> list[float]:
    """Return the largest relative difference after each step."""
    return [each.largest for each in SideBySide(draw_setup(seed, steps, dtype)).steps(steps)]


def draw_setup(seed: int, steps: int, dtype: object) -> Setup:
    """Return the random settings of a seed; classes overlap, so no loss comes near 0."""
    rng = np.random.default_rng(seed)
    n_in, n_classes = int(rng.integers(2, 31)), int(rng.integers(2, 11))
    loss = LOSSES[seed % 3](label_smoothing=float(rng.choice([0.0, 0.1])))
    layers = _layers(rng, loss, n_classes)
    net = pl.Network(layers).build(n_in, rng=rng, dtype=dtype)
    y = rng.integers(0, n_classes, N_ROWS)
    x = rng.normal(size=(N_ROWS, n_in)) + 0.7 * rng.normal(size=(n_classes, n_in))[y]
    batch_size = None if rng.random() < 0.1 else int(rng.integers(1, 65))
    return Setup(f"setting {seed}", net, loss, _optimizer(rng, steps), x, y, batch_size, rng)


def _layers(rng: np.random.Generator, loss: pl.Loss, n_classes: int) -> list[pl.Layer]:
    layers: list[pl.Layer] = []
    drop_prob = float(rng.choice([0.0, 0.2, 0.5]))
    for _ in range(rng.integers(0, 4)):
        layers += [pl.Dense(int(rng.integers(2, 33))), ACTIVATIONS[rng.integers(4)]()]
        layers += [pl.Dropout(drop_prob)] if drop_prob else []
    n_out = 1 if n_classes == 2 and not isinstance(loss, pl.SoftmaxCrossEntropy) else n_classes
    ending = [pl.Sigmoid()] if isinstance(loss, pl.MeanSquaredError) and rng.random() < 0.5 else []
    return [*layers, pl.Dense(n_out), *ending]


def _optimizer(rng: np.random.Generator, steps: int) -> pl.Optimizer:
    kind = ("plain", "momentum", "nesterov", "adam")[rng.integers(4)]
    rate = float(10 ** rng.uniform(*{"plain": (-2, -1), "adam": (-4, -2.5)}.get(kind, (-3, -2))))
    rates: list[Any] = [rate, pl.step_decay(rate, every=max(1, steps // 3)), pl.cosine(rate, steps=steps)]
    chosen = [*rates, pl.one_cycle(rate, steps=steps)][rng.integers(4)]
    weight_decay = float(rng.choice([0.0, 1e-4, 1e-2]))
    if kind == "adam":
        return pl.Adam(chosen, weight_decay=weight_decay)
    momentum = 0.0 if kind == "plain" else float(rng.uniform(0.5, 0.95))
    return pl.SGD(chosen, momentum=momentum, nesterov=kind == "nesterov", weight_decay=weight_decay)
