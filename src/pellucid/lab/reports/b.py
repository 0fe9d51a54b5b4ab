"""Report B: depth, dropout and initialization on full-batch descent; `b_run` is what is run.

Hidden size, rate and iterations are not stated, nor which net the last three figures used: each choice is a
reading. The notebook that it cites fits: 10 hidden units, U(-0.5, 0.5), rate 0.1, 500 iterations, 41,000
rows to train on.
"""

from collections.abc import Sequence
from typing import TypeAlias

from pellucid.lab.claims import Claim
from pellucid.lab.digit_table import DATA_SETS
from pellucid.lab.inspection import inspection_plots
from pellucid.lab.ledger import Row, settle_readings
from pellucid.lab.pairs import costs_of, differences, matching
from pellucid.lab.pictures.activation_curves import activation_plots
from pellucid.lab.pictures.curves import QUANTITIES, series_of, value_at
from pellucid.lab.pictures.figures import Drawing, Panel, Picture, Plot
from pellucid.lab.report import Cost, Finished, Measure, Report, Slip, judge_if_run
from pellucid.lab.reports.b_run import (
    BASELINE,
    BASELINES,
    DEEP,
    DEEPS,
    DEFAULT_CELLS,
    DROPOUTS,
    ITERATIONS,
    KAIMINGS,
    XAVIERS,
    Cell,
    network,
    plan,
    run,
    settings_of,
    together,
)
from pellucid.lab.system_diagram import system_diagram

PUBLISHED, INTENDED = "as published", "as intended"
#: The iterations at which a run is read: how many the report took is not stated.
READ_AT = (200, ITERATIONS)
TRAIN, TEST = "train accuracy", "test accuracy"

ASSUMPTIONS = (
    "41,000 rows to train on, 1,000 to test on, as in the notebook that the report cites.",
    "Where the text gives one accuracy, it is held against the one in training and the one in the test.",
    "Accuracy in training is that of the pass before the update, with dropout on. float32 in place of "
    "float64.",
)
SLIP_VARIANCE = Slip(
    'a square root called "Var"',
    "Xavier is given as Var = sqrt(6/(n_in + n_out)), Kaiming as Var = sqrt(2/n_in): the first is Glorot's "
    "limit of a uniform distribution, the second He's standard deviation. Taken as variances the weights "
    "are too large.",
)
SLIP_DROPOUT = Slip(
    "dropout not scaled, its mask described both ways",
    'The mask is 0 "with probability (1 - dropout rate)", and the rate is what is "dropped out": both are '
    "tried. "
    "Kept units are not scaled up, so that the network predicts with more input than it was trained with.",
)
SLIP_BIAS = Slip(
    "one sum moves all biases of a layer",
    "The notebook that the report cites sums the bias gradient over units too; the report's equations do "
    "not show along what they sum. Behind a softmax that one sum is 0: the last layer's biases never move.",
)
#: Figure, published value, the readings of its network, which accuracy.
Figure: TypeAlias = tuple[str, str, list[Cell], str]
FIGURES: list[Figure] = [
    ("training accuracy, baseline", "85", BASELINES, TRAIN),
    ("test accuracy, baseline", "85", BASELINES, TEST),
    ("training accuracy, several hidden layers", "70", DEEPS, TRAIN),
    ("test accuracy, several hidden layers", "68.4", DEEPS, TEST),
    *(("accuracy, Xavier", "25", XAVIERS, which) for which in (TRAIN, TEST)),
    *(("accuracy, Kaiming", "87", KAIMINGS, which) for which in (TRAIN, TEST)),
    *(("accuracy, dropout", "77", DROPOUTS, which) for which in (TRAIN, TEST)),
]
#: What is claimed to lie above what, and by which accuracy.
ORDERINGS: list[tuple[str, Cell, Cell, str]] = [
    ("baseline above several hidden layers", BASELINE, DEEP, TEST),
    ("baseline above Xavier", BASELINE, XAVIERS[0], TEST),
    ("Kaiming above baseline", KAIMINGS[0], BASELINE, TEST),
    ("Kaiming above Xavier", KAIMINGS[0], XAVIERS[0], TEST),
    ("dropout above the same net without it", DROPOUTS[0], BASELINE, TEST),
    ("dropout above the same several hidden layers", DROPOUTS[6], DEEP, TEST),
]


def rows(finished: list[Finished]) -> list[Row]:
    """Return every published figure in every reading, the orderings, and what else was measured."""
    figures = [
        _figure_row(finished, figure, cell, iterations)
        for figure in FIGURES
        for cell in figure[2]
        for iterations in READ_AT
    ]
    orderings = [_ordering_row(finished, *ordering) for ordering in ORDERINGS]
    return [*settle_readings(figures), *orderings, *_measured_rows(finished)]


def _figure_row(finished: list[Finished], figure: Figure, cell: Cell, iterations: int) -> Row:
    name, published, _, which = figure
    runs = matching(finished, **settings_of(cell))
    one_of_two = "" if name.startswith(("training", "test")) else f", {which.split()[0]} rows"
    reading = f"{cell}, {iterations} iterations{one_of_two}"
    values = [value_at(run.result, which, iterations) for run in runs]
    return _judged(Claim(name, "%", published), [cell], values, reading)


def _ordering_row(finished: list[Finished], name: str, above: Cell, below: Cell, which: str) -> Row:
    values = differences(finished, settings_of(above), settings_of(below), _final(which))
    claim = Claim(f"test accuracy: {name}", "points", kind="ordering")
    return _judged(claim, [above, below], values, f"{above} against {below}")


