"""Report B: plan, rows, costs and pictures, from made-up results."""

from collections import Counter
from dataclasses import replace

import pytest

from pellucid.lab.pictures.figures import Drawing, render
from pellucid.lab.report import Finished, Mode
from pellucid.lab.reports import b
from pellucid.lab.reports.b_run import (
    ALL_CELLS,
    BASELINE,
    BASELINES,
    DEEP,
    DEFAULT_CELLS,
    DROPOUTS,
    KAIMINGS,
    XAVIERS,
    DepthCell,
    settings_of,
)

PUBLISHED = "as published"
XAVIER, KAIMING, DROPOUT = DEFAULT_CELLS[2:]


def cell_of(run):
    return DepthCell(**{name: value for name, value in run.settings.items() if name != "iterations"})


@pytest.mark.parametrize(
    ("mode", "seeds", "cells", "iterations"),
    [("quick", 1, 1, 20), ("default", 3, 5, 500), ("full", 5, 44, 500)],
)
def test_the_plan(mode, seeds, cells, iterations):
    runs = b.plan(Mode(mode, seeds))
    found = Counter(map(cell_of, runs))
    assert len(found) == cells
    assert set(found.values()) == {seeds}
    assert {run.settings["iterations"] for run in runs} == {iterations}
    assert {run.report for run in runs} == {"B"}
    assert BASELINE in found
    assert all(run.cost > 0 for run in runs)


def test_the_readings():
    assert len({str(cell) for cell in ALL_CELLS}) == len(ALL_CELLS) == 44
    assert DepthCell() == DepthCell("one hidden layer", "U(±0.5)", units=10, rate=0.1)  # the cited notebook's
    assert {cell.drop_prob for cell in DROPOUTS} == {0.2, 0.5, 0.8}
    assert DepthCell(drop_prob=0.2) == DROPOUT
    assert (XAVIERS[0], KAIMINGS[0]) == (XAVIER, KAIMING)
    texts = [str(DepthCell(scalar_bias=True, units=64, rate=0.5)), str(DROPOUTS[-1])]
    assert texts == [
        "one hidden layer, 64 units, rate 0.5, scalar bias",
        "ReLU, sigmoid, tanh, 80% dropped, scaled",
    ]


def fake(cell, seed, train=85.0, test=85.0, *, early=None, iterations=500):
    """Return a run; `early` holds its training and test accuracy at iteration 200."""
    x = [1, *range(10, iterations + 1, 10)]
    before = (50.0, 51.0) if early is None else early

    def curve(value, last):
        return {"x": x, "y": [value if n <= 200 else 60.0 for n in x[:-1]] + [last]}

    curves = {
        "train loss": curve(1.0, 0.5),
        "train accuracy": curve(before[0], train),
        "test accuracy": curve(before[1], test),
    }
    scores = {"precision": 0.8 + seed / 100, "recall": 0.7 + seed / 100, "F1": 0.6 + seed / 100}
    share = 0.5 if cell == BASELINE else 0.03
    result = {"curves": curves, "n test": 1_000, "gradient share": share, "scores": scores}
    if seed == 0 and cell == BASELINE:
        mistakes = {"pixels": [[9] * 784] * 2, "labels": [3, 4], "predicted": [5, 9]}
        weights, confusion = [[0.5, -0.5] * 392] * 10, [[2] * 10] * 10
        result["inside"] = {"confusion": confusion, "mistakes": mistakes, "weights": weights}
        result["labels"] = {"train": [4_100] * 10, "test": [100] * 10}
    return Finished(settings_of(cell, iterations=iterations), seed, result)


def fakes(cell, tests, **about):
    return [fake(cell, seed, test=test, **about) for seed, test in enumerate(tests)]


def keyed(finished):
    rows = b.rows(finished)
    found = {(row.reading, row.figure): row for row in rows}
    assert len(found) == len(rows)
    assert {(row.report, row.variant) for row in rows} == {("B", PUBLISHED)}
    return found


