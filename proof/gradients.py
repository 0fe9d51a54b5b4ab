"""Backpropagation agrees with finite differences in random networks.

Depth and widths are random, and so are the activation after each layer, the initializer, dropout, the loss
and its label smoothing, class numbers or targets, the number of rows, and whether a first layer rescales
pixels. The same n gives the same networks.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

import pellucid as pl
from pellucid.gradient_check import KINK_LIMIT, SMOOTH_LIMIT
from pellucid.layers.activations import Activation
from pellucid.wording import counted
from proof.findings import Finding

ACTIVATIONS = tuple(sorted(Activation.__subclasses__(), key=repr))
LOSSES = tuple(cls for cls in pl.Loss.__subclasses__() if cls.__module__ == "pellucid.losses")
INITIALIZERS = (
    *(pl.lecun_uniform, pl.lecun_normal, pl.glorot_uniform, pl.glorot_normal, pl.he_uniform, pl.he_normal),
    *(pl.zeros, pl.uniform(-0.5, 0.5), pl.normal(0.5)),
)
#: Returns a random integer between two limits, both included.
Chooser: TypeAlias = Callable[[int, int], int]


@dataclass(frozen=True)
class NetworkCase:
    """A network and a batch for it."""

    #: Width of the data, then of each Dense layer.
    widths: tuple[int, ...]
    #: Activation after each Dense layer; None after the last for none.
    activations: tuple[type[pl.Layer] | None, ...]
    loss: type[pl.Loss]
    label_smoothing: float
    initializer: Callable[..., np.ndarray]
    #: 0 means no dropout.
    drop_prob: float
    n_rows: int
    #: Whether the data are bytes, which the first layer rescales.
    pixels: bool
    #: Whether labels are targets instead of class numbers.
    targets: bool
    #: Seed of parameters, data, masks and directions.
    seed: int


def draw_case(choose: Chooser) -> NetworkCase:
    """Draw a case: 1 to 6 Dense layers of 1 to 40 units, 1 to 50 rows."""

    def one_of(options: Sequence[Any]) -> Any:
        return options[choose(0, len(options) - 1)]

    depth, loss = choose(1, 6), one_of(LOSSES)
    activations = [one_of(ACTIVATIONS) for _ in range(depth - 1)]
    least = 2 if loss is pl.SoftmaxCrossEntropy else 1
    return NetworkCase(
        widths=(*(choose(1, 40) for _ in range(depth)), choose(least, 40)),
        activations=(*activations, one_of((None, *ACTIVATIONS))),
        loss=loss,
        label_smoothing=one_of((0.0, 0.1, 0.5)),
        initializer=one_of(INITIALIZERS),
        drop_prob=one_of((0.0, 0.2, 0.5)),
        n_rows=choose(1, 50),
        pixels=one_of((False, True)),
        targets=one_of((False, True)),
        seed=choose(0, 2**32 - 1),
    )


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Check the gradients of n networks."""
    found = []
    for i in range(n):
        rng = np.random.default_rng(i)
        case = draw_case(lambda low, high, rng=rng: int(rng.integers(low, high, endpoint=True)))
        found.append((case, checks_of(case)))
        advance(1)
    kinds = {
        "Gradients of smooth random networks agree with finite differences": SMOOTH_LIMIT,
        "Gradients of random networks with ReLUs agree with finite differences": KINK_LIMIT,
    }
    of_kind = {claim: [each for each in found if each[1][0].limit == kinds[claim]] for claim in kinds}
    return [_finding(claim, own) for claim, own in of_kind.items() if own]


def checks_of(case: NetworkCase) -> list[pl.GradientCheck]:
    """Check each block of parameters along one direction, and all blocks together along another."""
    rng = np.random.default_rng(case.seed)
    net = network(case, rng)
    x, y = batch(case, rng)
    return pl.gradcheck(net, case.loss(label_smoothing=case.label_smoothing), x, y, rng=rng, directions=1)


def network(case: NetworkCase, rng: np.random.Generator) -> pl.Network:
    """Return the network of a case with fixed masks.

    Biases are random: with a bias of 0, a row whose inputs are all 0 puts a ReLU on its kink.
    """
    net = pl.Network(list(layers(case))).build(case.widths[0], rng=rng, dtype=np.float64)
    for layer in net.layers:
        if isinstance(layer, pl.Dropout):
            layer.fix_mask(rng.random((case.n_rows, layer.n_in)) >= case.drop_prob)
    return net


def layers(case: NetworkCase) -> Iterator[pl.Layer]:
    """Yield the layers of a case."""
    if case.pixels:
        yield pl.Rescale(1 / 255)
    for i, (width, activation) in enumerate(zip(case.widths[1:], case.activations, strict=True)):
        if i and case.drop_prob:
            yield pl.Dropout(case.drop_prob)
        yield pl.Dense(width, init=case.initializer, bias_init=pl.normal(0.3))
        if activation is not None:
            yield activation()


def batch(case: NetworkCase, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return data and labels for the network of a case."""
    shape, n_out = (case.n_rows, case.widths[0]), case.widths[-1]
    x = rng.integers(256, size=shape, dtype=np.uint8) if case.pixels else rng.normal(size=shape)
    if case.targets:
        return x, rng.random((case.n_rows, n_out))
    return x, rng.integers(max(n_out, 2), size=case.n_rows)


def _finding(claim: str, found: list[tuple[NetworkCase, list[pl.GradientCheck]]]) -> Finding:
    """Return the finding of many checks."""
    checks = [(check, case) for case, own in found for check in own]
    # NaN must count as the largest error, but max ignores it: checks that fail come first.
    worst, case = max(checks, key=lambda each: (not each[0].passed, each[0].error))
    refined = sum(check.refined for check, _ in checks)
    measured = (
        f"{counted(len(found), 'network')}, {counted(len(checks), 'direction')} "
        f"({refined:,} of them with several step sizes), "
        f"largest error {worst.error:.2e}"
    )
    where = "" if worst.passed else f" in {worst.block} of {case}"
    return Finding(claim, measured + where, f"{worst.limit:.0e}", worst.passed)
