"""Report A: plan, rows, costs and pictures, from made-up results."""

from collections import Counter

import pytest

from pellucid.lab.pictures.figures import Drawing, render
from pellucid.lab.report import Finished, Mode
from pellucid.lab.reports import a
from pellucid.lab.reports.a_run import (
    ALL_CELLS,
    AS_CODED,
    DEFAULT_CELLS,
    INVERTED,
    MASKED,
    NONE,
    TEXTBOOK,
    is_measured,
    settings_of,
)

PUBLISHED, INTENDED = "as published", "as intended"
NAMES = ("random", "LeCun", "He", "Xavier")
OWN = [(name, AS_CODED, AS_CODED) for name in NAMES]


@pytest.mark.parametrize(
    ("mode", "seeds", "cells", "epochs"), [("quick", 1, 1, 3), ("default", 3, 5, 100), ("full", 5, 32, 100)]
)
def test_the_plan(mode, seeds, cells, epochs):
    runs = a.plan(Mode(mode, seeds))
    found = Counter(tuple(run.settings[key] for key in ("initializer", "limits", "dropout")) for run in runs)
    assert len(found) == cells
    assert set(found.values()) == {seeds}
    assert {run.settings["epochs"] for run in runs} == {epochs}
    assert {run.report for run in runs} == {"A"}
    assert sorted({run.seed for run in runs}) == [*range(seeds)]
    assert set(OWN) <= set(found) or mode == "quick"
    assert all(run.cost > 0 for run in runs)


def fake(cell, seed, train=88.8, test=89.0, *, epochs=100, loss=0.4, logit=9.0):
    """Return a run whose curves end in these values and are far from them before."""
    every, measured = [*range(1, epochs + 1)], [n for n in range(1, epochs + 1) if is_measured(n)]
    curves = {
        "train loss": {"x": every, "y": [*[2.3] * (epochs - 1), loss]},
        "train accuracy": {"x": measured, "y": [*[11.0] * (len(measured) - 1), train]},
        "test loss": {"x": measured, "y": [*[2.3] * (len(measured) - 1), loss + 0.01]},
        "test accuracy": {"x": measured, "y": [*[12.0] * (len(measured) - 1), test]},
    }
    result = {"curves": curves, "n test": 2_000, "largest logit": logit}
    if seed == 0:
        mistakes = {"pixels": [[9] * 784] * 2, "labels": [3, 4], "predicted": [5, 9]}
        weights, confusion = [[0.5, -0.5] * 392] * 25, [[2] * 10] * 10
        result["inside"] = {"confusion": confusion, "mistakes": mistakes, "weights": weights}
        result["digits"] = {"pixels": [[7] * 784] * 25, "labels": [5] * 25}
    return Finished(settings_of(cell, epochs=epochs), seed, result)


def fakes(cell, tests, **about):
    return [fake(cell, seed, test=test, **about) for seed, test in enumerate(tests)]


def keyed(finished):
    rows = a.rows(finished)
    found = {(row.variant, row.figure): row for row in rows}
    assert len(found) == len(rows)
    assert {(row.report, row.reading) for row in rows} == {("A", None)}
    return found


def test_every_row_is_there_whatever_was_run():
    quick = [fake(OWN[0], 0, epochs=3)]
    default, full = (
        [fake(cell, n) for cell in cells for n in range(3)] for cells in (DEFAULT_CELLS, ALL_CELLS)
    )
    sets = [set(keyed(finished)) for finished in ([], quick, default, full)]
    assert all(rows == sets[0] for rows in sets)
    assert len(sets[0]) == 2 * (4 * 3 + 6) + 4 + 24
    assert not [row for row in a.rows(full) if row.verdict == "not run"]
    assert all(row.mean is None for row in a.rows(quick))  # three epochs are compared with nothing


def test_what_has_not_been_run_names_the_flag():
    default = keyed([fake(cell, seed) for cell in DEFAULT_CELLS for seed in range(3)])
    idle = {key: row for key, row in default.items() if row.verdict == "not run"}
    assert {variant for variant, _ in idle} == {INTENDED} | {
        f"limits {limits}, dropout {dropout}"
        for limits, dropout in (
            (AS_CODED, MASKED),
            (AS_CODED, INVERTED),
            (AS_CODED, NONE),
            (TEXTBOOK, AS_CODED),
            (TEXTBOOK, MASKED),
            (TEXTBOOK, NONE),
        )
    }
    assert {row.why for row in idle.values()} == {"pellucid reproduce --full runs it for 100 epochs."}
    whys = {(variant, figure): row.why for (variant, figure), row in keyed([]).items()}
    assert whys[PUBLISHED, "test accuracy, He"] == "pellucid reproduce runs it for 100 epochs."
    assert "--full" in whys[INTENDED, "test accuracy, random"]
    assert "--full" not in whys["limits as coded, dropout inverted", "test accuracy, random"]
    assert "--full" in whys["limits as coded, dropout inverted", "test accuracy, He"]


