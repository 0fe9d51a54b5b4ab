"""Report B: depth, dropout and initialization in full-batch gradient descent. `b_run` trains its networks.

The report does not state the hidden size, the rate, the number of iterations, or which network its last three
figures used: each choice is a reading. The settings of the notebook that it cites fit: 10 hidden units,
U(-0.5, 0.5), rate 0.1, 500 iterations, 41,000 rows to train on.
"""

from functools import partial
from operator import itemgetter
from pathlib import Path

from pellucid.lab.claims import Claim
from pellucid.lab.digit_table import DATA_SETS
from pellucid.lab.inspection import inspection_plots
from pellucid.lab.measurement import (
    Comparison,
    Measurement,
    at,
    at_end,
    costs_of,
    measured,
    ordering,
    rows_of,
    runs_of,
)
from pellucid.lab.pictures.activation_curves import activation_plots
from pellucid.lab.pictures.curve_panels import Panel
from pellucid.lab.pictures.curves import cells_panel, parts_panel
from pellucid.lab.pictures.figures import Drawing, Picture, Plot
from pellucid.lab.report import PUBLISHED, Finished, Report, Slip
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
    DepthCell,
    network,
    plan,
    run,
    settings_of,
    together,
)

#: The iterations at which accuracies are read off: the report does not say how many it took.
READ_AT = (200, ITERATIONS)
TRAIN, TEST = "train accuracy", "test accuracy"
#: The steps of the report's block diagram, each with the function that does it in pellucid.
SYSTEM = Path(__file__).with_name("system.svg")

ASSUMPTIONS = (
    "41,000 rows to train on, 1,000 to test on, as in the notebook that the report cites.",
    "Where the text gives one accuracy, it is compared with both the training and the test accuracy.",
    "Training accuracy is that of the pass before the update, with dropout on. float32 replaces float64.",
)
SLIP_VARIANCE = Slip(
    'a square root called "Var"',
    "Xavier is given as Var = sqrt(6/(n_in + n_out)), Kaiming as Var = sqrt(2/n_in): the first is Glorot's "
    "limit of a uniform distribution, the second He's standard deviation. Taken as variances, they make "
    "the weights too large.",
)
SLIP_DROPOUT = Slip(
    "dropout not scaled, its mask described both ways",
    'The mask is 0 "with probability (1 - dropout rate)", yet the rate is what is "dropped out": both are '
    "tried. Kept units are not scaled up, so the network predicts with more input than it was trained with.",
)
SLIP_BIAS = Slip(
    "one sum moves all biases of a layer",
    "The notebook that the report cites sums the bias gradient over units too; the report's equations do not "
    "show the axis. Behind a softmax this sum is 0: the last layer's biases never move.",
)
#: Figure, published value, readings of its network, and which accuracy it may be.
FIGURES: list[tuple[str, str, list[DepthCell], str]] = [
    ("training accuracy, baseline", "85", BASELINES, TRAIN),
    ("test accuracy, baseline", "85", BASELINES, TEST),
    ("training accuracy, several hidden layers", "70", DEEPS, TRAIN),
    ("test accuracy, several hidden layers", "68.4", DEEPS, TEST),
    *(("accuracy, Xavier", "25", XAVIERS, which) for which in (TRAIN, TEST)),
    *(("accuracy, Kaiming", "87", KAIMINGS, which) for which in (TRAIN, TEST)),
    *(("accuracy, dropout", "77", DROPOUTS, which) for which in (TRAIN, TEST)),
]
#: Claims that one cell's test accuracy lies above another's.
ORDERINGS: list[tuple[str, DepthCell, DepthCell]] = [
    ("baseline above several hidden layers", BASELINE, DEEP),
    ("baseline above Xavier", BASELINE, XAVIERS[0]),
    ("Kaiming above baseline", KAIMINGS[0], BASELINE),
    ("Kaiming above Xavier", KAIMINGS[0], XAVIERS[0]),
    ("dropout above the same net without it", DROPOUTS[0], BASELINE),
    ("dropout above the same several hidden layers", DROPOUTS[6], DEEP),
]


def _figure(name: str, published: str, which: str, cell: DepthCell, iterations: int) -> Measurement:
    """Return a published figure in one reading."""
    one_of_two = "" if name.startswith(("training", "test")) else f", {which.split(maxsplit=1)[0]} rows"
    reading = f"{cell}, {iterations} iterations{one_of_two}"
    claim = Claim(name, "%", published)
    return Measurement(claim, PUBLISHED, (settings_of(cell),), at(which, iterations), reading)


