"""Report A: which initializer, with dropout, on a 784-100 tanh-10 network; `a_run` is what is run.

Table I gives one run of each of four initializers, tested on 2,000 images, and reads an ordering from it.
"""

import math
from collections.abc import Sequence

from pellucid.lab.claims import Claim
from pellucid.lab.digit_table import DATA_SETS
from pellucid.lab.inspection import digit_grid, inspection_plots
from pellucid.lab.ledger import Row
from pellucid.lab.pairs import costs_of, differences, matching
from pellucid.lab.pictures.curves import QUANTITIES, last, series_of
from pellucid.lab.pictures.figures import Drawing, Panel, Part, Picture, Plot
from pellucid.lab.report import Cost, Finished, Measure, Report, Result, Slip, judge_if_run
from pellucid.lab.reports.a_run import (
    ALL_CELLS,
    AS_CODED,
    DEFAULT_CELLS,
    EPOCHS,
    INITIALIZERS,
    INVERTED,
    MASKED,
    NONE,
    TEXTBOOK,
    Cell,
    network,
    plan,
    run,
    settings_of,
    together,
)

#: Table I, by initializer: training and test accuracy in per cent.
TABLE = {
    "random": ("88.77", "90.55"),
    "LeCun": ("88.89", "89.30"),
    "He": ("88.915", "88.05"),
    "Xavier": ("88.85", "88.20"),
}
#: "Relatively small": in the table it is 0.4 to 1.8 points.
SMALL_GAP = 2.0
PUBLISHED, INTENDED = "as published", "as intended"
VARIANTS = {PUBLISHED: (AS_CODED, AS_CODED), INTENDED: (TEXTBOOK, INVERTED)}

ASSUMPTIONS = (
    "42,000 rows, 2,000 of them for the test: the test figures are multiples of 1/2000.",
    "Both layers take the initializer named; its biases start at 0.",
    f"Small gap between training and test accuracy: less than {SMALL_GAP:g} points in the mean over seeds.",
    "Accuracies are measured after epochs 1 to 10 and every fifth from there. float32 in place of float64.",
)
SLIP_LIMITS = Slip(
    "limits that are not the textbook's",
    "All four initializers are uniform, with ±1/sqrt(n_in), ±sqrt(2/n_in), ±sqrt(2/(n_in + n_out)) where the "
    "limits that give the stated variances are sqrt(3) times as large: the formulas are those of a standard "
    'deviation. "Random" is U(-0.05, 0.05) in the code, -0.05 to 0.1 in the text.',
)
SLIP_DROPOUT = Slip(
    "dropout of a unit for the whole batch, unscaled",
    "One draw a unit silences it for all 40,000 rows of the step, before the activation (the text says after "
    "it), and kept units are not scaled up by 1/keep: the network predicts with 11 % more input than it was "
    "trained with.",
)
SLIP_BACKWARD = Slip(
    "backward ignores the mask",
    "A dropped unit has z = 0, where tanh' = 1: it gets the full gradient, as if it had not been dropped.",
)
SLIP_RELU = Slip(
    "ReLU credited, tanh coded",
    'The discussion says that ReLU "likely contributed", and the appendix derives with ReLU′. The network '
    "that ran has tanh.",
)
SLIP_SOFTMAX = Slip(
    "softmax clips its input at ±500",
    "It does not subtract the row's maximum. It changes nothing here: the ledger has the largest logit.",
)


def rows(finished: list[Finished]) -> list[Row]:
    """Return Table I, the gaps and orderings read from it, in both variants, and what else was measured."""
    found = []
    for variant, (limits, dropout) in VARIANTS.items():
        cells = {name: (name, limits, dropout) for name in TABLE}
        found += [row for name, cell in cells.items() for row in _table_rows(finished, variant, name, cell)]
        found += _ordering_rows(finished, variant, cells)
    found += [_row(finished, *each) for each in _measured(finished)]
    others = [cell for cell in ALL_CELLS if cell[1:] not in VARIANTS.values()]
    return found + [_other_row(finished, cell) for cell in others]