@pytest.mark.parametrize("variant", [PUBLISHED, INTENDED])
def test_the_published_table(variant):
    rows = keyed([])
    table = {
        name: [rows[variant, f"{part} accuracy, {name}"].printed for part in ("training", "test")]
        for name in NAMES
    }
    assert table == {
        "random": ["88.77", "90.55"],
        "LeCun": ["88.89", "89.30"],
        "He": ["88.915", "88.05"],
        "Xavier": ["88.85", "88.20"],
    }


@pytest.mark.parametrize(
    ("variant", "cell"), [(PUBLISHED, OWN[0]), (INTENDED, ("random", TEXTBOOK, INVERTED))]
)
def test_a_figure_is_judged_by_the_last_epoch_of_its_own_cell(variant, cell):
    rows = keyed([fake(cell, seed, train=88.0 + seed, test=95.0 + seed / 100) for seed in range(3)])
    train, test = rows[variant, "training accuracy, random"], rows[variant, "test accuracy, random"]
    assert (train.mean, train.verdict, train.seeds) == (89.0, "reproduced", 3)
    assert (test.mean, test.verdict) == (pytest.approx(95.01), "not reproduced")
    other = INTENDED if variant == PUBLISHED else PUBLISHED
    assert rows[other, "test accuracy, random"].verdict == "not run"
    assert rows[variant, "test accuracy, He"].verdict == "not run"
    two = keyed(fakes(cell, [90.5, 90.6]))[variant, "test accuracy, random"]
    assert (two.verdict, two.low) == ("undetermined", None)


@pytest.mark.parametrize(
    ("tests", "verdict"),
    [
        ([90.0, 90.2, 87.6], "reproduced"),  # 1.2, 1.4 and, below the training accuracy, 1.2
        ([92.0, 92.2, 92.4], "not reproduced"),
        ([90.0, 91.0, 92.0], "undetermined"),
    ],
)
def test_a_small_gap_is_below_two_points_either_way(tests, verdict):
    row = keyed(fakes(OWN[0], tests))[PUBLISHED, "gap between training and test accuracy, random"]
    assert (row.verdict, row.kind, row.published) == (verdict, "flat", None)


def test_orderings_go_by_the_differences_of_each_seed():
    """Seeds lie far apart: only pairs show it. Random leads on test by 1 and trails in training by 0.5."""
    runs = []
    for name, above in (("random", 1.0), ("LeCun", 0.0), ("He", 0.0), ("Xavier", 2.0)):
        runs += [
            fake((name, AS_CODED, AS_CODED), n, 70 + 9 * n - above / 2, 70 + 9 * n + above + n / 100)
            for n in (2, 0, 1)
        ]
    runs += [
        fake((name, AS_CODED, AS_CODED), 7, 50, 40) for name in NAMES[1:]
    ]  # left out: "random" did not run this seed
    rows = {figure: row for (variant, figure), row in keyed(runs).items() if variant == PUBLISHED}
    found = {row.figure: (row.verdict, row.mean) for row in rows.values() if row.kind == "ordering"}
    assert found == {
        "test accuracy: random above LeCun": ("reproduced", pytest.approx(1)),
        "test accuracy: random above He": ("reproduced", pytest.approx(1)),
        "test accuracy: random above Xavier": ("not reproduced", pytest.approx(-1)),
        "training accuracy: LeCun above random": ("reproduced", pytest.approx(0.5)),
        "training accuracy: He above random": ("reproduced", pytest.approx(0.5)),
        "training accuracy: Xavier above random": ("not reproduced", pytest.approx(-0.5)),
    }
    assert {rows[figure].seeds for figure in found} == {3}


def test_whether_the_ordering_can_mean_anything():
    tests = {
        "random": (90.0, 88.0, 91.0),
        "LeCun": (89.0, 89.5, 90.0),
        "He": (88.0,) * 3,
        "Xavier": (87.5,) * 3,
    }
    runs = [run for cell in OWN for run in fakes(cell, tests[cell[0]], logit=10.0 + len(cell[0]))]
    runs.append(fake(OWN[0], 3, test=99.0))  # a seed that the others did not run
    rows = {figure: row for (_, figure), row in keyed(runs).items() if row.kind == "measured"}
    spread = rows["test accuracy of the best less that of the worst initializer"]
    assert (spread.mean, spread.seeds) == (pytest.approx((2.5 + 2.0 + 3.5) / 3), 3)
    best = rows["seeds in which random is the best on test"]
    assert (best.mean, best.unit) == (pytest.approx(200 / 3), "%")
    # sqrt(0.9 · 0.1 / 2000) and so on: about 0.7 points
    error = rows["standard error of a test accuracy, from its number of rows"]
    assert error.mean == pytest.approx((0.670820 + 0.726636 + 0.639922) / 3, abs=1e-5)
    assert rows["largest logit, which softmax would clip at 500"].mean == 16.0


