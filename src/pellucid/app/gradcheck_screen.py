"""What `pellucid gradcheck` shows: the network, a line for each block of parameters, and the verdict."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

import pellucid as pl
from pellucid.app.gradcheck import Problem, worst_by_block
from pellucid.gradient_check import KINK_LIMIT, KINK_STEP, SMOOTH_STEP, suspects
from pellucid.wording import counted

#: How the derivative is measured where kinks are, and where all is smooth.
KINK_FORMULA = f"(f(h) - f(-h)) / 2h, h = {KINK_STEP:g}: ReLUs have kinks"
SMOOTH_FORMULA = f"(f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h, h = {SMOOTH_STEP:g}"


def show_checks(problem: Problem, checks: Sequence[pl.GradientCheck], console: Console) -> None:
    """Print what was checked, each block's worst direction, and where to look if one is wrong."""
    worst = worst_by_block(checks)
    told = (_told_problem(problem), _told_formula(checks))
    console.print(*told, sep="\n", markup=False, highlight=False, soft_wrap=True)
    console.print(_table(problem.net, worst))
    refined = [check.block for check in worst if check.refined]
    lines = [f"numeric by several steps, one not being exact enough: {', '.join(refined)}"] if refined else []
    for line in [*lines, *verdict(problem, checks)]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def verdict(problem: Problem, checks: Sequence[pl.GradientCheck]) -> list[str]:
    """Return the last lines: all blocks are right, or which are wrong and where that may come from."""
    worst = worst_by_block(checks)
    wrong = [check.block for check in worst if not check.passed]
    flat = [check.block for check in worst if is_flat(check)]
    lines = [f"nothing to compare in {', '.join(flat)}: no small change has an effect"] if flat else []
    if not wrong:
        return [*lines, "right: backpropagation agrees with differences in every block"]
    places = suspects(problem.net, problem.loss, checks)
    return [*lines, f"wrong: {', '.join(wrong)}", *(f"look at {place}" for place in places)]


def is_flat(check: pl.GradientCheck) -> bool:
    """Whether both derivatives are 0, as behind ReLUs that are off in all rows.

    Examples
    --------
    >>> is_flat(pl.GradientCheck("0.W", analytic=0.0, numeric=0.0, error=0.0, limit=1e-7))
    True
    """
    return check.analytic == check.numeric == 0


def _told_problem(problem: Problem) -> str:
    rows, parameters = counted(len(problem.x), "row"), counted(problem.net.theta.size, "parameter")
    return f"{problem.name}: {rows}, {problem.loss!r}, {parameters} in float64"


def _told_formula(checks: Sequence[pl.GradientCheck]) -> str:
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
