"""`pellucid gradcheck`: check the gradient of each block of parameters, in float64, on a small batch.

>>> from pellucid.app.settings import TrainSettings
>>> case = new_case(TrainSettings(source="digits", hidden=(5,), activation=("tanh",)), n_rows=10)
>>> checks = check_gradient(case, directions=1)
>>> [check.block for check in checks], all(check.passed for check in checks)
(['1.W', '1.b', '3.W', '3.b', 'all'], True)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

import pellucid as pl
from pellucid.app.builder import LOSSES, build_learner, build_loss
from pellucid.app.inputs import read_inputs
from pellucid.app.labelled_rows import load_rows
from pellucid.app.prediction import load_model
from pellucid.app.screen import say
from pellucid.app.settings import TrainSettings
from pellucid.files.saved_network import describe_layers, make_layers
from pellucid.gradient_check import KINK_LIMIT, KINK_STEP, SMOOTH_STEP, suspects
from pellucid.wording import counted

#: Finite-difference formulas for networks with kinks, such as ReLU's, and for smooth networks.
KINK_FORMULA = f"(f(h) - f(-h)) / 2h, h = {KINK_STEP:g}: ReLUs have kinks"
SMOOTH_FORMULA = f"(f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h, h = {SMOOTH_STEP:g}"


@dataclass(frozen=True, eq=False)
class GradientCase:
    """A network in float64 with fixed dropout masks, its loss, and the batch to check it on."""

    name: str  #: Where the rows come from.
    net: pl.Network
    loss: pl.Loss
    x: NDArray[Any]
    y: NDArray[Any]
    rng: np.random.Generator  #: Draws the directions.


def new_case(settings: TrainSettings, n_rows: int) -> GradientCase:
    """Return the initial network of `pellucid train`, and rows of its source.

    Biases are drawn at random. `pellucid train` initializes them to 0; if a layer outputs only zeros, the
    ReLUs of the next layer would then lie exactly on their kink, where they have no derivative.
    """
    rng = np.random.default_rng(settings.seed)
    source = load_rows(settings)
    net = in_double(build_learner(settings, source, np.arange(len(source.y)), rng).net)
    net.theta[net.n_weights :] = rng.normal(0, 0.1, net.theta.size - net.n_weights)
    return _with_rows(GradientCase(source.name, net, build_loss(settings), source.x, source.y, rng), n_rows)


def saved_case(model: Path, settings: TrainSettings, n_rows: int) -> GradientCase:
    """Return a saved network and labelled rows.

    Of the settings, only the source, the folder, the seed and label smoothing apply.
    """
    net, notes = load_model(model)
    rows = read_inputs([settings.source], notes, folder=settings.folder)
    if rows.y is None:
        raise ValueError(
            f"{settings.source}: the loss needs labels: give rows with the column {notes.label!r}, which "
            "holds the classes of the model"
        )
    loss = LOSSES[notes.loss](label_smoothing=settings.label_smoothing)
    rng = np.random.default_rng(settings.seed)
    return _with_rows(GradientCase(settings.source, in_double(net), loss, rows.x, rows.y, rng), n_rows)


def _with_rows(case: GradientCase, n_rows: int) -> GradientCase:
    """Return the case with `n_rows` rows drawn at random, and dropout masks that stay fixed."""
    chosen = case.rng.permutation(len(case.x))[:n_rows]
    for layer in case.net.layers:
        if isinstance(layer, pl.Dropout):
            layer.fix_mask(case.rng.random((len(chosen), layer.n_in)) >= layer.drop_prob)
    return replace(case, x=case.x[chosen], y=case.y[chosen])


def in_double(net: pl.Network) -> pl.Network:
    """Return a copy of a network with its parameters converted to float64."""
    copy = pl.Network(make_layers(describe_layers(net.layers)))
    copy.build(net.n_in, rng=np.random.default_rng(0), dtype=np.float64)
    copy.theta[...] = net.theta
    return copy


def check_gradient(case: GradientCase, directions: int) -> list[pl.GradientCheck]:
    """Check each block of parameters, and all together."""
    try:
        return pl.gradcheck(case.net, case.loss, case.x, case.y, rng=case.rng, directions=directions)
    except RuntimeError as error:  # a unit lies on its kink, where it has no derivative
        raise ValueError(f"{error}, by --rows or --seed") from error


def worst_by_block(checks: Sequence[pl.GradientCheck]) -> list[pl.GradientCheck]:
    """Return the check with the largest error of each block, in order; NaN counts as wrong.

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


def show_checks(case: GradientCase, checks: Sequence[pl.GradientCheck], console: Console) -> None:
    """Print the network, the worst direction of each block, and where to look if one is wrong."""
    worst = worst_by_block(checks)
    say(console, _case_line(case), _formula_line(checks))
    console.print(_table(case.net, worst))
    refined = [check.block for check in worst if check.refined]
    note = f"numeric from several step sizes, since one is not exact enough: {', '.join(refined)}"
    say(console, *([note] if refined else []), *verdict(case, checks))


def verdict(case: GradientCase, checks: Sequence[pl.GradientCheck]) -> list[str]:
    """Return the last lines: all blocks are right, or which are wrong and where to look."""
    worst = worst_by_block(checks)
    wrong = [check.block for check in worst if not check.passed]
    flat = [check.block for check in worst if is_flat(check)]
    lines = [f"nothing to compare in {', '.join(flat)}: no small change has an effect"] if flat else []
    if not wrong:
        return [*lines, "right: backpropagation agrees with differences in every block"]
    places = suspects(case.net, case.loss, checks)
    return [*lines, f"wrong: {', '.join(wrong)}", *(f"look at {place}" for place in places)]


def is_flat(check: pl.GradientCheck) -> bool:
    """Whether both derivatives are 0, as behind ReLUs that are inactive in all rows."""
    return check.analytic == check.numeric == 0


def _case_line(case: GradientCase) -> str:
    rows, parameters = counted(len(case.x), "row"), counted(case.net.theta.size, "parameter")
    return f"{case.name}: {rows}, {case.loss!r}, {parameters} in float64"


def _formula_line(checks: Sequence[pl.GradientCheck]) -> str:
    formula = KINK_FORMULA if checks[0].limit == KINK_LIMIT else SMOOTH_FORMULA
    directions = sum(check.block == checks[0].block for check in checks)
    shown = "" if directions == 1 else f", of {directions} directions a block the worst"
    return f"numeric = {formula}{shown}"


def _table(net: pl.Network, checks: Sequence[pl.GradientCheck]) -> Table:
    table = Table("block", "layer", *_numbers("analytic", "numeric", "error", "limit"), "verdict")
    for check in checks:
        answer = Text("right", "green") if check.passed else Text("wrong", "bold red")
        answer = Text("zero", "yellow") if is_flat(check) else answer
        derivatives = [f"{value:.4e}" for value in (check.analytic, check.numeric)]
        errors = [f"{value:.0e}" for value in (check.error, check.limit)]
        table.add_row(check.block, _layer_of(net, check.block), *derivatives, *errors, answer)
    return table


def _numbers(*names: str) -> list[Column]:
    return [Column(name, justify="right", no_wrap=True) for name in names]


def _layer_of(net: pl.Network, block: str) -> str:
    """Return the layer of a block such as 0.W, with the shape of the parameter."""
    if block == "all":
        return ""
    i, name = block.split(".")
    layer = net.layers[int(i)]
    return f"{type(layer).__name__} {' x '.join(map(str, layer.parameter_shapes()[name]))}"