def test_other_cells_are_measured_in_their_own_rows():
    row = keyed(fakes(("He", TEXTBOOK, NONE), [91.0, 92.0, 93.0]))[
        "limits textbook, dropout none", "test accuracy, He"
    ]
    assert (row.kind, row.mean, row.published) == ("measured", 92.0, None)


def test_what_the_slips_cost():
    """With the slip minus without it, by seed; a seed that only one of them has does not count."""
    runs = fakes(OWN[0], [90.0, 91.0, 92.0])
    for kind, shift in ((MASKED, 0.5), (INVERTED, 2.0), (NONE, -1.0)):
        runs += fakes(("random", AS_CODED, kind), [90.0 + shift, 91.1 + shift])
    for name, shift in (("random", 0.25), ("Xavier", 4.0)):
        runs += fakes((name, TEXTBOOK, AS_CODED), [90.0 - shift, 91.0 - shift])
    runs += fakes(OWN[3], [90.0, 91.0])
    found = {(cost.slip, cost.note): cost.values for cost in a.costs(runs)}
    dropout, backward, limits = (slip.name for slip in (a.SLIP_DROPOUT, a.SLIP_BACKWARD, a.SLIP_LIMITS))
    assert found == {
        (dropout, "mask in backward too: as coded minus inverted"): pytest.approx((-1.5, -1.5)),
        (dropout, "together with the unmasked backward: as coded minus inverted"): pytest.approx((-2, -2.1)),
        (dropout, "as coded minus no dropout at all"): pytest.approx((1.0, 0.9)),
        (backward, "as coded minus the mask in backward too"): pytest.approx((-0.5, -0.6)),
        (limits, "random, dropout as coded"): pytest.approx((0.25, 0.25)),
        (limits, "Xavier, dropout as coded"): pytest.approx((4.0, 4.0)),
    }
    assert {name for name, _ in found} <= {slip.name for slip in a.REPORT.slips}
    assert a.costs([]) == []


LOOK = ["a-digits", "a-confusion", "a-mistakes", "a-weights"]
OWN_PLOTS = ["a-network", "a-loss", "a-accuracy", "a-initializers", "a-dropout"]


def test_only_pictures_whose_runs_are_there(tmp_path):
    assert [(type(each), each.name) for each in a.plots([])] == [(Drawing, "a-network")]
    quick = a.plots([fake(OWN[0], 0, epochs=3)])
    assert [each.name for each in quick] == OWN_PLOTS + LOOK
    others = fakes(("random", AS_CODED, NONE), [90.0] * 2)
    assert [each.name for each in a.plots(others)] == ["a-network"]
    # Another initializer may finish first: then there is no dropout to compare.
    names = [each.name for each in a.plots(fakes(OWN[2], [88.0]))]
    assert names == [*OWN_PLOTS[:-1], *LOOK]
    for picture in (quick[0], quick[4], quick[6]):
        assert all(path.stat().st_size > 500 for path in render(picture, tmp_path, notice="Smoke run."))


def test_pictures_of_all_runs(tmp_path):
    runs = [fake(cell, n, test=89.0 + n / 4) for cell in ALL_CELLS for n in range(3)]
    pictures = {each.name: each for each in a.plots(runs)}
    assert [*pictures] == OWN_PLOTS + LOOK
    assert "3 seeds" in pictures["a-loss"].caption
    accuracy = pictures["a-accuracy"].panels
    assert [panel.title.split()[0] for panel in accuracy] == [*NAMES]
    assert accuracy[1].lines == (("train 88.89", 88.89), ("test 89.30", 89.30))
    for series, values in zip(accuracy[0].series, ([88.8] * 3, [89.0, 89.25, 89.5]), strict=True):
        assert [run[-1] for run in series.y] == values
        assert series.x == [*range(1, 11), *range(15, 101, 5)]
    labels = [series.label for series in pictures["a-dropout"].panels[0].series]
    assert labels == [f"dropout {kind}" for kind in (AS_CODED, MASKED, INVERTED, NONE)]
    assert len(render(pictures["a-initializers"], tmp_path)) == 2
