"""The gradient check finds errors planted in layers and losses, and names their place.

A slip, a typical error, is planted by replacing a method of the class while a random network is checked. It
acts on one hidden layer of the network or on the loss.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.gradient_check import suspects
from pellucid.wording import counted
from proof.findings import Finding
from proof.gradient_slips import SLIPS, GradientSlip

#: How to make the layers whose constructor needs arguments, from a width.
MAKE: dict[type[pl.Layer], Callable[[int], pl.Layer]] = {
    pl.Dense: pl.Dense,
    pl.Dropout: lambda width: pl.Dropout(0.3),
    pl.LeakyReLU: lambda width: pl.LeakyReLU(0.2),
    pl.Rescale: lambda width: pl.Rescale(-1.5, 0.3),
}


@dataclass(frozen=True)
class SlipResult:
    """Result of the gradient check of a network, with and without a slip."""

    slip: GradientSlip
    #: Whether a block of the network with the slip fails the check.
    found: bool
    #: Whether the place of the slip is among the suspects.
    named: bool
    n_suspects: int
    #: Whether all blocks pass without the slip.
    clean: bool


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Plant n slips, each kind in turn, each in a new network."""
    results = []
    for i in range(n):
        results.append(check_slip(SLIPS[i % len(SLIPS)], np.random.default_rng(i)))
        advance(1)
    kinds = f"{counted(n, 'slip')} of {counted(len({each.slip for each in results}), 'kind')}"
    classes = len({each.slip.cls for each in results})
    most = max(each.n_suspects for each in results)
    return [
        _finding(f"Slips planted in {classes} layers and losses are found", kinds, "found", results),
        _finding(f"The place of a slip is named, among {most} at most", kinds, "named", results),
        _finding(
            "The network passes the check before the slip is planted", counted(n, "network"), "clean", results
        ),
    ]


def check_slip(slip: GradientSlip, rng: np.random.Generator) -> SlipResult:
    """Check a random network with the slip and without."""
    net, loss, place = network(slip, rng)
    n_rows = int(rng.integers(4, 20))
    x, y = rng.normal(size=(n_rows, net.n_in)), rng.integers(net.n_out, size=n_rows)
    clean = pl.gradcheck(net, loss, x, y, rng=rng, directions=1)
    with planted(slip, place):
        checks = pl.gradcheck(net, loss, x, y, rng=rng, directions=1)
    named = suspects(net, loss, checks)
    where = f"of the loss, {loss!r}" if place is loss else f"of layers[2], {place!r}"
    return SlipResult(
        slip,
        found=not all(check.passed for check in checks),
        named=f"{slip.gradient} {where}" in named,
        n_suspects=len(named),
        clean=all(check.passed for check in clean),
    )


def network(slip: GradientSlip, rng: np.random.Generator) -> tuple[pl.Network, pl.Loss, Any]:
    """Return a network, a loss, and the place of the slip: the third layer or the loss."""
    width = int(rng.integers(4, 9))
    in_loss = issubclass(slip.cls, pl.Loss)
    loss = (slip.cls if in_loss else pl.SoftmaxCrossEntropy)(label_smoothing=0.1)
    cls = pl.Tanh if in_loss else slip.cls
    layer = MAKE[cls](width) if cls in MAKE else cls()
    layers = [pl.Dense(width), pl.Dense(width), layer, pl.Tanh(), pl.Dense(3)]
    net = pl.Network(layers).build(int(rng.integers(3, 9)), rng=rng, dtype=np.float64)
    net.theta += rng.normal(0, 0.2, net.theta.size)
    if isinstance(layer, pl.Dropout):
        layer.fix_mask(rng.permutation(width) % 3 > 0)
    return net, loss, loss if in_loss else layer


@contextmanager
def planted(slip: GradientSlip, place: Any) -> Iterator[None]:
    """Replace the method of the class, which behaves as before except at the place of the slip."""
    right = getattr(slip.cls, slip.method)

    def wrong(self: Any, *arguments: Any) -> Any:
        return slip.wrong(right, self, *arguments) if self is place else right(self, *arguments)

    own = slip.method in vars(slip.cls)
    setattr(slip.cls, slip.method, wrong)
    try:
        yield
    finally:
        if own:
            setattr(slip.cls, slip.method, right)
        else:
            delattr(slip.cls, slip.method)


def _finding(claim: str, what: str, name: str, results: list[SlipResult]) -> Finding:
    """Return whether the named attribute is True in all results, and the slips for which it is not."""
    missing = sorted({str(each.slip) for each in results if not getattr(each, name)})
    count = sum(getattr(each, name) for each in results)
    measured = f"{count:,} of {what}" + (f", not {'; '.join(missing)}" if missing else "")
    return Finding(claim, measured, "all", not missing)
