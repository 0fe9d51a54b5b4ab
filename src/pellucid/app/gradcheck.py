"""`pellucid gradcheck` from settings to a verdict: a network in float64, a small batch, each block checked.

>>> from pellucid.app.settings import TrainSettings
>>> problem = new_problem(TrainSettings(source="digits", hidden=(5,), activation=("tanh",)), n_rows=10)
>>> checks = check_gradient(problem, directions=1)
>>> [check.block for check in checks], all(check.passed for check in checks)
(['1.W', '1.b', '3.W', '3.b', 'all'], True)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid.app.builder import LOSSES, build_learner, build_loss
from pellucid.app.inputs import read_inputs
from pellucid.app.labelled_rows import load_rows
from pellucid.app.prediction import load_model
from pellucid.app.settings import TrainSettings
from pellucid.files.saved_network import describe_layers, make_layers


@dataclass(frozen=True, eq=False)
class Problem:
    """What is checked: a network with float64 parameters, its dropout masks fixed, and a batch for it.

    Attributes
    ----------
    name : str
        Where the rows come from.
    net : Network
    loss : Loss
    x, y : array
    rng : numpy.random.Generator
        Draws the directions.
    """

    name: str
    net: pl.Network
    loss: pl.Loss
    x: NDArray[Any]
    y: NDArray[Any]
    rng: np.random.Generator


def new_problem(settings: TrainSettings, n_rows: int) -> Problem:
    """Return the network that `pellucid train` would begin with, and rows of its source.

    Its biases, which training begins at 0, are drawn: where a whole layer is 0, a bias of 0 would leave the
    next one's ReLUs at their kinks, which have no derivative.

    Raises
    ------
    DataError, ValueError
        As in training.
    """
    rng = np.random.default_rng(settings.seed)
    source = load_rows(settings)
    net = in_double(build_learner(settings, source, np.arange(len(source.y)), rng).net)
    net.theta[net.n_weights :] = rng.normal(0, 0.1, net.theta.size - net.n_weights)
    return _problem(source.name, net, build_loss(settings), source.x, source.y, n_rows, rng)


def saved_problem(model: Path, settings: TrainSettings, n_rows: int) -> Problem:
    """Return a saved network, with its parameters as they are, and labelled rows of a source for it.

    Parameters
    ----------
    model : Path
    settings : TrainSettings
        Of which source, folder, seed and label smoothing are used.
    n_rows : int

    Raises
    ------
    DataError, ValueError
        If the file is no model, or the rows do not fit it or have no labels.
    """
    net, notes = load_model(model)
    rows = read_inputs([settings.source], notes, folder=settings.folder)
    if rows.y is None:
        raise ValueError(
            f"{settings.source}: a gradient is that of a loss, which needs labels: name rows with the column "
            f"{notes.label!r}, whose classes are the model's"
        )
    loss = LOSSES[notes.loss](label_smoothing=settings.label_smoothing)
    rng = np.random.default_rng(settings.seed)
    return _problem(settings.source, in_double(net), loss, rows.x, rows.y, n_rows, rng)


def _problem(
    name: str, net: pl.Network, loss: pl.Loss, x: NDArray[Any], y: NDArray[Any], n_rows: int,
    rng: np.random.Generator,
) -> Problem:  # fmt: skip
    """Return a problem with rows drawn at random, and masks for them."""
    chosen = rng.permutation(len(x))[:n_rows]
    fix_masks(net, len(chosen), rng)
    return Problem(name, net, loss, x[chosen], y[chosen], rng)


def in_double(net: pl.Network) -> pl.Network:
    """Return a copy of a network whose parameters are the same numbers in float64.

    Examples
    --------
    >>> net = pl.Network([pl.Dense(2)]).build(3, rng=np.random.default_rng(0))
    >>> copy = in_double(net)
    >>> copy.dtype, bool((copy.theta == net.theta).all())
    (dtype('float64'), True)
    """
    copy = pl.Network(make_layers(describe_layers(net.layers)))
    copy.build(net.n_in, rng=np.random.default_rng(0), dtype=np.float64)
    copy.theta[...] = net.theta
    return copy


def fix_masks(net: pl.Network, n_rows: int, rng: np.random.Generator) -> None:
    """Give each dropout a mask drawn once for all passes."""
    for layer in net.layers:
        if isinstance(layer, pl.Dropout):
            layer.fix_mask(rng.random((n_rows, layer.n_in)) >= layer.drop_prob)


def check_gradient(problem: Problem, directions: int) -> list[pl.GradientCheck]:
    """Check each block of parameters, and all together.

    Raises
    ------
    ValueError
        If the differences cannot be formed, since some unit sits on its kink.
    """
    arguments = problem.net, problem.loss, problem.x, problem.y
    try:
        return pl.gradcheck(*arguments, rng=problem.rng, directions=directions)
    except RuntimeError as error:
        raise ValueError(f"{error}, by --rows or --seed") from error


def worst_by_block(checks: Sequence[pl.GradientCheck]) -> list[pl.GradientCheck]:
    """Return the check with the largest error of each block, in their order; one that is NaN is wrong too.

    Examples
    --------
    >>> errors = (("0.W", 1e-9), ("0.W", 1e-8), ("all", 1e-9))
    >>> [check.error for check in worst_by_block([pl.GradientCheck(b, 1, 1, e, 1e-7) for b, e in errors])]
    [1e-08, 1e-09]
    """
    worst: dict[str, pl.GradientCheck] = {}
    for check in checks:
        before = worst.get(check.block)
        if before is None or (not check.passed, check.error) > (not before.passed, before.error):
            worst[check.block] = check
    return list(worst.values())