def _judged(claim: Claim, cells: list[Cell], values: Sequence[float], reading: str | None) -> Row:
    return judge_if_run(
        claim,
        values,
        report="B",
        variant=PUBLISHED,
        reading=reading,
        assumptions=ASSUMPTIONS,
        by_default=all(cell in DEFAULT_CELLS for cell in cells),
        what=f"it for {ITERATIONS} iterations",
    )


def _measured_rows(finished: list[Finished]) -> list[Row]:
    """Return the metrics that the report defines, and what it calls vanishing gradients."""
    found = []
    for name in ("precision", "recall", "F1"):
        runs = matching(finished, **settings_of(BASELINE))
        claim = Claim(f"{name}, mean of the ten classes, baseline", "", kind="measured")
        found.append(_judged(claim, [BASELINE], [run.result["scores"][name] for run in runs], None))
    for name, cell in (("baseline", BASELINE), ("several hidden layers", DEEP)):
        claim = Claim(f"first layer's gradient over the last's at the start, {name}", "", kind="measured")
        values = [run.result["gradient share"] for run in matching(finished, **settings_of(cell))]
        found.append(_judged(claim, [cell], values, None))
    return found


def _final(which: str) -> Measure:
    return lambda result: value_at(result, which, ITERATIONS)


def costs(finished: list[Finished]) -> list[Cost]:
    """Return what each slip changes in test accuracy: with it minus without it."""
    compared = [
        (
            SLIP_VARIANCE,
            XAVIERS[3],
            XAVIERS[0],
            "Xavier, one hidden layer: as a variance minus as a standard deviation",
        ),
        (
            SLIP_VARIANCE,
            KAIMINGS[3],
            KAIMINGS[0],
            "Kaiming, one hidden layer: as a variance minus as a standard deviation",
        ),
        (SLIP_DROPOUT, DROPOUTS[0], DROPOUTS[3], "one hidden layer, 20 % dropped: unscaled minus scaled"),
        (SLIP_DROPOUT, DROPOUTS[2], DROPOUTS[0], "one hidden layer: 80 % dropped minus 20 % dropped"),
        (SLIP_BIAS, BASELINES[1], BASELINE, "baseline"),
    ]
    settings = [(slip, settings_of(cell), settings_of(other), note) for slip, cell, other, note in compared]
    return costs_of(finished, settings, "test accuracy", "points", _final(TEST))


def plots(finished: list[Finished]) -> list[Picture]:
    """Return the report's figures: system, activations, accuracy against iteration for each of its nets."""
    drawings: list[Picture] = [
        Drawing(
            "b-system", "Report B: the system, step by step, and what does each step here.", system_diagram()
        ),
        Drawing("b-network", "Report B: the baseline network.", network(BASELINE, 0).diagram()),
        Drawing(
            "b-network-deep",
            "Report B: several hidden layers, in the reading that fits.",
            network(DEEP, 0).diagram(),
        ),
        *activation_plots("b"),
    ]
    names = ("baseline", "several hidden layers", "Xavier", "Kaiming", "dropout")
    runs = {name: _of(finished, cell) for name, cell in zip(names, DEFAULT_CELLS, strict=True)}
    runs = {name: found for name, found in runs.items() if found}
    if not runs:
        return drawings
    panels = tuple(_panel(name, found) for name, found in runs.items())
    caption = (
        "Report B: accuracy against iteration, each net in its first reading, with the published figures."
    )
    baseline = [run for run in runs.get("baseline", []) if run.seed == 0]
    return [
        *drawings,
        Plot("b-accuracy", caption, panels, columns=3),
        Plot(
            "b-loss", "Report B: training loss against iteration, all nets.", (_loss_panel(runs),), columns=1
        ),
        *(picture for run in baseline for picture in _inside(run)),
    ]


def _of(finished: list[Finished], cell: Cell) -> list[Finished]:
    """Return the runs of a cell at whatever length: a smoke run has pictures too."""
    settings = settings_of(cell)
    return matching(finished, **{name: value for name, value in settings.items() if name != "iterations"})


def _panel(name: str, runs: Sequence[Finished]) -> Panel:
    published = dict.fromkeys((each[1], each[3].split()[0]) for each in FIGURES if each[0].endswith(name))
    lines = {f"{value}": float(value) for value, _ in published}
    series = (series_of("train", runs, TRAIN, "train"), series_of("test", runs, TEST, "test"))
    return Panel(name.capitalize(), "iteration", QUANTITIES["accuracy"], series, lines=tuple(lines.items()))


def _loss_panel(runs: dict[str, list[Finished]]) -> Panel:
    series = tuple(series_of(name, found, "train loss") for name, found in runs.items())
    return Panel("Training loss", "iteration", QUANTITIES["loss"], series)


def _inside(run: Finished) -> list[Picture]:
    where = f"Report B, baseline, seed 0, {run.result['n test']:,} test images"
    return [*inspection_plots("b", run.result["inside"], where)]


REPORT = Report(
    letter="B",
    name="Depth, dropout and initialization",
    authors="Rashmi Khadka, Shiwani Shah",
    title="Building a Neural Network from Scratch for MNIST Classification",
    summary="A network with one hidden ReLU layer, full-batch gradient descent on a digit CSV, then with "
    "several hidden layers, Xavier and Kaiming initialization, and dropout. Hidden size, rate, iterations "
    "and the net of the last three figures are not stated.",
    slips=(SLIP_VARIANCE, SLIP_DROPOUT, SLIP_BIAS),
    assumptions=ASSUMPTIONS,
    plan=plan,
    run=run,
    rows=rows,
    costs=costs,
    plots=plots,
    data_sets=DATA_SETS,
    together=together,
)
