"""Report A: which initializer, with dropout, on a 784-100 tanh-10 network. `a_run` trains it.

Table I gives one run of each of four initializers, tested on 2,000 images, and reads an ordering from it.
"""

import math
from collections.abc import Callable
from functools import partial

from pellucid.lab.claims import Claim
from pellucid.lab.digit_table import DATA_SETS
from pellucid.lab.inspection import digit_grid, inspection_plots
from pellucid.lab.learning_curves import last
from pellucid.lab.measurement import (
    Comparison,
    Measurement,
    at_end,
    costs_of,
    measured,
    ordering,
    rows_of,
    runs_of,
)
from pellucid.lab.pictures.curve_panels import Panel
from pellucid.lab.pictures.curves import cells_panel, parts_panel
from pellucid.lab.pictures.figures import Drawing, Picture, Plot
from pellucid.lab.report import INTENDED, PUBLISHED, Finished, Report, Result, Slip
from pellucid.lab.reports.a_run import (
    ALL_CELLS,
    AS_CODED,
    DEFAULT_CELLS,
    INVERTED,
    MASKED,
    NONE,
    TEXTBOOK,
    InitializerCell,
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
#: The report calls the gap "relatively small"; in its table it is 0.4 to 1.8 points.
SMALL_GAP = 2.0
TRAIN, TEST = "train accuracy", "test accuracy"
#: Limits of the initializers, and dropout.
VARIANTS = {PUBLISHED: (AS_CODED, AS_CODED), INTENDED: (TEXTBOOK, INVERTED)}

ASSUMPTIONS = (
    "42,000 rows, 2,000 of them for the test: the test figures are multiples of 1/2000.",
    "Both layers take the named initializer; biases start at 0.",
    f"A gap between training and test accuracy is small if its mean is below {SMALL_GAP:g} points.",
    "Accuracies are measured after epochs 1 to 10 and then after every fifth. float32 replaces float64.",
)
SLIP_LIMITS = Slip(
    "limits that are not the textbook's",
    "All four initializers are uniform, with the limits ±1/sqrt(n_in), ±sqrt(2/n_in), ±sqrt(2/(n_in + "
    "n_out)). These are formulas of standard deviations: limits that give the stated variances are sqrt(3) "
    'times as large. "Random" is U(-0.05, 0.05) in the code, -0.05 to 0.1 in the text.',
)
SLIP_DROPOUT = Slip(
    "dropout of a unit for the whole batch, unscaled",
    "One draw per unit silences it for all 40,000 rows of the step, before the activation (the text says "
    "after it). Kept units are not scaled up by 1/keep: the network predicts with 11 % more input than it "
    "was trained with.",
)
SLIP_BACKWARD = Slip(
    "backward ignores the mask",
    "A dropped unit has z = 0, where tanh' = 1: it gets the full gradient, as if it had not been dropped.",
)
SLIP_RELU = Slip(
    "ReLU credited, tanh coded",
    'The discussion says that ReLU "likely contributed", and the appendix derives ReLU′. The network that '
    "ran has tanh.",
)
SLIP_SOFTMAX = Slip(
    "softmax clips its input at ±500",
    "It does not subtract the row's maximum. This changes nothing here: the ledger lists the largest logit.",
)


def _gap(result: Result) -> float:
    return abs(last(result, TRAIN) - last(result, TEST))


def _table(variant: str, cells: dict[str, InitializerCell]) -> list[Measurement]:
    """Return the figures of Table I, and the gap between the two of a line."""
    found = []
    for name, cell in cells.items():
        settings = (settings_of(cell),)
        gap = Claim(f"gap between training and test accuracy, {name}", "points", kind="flat", limit=SMALL_GAP)
        train, test = TABLE[name]
        found += [
            Measurement(Claim(f"training accuracy, {name}", "%", train), variant, settings, at_end(TRAIN)),
            Measurement(Claim(f"test accuracy, {name}", "%", test), variant, settings, at_end(TEST)),
            Measurement(gap, variant, settings, _gap),
        ]
    return found


def _orderings(variant: str, cells: dict[str, InitializerCell]) -> list[Measurement]:
    """Return the report's reading of its table: "random" is best on test data and worst in training."""
    random, *others = ((name, settings_of(cell)) for name, cell in cells.items())
    pairs = [("test", TEST, random, other) for other in others]
    pairs += [("training", TRAIN, other, random) for other in others]
    return [
        ordering(f"{part} accuracy: {above} above {below}", variant, at_end(curve), settings, its_settings)
        for part, curve, (above, settings), (below, its_settings) in pairs
    ]


def _mixed(name: str, limits: str, dropout: str) -> Measurement:
    """Return the test accuracy of a cell with some of the slips."""
    variant, settings = f"limits {limits}, dropout {dropout}", settings_of((name, limits, dropout))
    return measured(f"test accuracy, {name}", "%", variant, at_end(TEST), settings)


CELLS = {variant: {name: (name, *slips) for name in TABLE} for variant, slips in VARIANTS.items()}
OWN = {name: settings_of(cell) for name, cell in CELLS[PUBLISHED].items()}
tested = at_end(TEST)
#: Whether the table's ordering can mean anything: figures of all four initializers on one seed.
SPREAD: list[tuple[str, str, Callable[..., float]]] = [
    (
        "test accuracy of the best less that of the worst initializer",
        "points",
        lambda *found: max(map(tested, found)) - min(map(tested, found)),
    ),
    (
        "standard error of a test accuracy, from its number of rows",
        "points",
        lambda found, *_: 100 * math.sqrt((p := tested(found) / 100) * (1 - p) / found["n test"]),
    ),
    (
        "seeds in which random is the best on test",
        "%",
        lambda *found: 100.0 * (tested(found[0]) == max(map(tested, found))),
    ),
    (
        "largest logit, which softmax would clip at 500",
        "",
        lambda *found: max(each["largest logit"] for each in found),
    ),
]
MEASUREMENTS = [
    *(each for cells in CELLS.items() for make in (_table, _orderings) for each in make(*cells)),
    *(measured(figure, unit, PUBLISHED, measure, *OWN.values()) for figure, unit, measure in SPREAD),
    *(_mixed(*cell) for cell in ALL_CELLS if cell[1:] not in VARIANTS.values()),
]
RANDOM = {kind: settings_of(("random", AS_CODED, kind)) for kind in (AS_CODED, MASKED, INVERTED, NONE)}
BOTH_SLIPS = "together with the unmasked backward: as coded minus inverted"
COMPARISONS: list[Comparison] = [
    (SLIP_DROPOUT, RANDOM[MASKED], RANDOM[INVERTED], "mask in backward too: as coded minus inverted"),
    (SLIP_DROPOUT, RANDOM[AS_CODED], RANDOM[INVERTED], BOTH_SLIPS),
    (SLIP_DROPOUT, RANDOM[AS_CODED], RANDOM[NONE], "as coded minus no dropout at all"),
    (SLIP_BACKWARD, RANDOM[AS_CODED], RANDOM[MASKED], "as coded minus the mask in backward too"),
]
COMPARISONS += [
    (SLIP_LIMITS, own, settings_of((name, TEXTBOOK, AS_CODED)), f"{name}, dropout as coded")
    for name, own in OWN.items()
]

rows = partial(rows_of, MEASUREMENTS, report="A", assumptions=ASSUMPTIONS, plan=plan)
costs = partial(costs_of, comparisons=COMPARISONS, figure=TEST, unit="points", measure=tested)


def plots(finished: list[Finished]) -> list[Picture]:
    """Return loss and accuracy for each initializer and side by side, and pictures of one network."""
    net = network(DEFAULT_CELLS[0], 0)
    drawing = Drawing("a-network", "Report A: the network.", net.diagram())
    own = runs_of(finished, OWN)
    if not own:
        return [drawing]
    first = next(iter(own.values()))
    loss = f"Report A as published: loss against epoch; bands hold all {len(first)} seeds."
    accuracy = "Report A as published: accuracy against epoch, with the published figures of Table I."
    kinds = "Report A, random initialization: dropout as coded, and otherwise."
    dropouts = {f"dropout {kind}": settings for kind, settings in RANDOM.items()}
    return [
        drawing,
        Plot("a-loss", loss, tuple(_panel(*each, "loss") for each in own.items())),
        Plot("a-accuracy", accuracy, tuple(_panel(*each, "accuracy") for each in own.items())),
        *_side_by_side("a-initializers", "Report A: the four initializers side by side.", own),
        *_side_by_side("a-dropout", kinds, runs_of(finished, dropouts)),
        *(picture for run in first if run.seed == 0 for picture in _inside(run)),
    ]


def _panel(name: str, runs: list[Finished], quantity: str) -> Panel:
    published = zip(("train", "test"), TABLE[name], strict=True) if quantity == "accuracy" else ()
    lines = [(f"{part} {value}", float(value)) for part, value in published]
    return parts_panel(f"{name} initialization", "epoch", quantity, runs, lines)


def _side_by_side(name: str, caption: str, cells: dict[str, list[Finished]]) -> list[Plot]:
    curves = {"Training loss": "train loss", "Test accuracy": TEST}
    panels = tuple(cells_panel(title, "epoch", curve, cells) for title, curve in curves.items())
    return [Plot(name, caption, panels)] if cells else []


def _inside(run: Finished) -> list[Picture]:
    which = f"{run.settings['initializer']} initialization, seed 0"
    where = f"Report A, {which}, {run.result['n test']:,} test images"
    caption = "Report A: digits of the training rows with their labels."
    grid = digit_grid("a-digits", caption, run.result["digits"])
    return [grid, *inspection_plots("a", run.result["inside"], where)]


REPORT = Report(
    letter="A",
    name="Initialization study",
    authors="Anuj Rayamajhi, Aayush Regmi",
    title="Exploring Neural Network Implementation and Analysis for Classification Tasks",
    summary="A 784-100-10 network, tanh with dropout, trained by full-batch gradient descent on 40,000 rows "
    "of a digit CSV, rate 0.2, 100 epochs, once with each of four initializers. Its Table I has one run "
    "per line, tested on 2,000 images, and the report reads an ordering from it.",
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