def _table_rows(finished: list[Finished], variant: str, name: str, cell: Cell) -> list[Row]:
    train, test = TABLE[name]
    results = [run.result for run in matching(finished, **settings_of(cell))]
    trained, tested = ([last(result, f"{part} accuracy") for result in results] for part in ("train", "test"))
    gaps = [abs(a - b) for a, b in zip(trained, tested, strict=True)]
    gap = Claim(f"gap between training and test accuracy, {name}", "points", kind="flat", limit=SMALL_GAP)
    return [
        _judged(Claim(f"training accuracy, {name}", "%", train), variant, cell, trained),
        _judged(Claim(f"test accuracy, {name}", "%", test), variant, cell, tested),
        _judged(gap, variant, cell, gaps),
    ]


def _ordering_rows(finished: list[Finished], variant: str, cells: dict[str, Cell]) -> list[Row]:
    """Return the orderings that the report reads from its table, by the differences of each seed."""
    random = cells.pop("random")
    found = []
    for figure, sign in (("test accuracy", 1), ("train accuracy", -1)):
        for name, cell in cells.items():
            above, below = ("random", name) if sign > 0 else (name, "random")
            word = figure.replace("train ", "training ")
            claim = Claim(f"{word}: {above} above {below}", "points", kind="ordering")
            gains = differences(finished, settings_of(random), settings_of(cell), _final(figure))
            found.append(_judged(claim, variant, cell, [sign * gain for gain in gains]))
    return found


def _final(figure: str) -> Measure:
    return lambda result: last(result, figure)


def _judged(claim: Claim, variant: str, cell: Cell, values: Sequence[float]) -> Row:
    return judge_if_run(
        claim,
        values,
        report="A",
        variant=variant,
        assumptions=ASSUMPTIONS,
        by_default=cell in DEFAULT_CELLS,
        what=f"it for {EPOCHS} epochs",
    )


def _other_row(finished: list[Finished], cell: Cell) -> Row:
    """Return the test accuracy of a cell that mixes slips and textbook."""
    name, limits, dropout = cell
    claim = Claim(f"test accuracy, {name}", "%", kind="measured")
    values = [last(run.result, "test accuracy") for run in matching(finished, **settings_of(cell))]
    return _judged(claim, f"limits {limits}, dropout {dropout}", cell, values)


def _row(finished: list[Finished], figure: str, unit: str, values: list[float]) -> Row:
    return _judged(Claim(figure, unit, kind="measured"), PUBLISHED, DEFAULT_CELLS[0], values)


def _error(result: Result) -> float:
    """Return the standard error of the test accuracy, in points."""
    p = last(result, "test accuracy") / 100
    return 100 * math.sqrt(p * (1 - p) / result["n test"])


def _measured(finished: list[Finished]) -> list[tuple[str, str, list[float]]]:
    """Return what tells whether the table's ordering can mean anything: by seed, over the initializers."""
    cells = [settings_of((name, AS_CODED, AS_CODED)) for name in TABLE]
    by_seed: dict[int, list[Result]] = {}
    for cell in cells:
        for each in matching(finished, **cell):
            by_seed.setdefault(each.seed, []).append(each.result)
    whole = [results for results in by_seed.values() if len(results) == len(TABLE)]
    tests = [[last(result, "test accuracy") for result in results] for results in whole]
    return [
        (
            "test accuracy of the best less that of the worst initializer",
            "points",
            [max(t) - min(t) for t in tests],
        ),
        (
            "standard error of a test accuracy, from its number of rows",
            "points",
            [_error(r[0]) for r in whole],
        ),
        ("seeds in which random is the best on test", "%", [100.0 * (t[0] == max(t)) for t in tests]),
        (
            "largest logit, which softmax would clip at 500",
            "",
            [max(r["largest logit"] for r in rs) for rs in whole],
        ),
    ]


def costs(finished: list[Finished]) -> list[Cost]:
    """Return what each slip changes in test accuracy: with it minus without it."""
    dropouts = [
        (SLIP_DROPOUT, MASKED, INVERTED, "mask in backward too: as coded minus inverted"),
        (SLIP_DROPOUT, AS_CODED, INVERTED, "together with the unmasked backward: as coded minus inverted"),
        (SLIP_DROPOUT, AS_CODED, NONE, "as coded minus no dropout at all"),
        (SLIP_BACKWARD, AS_CODED, MASKED, "as coded minus the mask in backward too"),
    ]
    compared = [
        (slip, settings_of(("random", AS_CODED, kind)), settings_of(("random", AS_CODED, other)), note)
        for slip, kind, other, note in dropouts
    ]
    for name in INITIALIZERS:
        coded, textbook = (settings_of((name, limits, AS_CODED)) for limits in (AS_CODED, TEXTBOOK))
        compared.append((SLIP_LIMITS, coded, textbook, f"{name}, dropout as coded"))
    return costs_of(finished, compared, "test accuracy", "points", _final("test accuracy"))


