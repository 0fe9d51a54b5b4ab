"""Where a wrong gradient comes from: what the blocks that a check calls wrong have in common."""

from collections.abc import Sequence

from pellucid.gradient_check import GradientCheck
from pellucid.losses import Loss
from pellucid.network import Network


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