def test_every_row_is_there_whatever_was_run():
    quick = [fake(BASELINE, 0, iterations=20)]
    default, full = (
        [fake(cell, n) for cell in cells for n in range(3)] for cells in (DEFAULT_CELLS, ALL_CELLS)
    )
    sets = [set(keyed(finished)) for finished in ([], quick, default, full)]
    assert all(rows == sets[0] for rows in sets)
    assert len(sets[0]) == 2 * 2 * (6 + 5 + 12 + 9 + 12) + 6 + 5
    assert not [row for row in b.rows(full) if row.verdict == "not run"]
    assert all(row.mean is None for row in b.rows(quick))
    idle = {row.why for row in b.rows(default) if row.verdict == "not run"}
    assert idle == {"pellucid reproduce --full runs it for 500 iterations."}
    whys = {row.why for row in b.rows([])}
    assert whys == {f"pellucid reproduce{flag} runs it for 500 iterations." for flag in ("", " --full")}


def test_the_published_figures():
    printed = {row.figure: row.printed for row in b.rows([]) if row.printed}
    assert printed == {
        "training accuracy, baseline": "85",
        "test accuracy, baseline": "85",
        "training accuracy, several hidden layers": "70",
        "test accuracy, several hidden layers": "68.4",
        "accuracy, Xavier": "25",
        "accuracy, Kaiming": "87",
        "accuracy, dropout": "77",
    }


@pytest.mark.parametrize(("name", "cell"), [("baseline", BASELINE), ("several hidden layers", DEEP)])
@pytest.mark.parametrize(
    ("part", "iterations", "expected"),
    [("training", 500, 85.2), ("test", 500, 84.0), ("training", 200, 80.0), ("test", 200, 79.0)],
)
def test_a_figure_is_read_where_it_says(name, cell, part, iterations, expected):
    rows = keyed([fake(cell, n, 85.2, 84.0, early=(80.0, 79.0)) for n in range(3)])
    row = rows[f"{cell}, {iterations} iterations", f"{part} accuracy, {name}"]
    assert row.mean == pytest.approx(expected)


def test_one_published_accuracy_is_held_against_both():
    rows = keyed([fake(KAIMING, n, 88.9 + n / 10, 86.9 + n / 10) for n in range(3)])
    reading = f"{KAIMING}, 500 iterations"
    train, test = (
        rows[f"{reading}, train rows", "accuracy, Kaiming"],
        rows[f"{reading}, test rows", "accuracy, Kaiming"],
    )
    assert (train.mean, test.mean) == (pytest.approx(89.0), pytest.approx(87.0))
    # 87 lies in one interval only: the setting decides, so neither has a verdict.
    for row in (train, test):
        assert row.verdict == "undetermined"
        assert row.why.endswith(f"and the figure holds with: {reading}, test rows.")


def test_a_figure_that_no_reading_holds_is_not_reproduced():
    runs = [fake(cell, n, 90.0 + n / 10, 90.0 + n / 10) for cell in XAVIERS for n in range(3)]
    rows = [row for row in b.rows(runs) if row.figure == "accuracy, Xavier"]
    assert {row.verdict for row in rows} == {"not reproduced"}
    assert all("none of the 48 readings tried holds it" in row.why for row in rows)
    rows = keyed(fakes(XAVIER, [90.0, 90.1], train=90.0))
    assert rows[f"{XAVIER}, 500 iterations, test rows", "accuracy, Xavier"].verdict == "undetermined"


ORDERINGS = {
    "test accuracy: baseline above several hidden layers": (BASELINE, DEEP),
    "test accuracy: baseline above Xavier": (BASELINE, XAVIER),
    "test accuracy: Kaiming above baseline": (KAIMING, BASELINE),
    "test accuracy: Kaiming above Xavier": (KAIMING, XAVIER),
    "test accuracy: dropout above the same net without it": (DROPOUT, BASELINE),
    "test accuracy: dropout above the same several hidden layers": (replace(DEEP, drop_prob=0.2), DEEP),
}


def test_each_claimed_ordering_has_a_row():
    orderings = {row.figure for row in b.rows([]) if row.kind == "ordering"}
    assert orderings >= set(ORDERINGS)
    assert not [row for row in b.rows([]) if row.kind == "ordering" and row.printed]


@pytest.mark.parametrize("figure", ORDERINGS)
@pytest.mark.parametrize(
    ("lead", "verdict"), [(2.0, "reproduced"), (-2.0, "not reproduced"), (0.0, "undetermined")]
)
def test_orderings_go_by_the_differences_of_each_seed(figure, lead, verdict):
    """Seeds lie far apart: only pairs show it. A seed that only one of them has does not count."""
    above, below = ORDERINGS[figure]
    runs = [fake(above, n, test=60 + 9 * n + lead + shift) for n, shift in ((1, 0.1), (0, -0.1), (2, 0.0))]
    runs += [fake(below, n, test=60 + 9 * n) for n in range(3)] + [fake(below, 3, test=1.0)]
    (row,) = (row for row in b.rows(runs) if row.figure == figure)
    assert (row.verdict, row.mean, row.seeds) == (verdict, pytest.approx(lead, abs=1e-9), 3)
    assert row.reading == f"{above} against {below}"


