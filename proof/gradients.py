"""Backpropagation agrees with finite differences in networks drawn at random.

Drawn are depth and widths, the activation behind each layer, the initializer, dropout, the loss and its label
smoothing, class numbers or targets, the number of rows, and whether pixels are rescaled first. The same n
gives the same networks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.gradient_check import KINK_LIMIT, SMOOTH_LIMIT
from pellucid.layers.activations import Activation
from proof.finding import Finding

ACTIVATIONS = tuple(sorted(Activation.__subclasses__(), key=repr))
LOSSES = tuple(cls for cls in pl.Loss.__subclasses__() if cls.__module__ == "pellucid.losses")
INITIALIZERS = (
    *(pl.lecun_uniform, pl.lecun_normal, pl.glorot_uniform, pl.glorot_normal, pl.he_uniform, pl.he_normal),
    *(pl.zeros, pl.uniform(-0.5, 0.5), pl.normal(0.5)),
)
WIDTHS = st.integers(1, 40)


@dataclass(frozen=True)
class Case:
    """A network and a batch for it, in plain numbers.

    Attributes
    ----------
    widths : tuple of int
        Of the data, then of each Dense layer.
    activations : tuple of type or None
        Behind each Dense layer but the last; behind the last one too, or None.
    loss : type
    label_smoothing : float
    initializer : callable
    drop_prob : float
        0: no dropout.
    n_rows : int
    pixels : bool
        Whether the data are bytes, rescaled by the first layer.
    targets : bool
        Whether labels are targets, not class numbers.
    seed : int
        Draws parameters, data, masks and directions.
    """

    widths: tuple[int, ...]
    activations: tuple[type[pl.Layer] | None, ...]
    loss: type[pl.Loss]
    label_smoothing: float
    initializer: Callable[..., np.ndarray]
    drop_prob: float
    n_rows: int
    pixels: bool
    targets: bool
    seed: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a case."""
    depth, loss = draw(st.integers(1, 6)), draw(st.sampled_from(LOSSES))
    activations = [draw(st.sampled_from(ACTIVATIONS)) for _ in range(depth - 1)]
    least = 2 if loss is pl.SoftmaxCrossEntropy else 1
    return Case(
        widths=(*(draw(WIDTHS) for _ in range(depth)), draw(st.integers(least, 40))),
        activations=(*activations, draw(st.sampled_from((None, *ACTIVATIONS)))),
        loss=loss,
        label_smoothing=draw(st.sampled_from((0.0, 0.1, 0.5))),
        initializer=draw(st.sampled_from(INITIALIZERS)),
        drop_prob=draw(st.sampled_from((0.0, 0.2, 0.5))),
        n_rows=draw(st.integers(1, 50)),
        pixels=draw(st.booleans()),
        targets=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Check the gradients of n networks."""
    found: list[tuple[Case, list[pl.GradientCheck]]] = []

    @settings(
        max_examples=n,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=tuple(HealthCheck),
    )
    @given(cases())
    def check_one(case: Case) -> None:
        found.append((case, checks_of(case)))
        advance(1)

    check_one()
    kinds = {
        "Gradients of smooth random networks agree with differences": SMOOTH_LIMIT,
        "Gradients of random networks with ReLUs agree with differences": KINK_LIMIT,
    }
    of_kind = {claim: [each for each in found if each[1][0].limit == kinds[claim]] for claim in kinds}
    return [_finding(claim, own) for claim, own in of_kind.items() if own]


def checks_of(case: Case) -> list[pl.GradientCheck]:
    """Check each block of the case's network along a direction, and all along another."""
    # Drawn cases share seeds now and then; their networks should not share numbers.
    rng = np.random.default_rng([case.seed, case.n_rows, *case.widths])
    net = network(case, rng)
    x, y = batch(case, rng)
    return pl.gradcheck(net, case.loss(label_smoothing=case.label_smoothing), x, y, rng=rng, directions=1)


def network(case: Case, rng: np.random.Generator) -> pl.Network:
    """Return the case's network, its masks fixed.

    Biases are drawn too: of a row whose inputs are all 0, a bias of 0 makes a ReLU sit on its kink.
    """
    net = pl.Network(list(layers(case))).build(case.widths[0], rng=rng, dtype=np.float64)
    for layer in net.layers:
        if isinstance(layer, pl.Dropout):
            layer.fix_mask(rng.random((case.n_rows, layer.n_in)) >= case.drop_prob)
    return net


def layers(case: Case) -> Iterator[pl.Layer]:
    """Yield the case's layers."""
    if case.pixels:
        yield pl.Rescale(1 / 255)
    for i, (width, activation) in enumerate(zip(case.widths[1:], case.activations, strict=True)):
        if i and case.drop_prob:
            yield pl.Dropout(case.drop_prob)
        yield pl.Dense(width, init=case.initializer, bias_init=pl.normal(0.3))
        if activation is not None:
            yield activation()


def batch(case: Case, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return data and labels for the case's network."""
    shape, n_out = (case.n_rows, case.widths[0]), case.widths[-1]
    x = rng.integers(256, size=shape, dtype=np.uint8) if case.pixels else rng.normal(size=shape)
    if case.targets:
        return x, rng.random((case.n_rows, n_out))
    return x, rng.integers(max(n_out, 2), size=case.n_rows)


def _finding(claim: str, found: list[tuple[Case, list[pl.GradientCheck]]]) -> Finding:
    """Return what the checks of many networks say."""
    checks = [(check, case) for case, own in found for check in own]
    worst, case = max(checks, key=lambda each: each[0].error)
    refined = sum(check.refined for check, _ in checks)
    measured = (
        f"{len(found):,} networks, {len(checks):,} directions ({refined:,} of them with several steps), "
        f"largest error {worst.error:.2e}"
    )
    where = "" if worst.passed else f" in {worst.block} of {case}"
    return Finding(claim, measured + where, f"{worst.limit:.0e}", worst.passed)