def plots(finished: list[Finished]) -> list[Picture]:
    """Return loss and accuracy for each initializer and side by side, and a look into one network."""
    net = network(DEFAULT_CELLS[0], 0)
    found: list[Picture] = [Drawing("a-network", "Report A: the network.", net.diagram())]
    own = _those_run(
        {name: matching(finished, initializer=name, limits=AS_CODED, dropout=AS_CODED) for name in TABLE}
    )
    if not own:
        return found
    first = next(iter(own.values()))
    caption = (
        f"Report A as published: loss against epoch; bands from least to greatest of {len(first)} seeds."
    )
    found.append(Plot("a-loss", caption, tuple(_panel(*each, "loss") for each in own.items())))
    caption = "Report A as published: accuracy against epoch, with the published figures of Table I."
    found.append(Plot("a-accuracy", caption, tuple(_panel(*each, "accuracy") for each in own.items())))
    found.append(_side_by_side("a-initializers", "Report A: the four initializers side by side.", own))
    random = _those_run(
        {
            f"dropout {kind}": matching(finished, initializer="random", limits=AS_CODED, dropout=kind)
            for kind in (AS_CODED, MASKED, INVERTED, NONE)
        }
    )
    if random:
        caption = "Report A, random initialization: dropout as coded, and otherwise."
        found.append(_side_by_side("a-dropout", caption, random))
    return found + [picture for run in first if run.seed == 0 for picture in _inside(run)]


def _those_run(cells: dict[str, list[Finished]]) -> dict[str, list[Finished]]:
    return {name: runs for name, runs in cells.items() if runs}


def _panel(name: str, runs: Sequence[Finished], quantity: str) -> Panel:
    """Return loss or accuracy of one initializer, training and test."""
    parts: tuple[Part, Part] = ("train", "test")
    series = tuple(series_of(part, runs, f"{part} {quantity}", part) for part in parts)
    published = zip(parts, TABLE[name], strict=True) if quantity == "accuracy" else ()
    lines = tuple((f"{part} {value}", float(value)) for part, value in published)
    return Panel(f"{name} initialization", "epoch", QUANTITIES[quantity], series, lines=lines)


def _side_by_side(name: str, caption: str, cells: dict[str, list[Finished]]) -> Plot:
    curves = {"Training loss": "train loss", "Test accuracy": "test accuracy"}
    panels = (
        Panel(
            title,
            "epoch",
            QUANTITIES[curve.split()[1]],
            tuple(series_of(label, runs, curve) for label, runs in cells.items()),
        )
        for title, curve in curves.items()
    )
    return Plot(name, caption, tuple(panels))


def _inside(run: Finished) -> list[Picture]:
    which = f"{run.settings['initializer']} initialization, seed 0"
    where = f"Report A, {which}, {run.result['n test']:,} test images"
    return [
        digit_grid(
            "a-digits", "Report A: digits of the training rows with their labels.", run.result["digits"]
        ),
        *inspection_plots("a", run.result["inside"], where),
    ]


REPORT = Report(
    letter="A",
    name="Initialization study",
    authors="Anuj Rayamajhi, Aayush Regmi",
    title="Exploring Neural Network Implementation and Analysis for Classification Tasks",
    summary="A 784-100-10 network, tanh with dropout, trained by full-batch gradient descent on 40,000 rows "
    "of a digit CSV, rate 0.2, 100 epochs, once with each of four initializers. Its Table I has one run a "
    "line, tested on 2,000 images, and the report reads an ordering from it.",
    slips=(SLIP_LIMITS, SLIP_DROPOUT, SLIP_BACKWARD, SLIP_RELU, SLIP_SOFTMAX),
    assumptions=ASSUMPTIONS,
    plan=plan,
    run=run,
    rows=rows,
    costs=costs,
    plots=plots,
    data_sets=DATA_SETS,
    together=together,
)