def test_metrics_and_vanishing_gradients_are_measured():
    runs = [fake(cell, n) for cell in (BASELINE, DEEP) for n in range(3)]
    found = {row.figure: row.mean for row in b.rows(runs) if row.kind == "measured"}
    assert found == {
        "precision, mean of the ten classes, baseline": pytest.approx(0.81),
        "recall, mean of the ten classes, baseline": pytest.approx(0.71),
        "F1, mean of the ten classes, baseline": pytest.approx(0.61),
        "first layer's gradient over the last's at the start, baseline": pytest.approx(0.5),
        "first layer's gradient over the last's at the start, several hidden layers": pytest.approx(0.03),
    }


def test_what_the_slips_cost():
    """With the slip minus without it, by seed. A seed that only one of them has does not count."""
    ends = {
        BASELINE: (85.0, 86.0),
        BASELINES[1]: (84.0, 86.5),
        replace(XAVIER, init="Xavier, Var a variance"): (80.0, 81.0),
        XAVIER: (88.0, 88.0),
        replace(KAIMING, init="Kaiming, Var a variance"): (82.0, 82.5),
        KAIMING: (87.0, 87.0),
        DepthCell(drop_prob=0.2): (60.0, 61.0),
        DepthCell(drop_prob=0.2, scaled=True): (75.0, 75.5),
        DepthCell(drop_prob=0.8): (30.0, 30.5),
    }
    runs = [run for cell, tests in ends.items() for run in fakes(cell, tests)] + [fake(BASELINE, 2)]
    assert BASELINES[1] == DepthCell(scalar_bias=True)
    found = [(cost.slip, cost.values) for cost in b.costs(runs)]
    variance, dropout, bias = (slip.name for slip in b.REPORT.slips)
    assert found == [
        (variance, (-8.0, -7.0)),
        (variance, (-5.0, -4.5)),
        (dropout, (-15.0, -14.5)),
        (dropout, (-30.0, -30.5)),
        (bias, (-1.0, 0.5)),
    ]
    assert b.costs([]) == []
    assert len({cost.note for cost in b.costs(runs)}) == 5


LOOK = ["b-confusion", "b-mistakes", "b-weights"]


def test_only_pictures_whose_runs_are_there(tmp_path):
    drawn = b.plots([])
    names = [each.name for each in drawn]
    assert names[:3] == ["b-system", "b-network", "b-network-deep"]
    assert all(type(each) is Drawing for each in drawn[:3])
    assert len(names) > 3  # the activations and their derivatives need no run
    quick = b.plots([fake(BASELINE, 0, iterations=20)])
    assert [each.name for each in quick] == [*names, "b-accuracy", "b-loss", *LOOK]
    deep = b.plots(fakes(DEEP, [68.0, 68.5]))
    assert [each.name for each in deep] == [*names, "b-accuracy", "b-loss"]
    assert [each.name for each in b.plots(fakes(DepthCell(units=64), [88.0]))] == names
    for picture in (quick[0], quick[-5], quick[-3]):
        assert all(path.stat().st_size > 500 for path in render(picture, tmp_path, notice="Smoke run."))


def test_pictures_of_all_runs(tmp_path):
    runs = [fake(cell, n, 85 + n, 84 + n) for cell in ALL_CELLS for n in range(3)]
    pictures = {each.name: each for each in b.plots(runs)}
    panels = pictures["b-accuracy"].panels
    lines = {panel.title: [value for _, value in panel.lines] for panel in panels}
    assert lines == {
        "Baseline": [85.0],
        "Several hidden layers": [70.0, 68.4],
        "Xavier": [25.0],
        "Kaiming": [87.0],
        "Dropout": [77.0],
    }
    assert [[run[-1] for run in series.y] for series in panels[0].series] == [[85, 86, 87], [84, 85, 86]]
    assert [series.label for series in pictures["b-loss"].panels[0].series] == [
        "baseline",
        "several hidden layers",
        "Xavier",
        "Kaiming",
        "dropout",
    ]
    assert len(render(pictures["b-loss"], tmp_path)) == 2
