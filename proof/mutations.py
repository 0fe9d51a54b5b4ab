"""Slips planted in the gradients of layers and losses: the check finds each and names its place.

A slip is planted by exchanging a method of the class while a network is checked. It acts on one layer, or on
the loss, of a network drawn at random, in which that layer stands between others.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.gradient_check import suspects
from pellucid.wording import counted
from proof.finding import Finding
from proof.slips import SLIPS, Slip

#: How to make one of each layer: an activation, or what else stands between two Dense layers.
MAKE: dict[type[pl.Layer], Callable[[int], pl.Layer]] = {
    pl.Dense: pl.Dense,
    pl.Dropout: lambda width: pl.Dropout(0.3),
    pl.LeakyReLU: lambda width: pl.LeakyReLU(0.2),
    pl.Rescale: lambda width: pl.Rescale(-1.5, 0.3),
}


@dataclass(frozen=True)
class Result:
    """What the check says of a network, with a slip in it and without.

    Attributes
    ----------
    slip : Slip
    found, named : bool
        Whether a block is called wrong, and whether the place is among those suspected.
    n_suspects : int
    clean : bool
        Whether all blocks are right without the slip.
    """

    slip: Slip
    found: bool
    named: bool
    n_suspects: int
    clean: bool


def prove(n: int, advance: Callable[[int], None]) -> list[Finding]:
    """Plant n slips, each kind in turn, in networks of their own."""
    results = []
    for i in range(n):
        results.append(result(SLIPS[i % len(SLIPS)], np.random.default_rng(i)))
        advance(1)
    kinds = f"{counted(n, 'slip')} of {counted(len({each.slip for each in results}), 'kind')}"
    classes = len({each.slip.cls for each in results})
    most = max(each.n_suspects for each in results)
    return [
        _finding(f"Slips planted in {classes} layers and losses are found", kinds, "found", results),
        _finding(f"The place of a slip is named, among {most} at most", kinds, "named", results),
        _finding(
            "Nothing is called wrong before the slip is planted", counted(n, "network"), "clean", results
        ),
    ]


def result(slip: Slip, rng: np.random.Generator) -> Result:
    """Check a random network with the slip in it and without."""
    net, loss, place = network(slip, rng)
    n_rows = int(rng.integers(4, 20))
    x, y = rng.normal(size=(n_rows, net.n_in)), rng.integers(net.n_out, size=n_rows)
    clean = pl.gradcheck(net, loss, x, y, rng=rng, directions=1)
    with planted(slip, place):
        checks = pl.gradcheck(net, loss, x, y, rng=rng, directions=1)
    named = suspects(net, loss, checks)
    where = f"of the loss, {loss!r}" if place is loss else f"of layers[2], {place!r}"
    return Result(
        slip,
        found=not all(check.passed for check in checks),
        named=f"{slip.gradient} {where}" in named,
        n_suspects=len(named),
        clean=all(check.passed for check in clean),
    )


def network(slip: Slip, rng: np.random.Generator) -> tuple[pl.Network, pl.Loss, Any]:
    """Return a network, a loss and which of them, the third layer or the loss, the slip is planted in."""
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
def planted(slip: Slip, place: Any) -> Iterator[None]:
    """Exchange the method of the class; on everything but the place it works as before."""
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


def _finding(claim: str, what: str, name: str, results: list[Result]) -> Finding:
    """Return whether all results have it, and if not, which slips do not."""
    missing = sorted({str(each.slip) for each in results if not getattr(each, name)})
    count = sum(getattr(each, name) for each in results)
    measured = f"{count:,} of {what}" + (f", not {'; '.join(missing)}" if missing else "")
    return Finding(claim, measured, "all", not missing)