def _ordering(name: str, above: DepthCell, below: DepthCell) -> Measurement:
    figure, reading = f"test accuracy: {name}", f"{above} against {below}"
    return ordering(figure, PUBLISHED, at_end(TEST), settings_of(above), settings_of(below), reading)


def _score(name: str) -> Measurement:
    figure, baseline = f"{name}, mean of the ten classes, baseline", settings_of(BASELINE)
    return measured(figure, "", PUBLISHED, lambda result: result["scores"][name], baseline)


def _gradient_share(name: str, cell: DepthCell) -> Measurement:
    """Return the ratio of gradients that measures what the report calls vanishing gradients."""
    figure = f"first layer's gradient over the last's at the start, {name}"
    return measured(figure, "", PUBLISHED, itemgetter("gradient share"), settings_of(cell))


MEASUREMENTS = [
    *(
        _figure(name, published, which, cell, n)
        for name, published, cells, which in FIGURES
        for cell in cells
        for n in READ_AT
    ),
    *(_ordering(*each) for each in ORDERINGS),
    *(_score(name) for name in ("precision", "recall", "F1")),
    _gradient_share("baseline", BASELINE),
    _gradient_share("several hidden layers", DEEP),
]
VARIANCE_NOTE = "one hidden layer: as a variance minus as a standard deviation"
COMPARISONS: list[Comparison] = [
    (slip, settings_of(cell), settings_of(other), note)
    for slip, cell, other, note in (
        (SLIP_VARIANCE, XAVIERS[3], XAVIERS[0], f"Xavier, {VARIANCE_NOTE}"),
        (SLIP_VARIANCE, KAIMINGS[3], KAIMINGS[0], f"Kaiming, {VARIANCE_NOTE}"),
        (SLIP_DROPOUT, DROPOUTS[0], DROPOUTS[3], "one hidden layer, 20 % dropped: unscaled minus scaled"),
        (SLIP_DROPOUT, DROPOUTS[2], DROPOUTS[0], "one hidden layer: 80 % dropped minus 20 % dropped"),
        (SLIP_BIAS, BASELINES[1], BASELINE, "baseline"),
    )
]


rows = partial(rows_of, MEASUREMENTS, report="B", assumptions=ASSUMPTIONS, plan=plan)
costs = partial(costs_of, comparisons=COMPARISONS, figure=TEST, unit="points", measure=at_end(TEST))


def plots(finished: list[Finished]) -> list[Picture]:
    """Return the report's figures: system, activations, accuracy against iteration for each of its nets."""
    names = ("baseline", "several hidden layers", "Xavier", "Kaiming", "dropout")
    cells = {name: settings_of(cell) for name, cell in zip(names, DEFAULT_CELLS, strict=True)}
    runs = runs_of(finished, cells)
    return [*_drawings(), *(_curves(runs) if runs else [])]


def _drawings() -> list[Picture]:
    system = "Report B: the system, step by step, and what does each step here."
    deep = "Report B: several hidden layers, in the reading that fits."
    return [
        Drawing("b-system", system, SYSTEM.read_text(encoding="utf-8")),
        Drawing("b-network", "Report B: the baseline network.", network(BASELINE, 0).diagram()),
        Drawing("b-network-deep", deep, network(DEEP, 0).diagram()),
        *activation_plots("b"),
    ]


def _curves(runs: dict[str, list[Finished]]) -> list[Picture]:
    """Return accuracy and loss of each net, and pictures of the baseline network."""
    accuracy = (
        "Report B: accuracy against iteration, each net in its first reading, with the published figures."
    )
    loss = "Report B: training loss against iteration, all nets."
    panel = cells_panel("Training loss", "iteration", "train loss", runs)
    return [
        Plot("b-accuracy", accuracy, tuple(_panel(*each) for each in runs.items()), columns=3),
        Plot("b-loss", loss, (panel,), columns=1),
        *(each for run in runs.get("baseline", []) if run.seed == 0 for each in _inside(run)),
    ]


def _panel(name: str, runs: list[Finished]) -> Panel:
    """Return the accuracy of one net, with its published figures."""
    published = dict.fromkeys(each[1] for each in FIGURES if each[0].endswith(name))
    lines = [(value, float(value)) for value in published]
    return parts_panel(name.capitalize(), "iteration", "accuracy", runs, lines)


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
