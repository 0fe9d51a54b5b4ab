"""Report E: plan, rows, costs and pictures, from made-up results."""

from collections import Counter
from dataclasses import replace

import pytest

from pellucid.lab import report
from pellucid.lab.pictures.figures import Drawing, render
from pellucid.lab.report import Finished, Mode
from pellucid.lab.reports import e
from pellucid.lab.reports.e_run import (
    ALL_CELLS,
    APART,
    DEFAULT_CELLS,
    FIRST,
    LIMIT,
    SECOND,
    TEXTBOOK,
    TEXTBOOK_BATCHES,
    TORCH_CE,
    TORCH_MSE,
    TWIN_CELLS,
    SigmoidCell,
    settings_of,
    textbook,
)

PUBLISHED, INTENDED = "as published", "as intended"
GROUPS = {
    (PUBLISHED, "first run"): FIRST,
    (PUBLISHED, "uniform ±1/28"): SECOND,
    (PUBLISHED, "PyTorch, MSE"): TORCH_MSE,
    (PUBLISHED, "PyTorch, cross-entropy"): TORCH_CE,
    (INTENDED, "uniform ±1/28"): TEXTBOOK,
}


@pytest.fixture(params=[True, False], ids=["torch", "no torch"])
def torch(request, monkeypatch):
    monkeypatch.setattr(report, "find_spec", lambda name: object() if request.param else None)
    return request.param


def cell_of(run):
    return SigmoidCell(**{name: value for name, value in run.settings.items() if name != "library"})


@pytest.mark.parametrize(
    ("mode", "seeds", "cells", "twin_seeds"),
    [("quick", 1, 1, 0), ("default", 3, len(DEFAULT_CELLS), 1), ("full", 5, len(ALL_CELLS), 5)],
)
def test_the_plan(mode, seeds, cells, twin_seeds, torch):
    runs = e.plan(Mode(mode, seeds))
    ours = Counter(cell_of(run) for run in runs if run.settings["library"] == "pellucid")
    twins = Counter(cell_of(run) for run in runs if run.settings["library"] == "torch")
    assert len(ours) == cells
    assert set(ours.values()) == {seeds}
    assert twins == (dict.fromkeys(TWIN_CELLS, twin_seeds) if torch and twin_seeds else {})
    assert sum(ours.values()) + sum(twins.values()) == len(runs)
    assert {run.report for run in runs} == {"E"}
    assert mode != "quick" or {cell.epochs for cell in ours} == {1}
    costs = {cell_of(run): run.cost for run in runs if run.settings["library"] == "pellucid"}
    assert (
        mode != "full" or costs[SECOND[3]] > costs[SECOND[0]] > costs[SECOND[2]] > 0
    )  # batches of 10 to 1000


def test_the_cells():
    assert len(set(ALL_CELLS)) == len(ALL_CELLS)
    assert set(DEFAULT_CELLS) <= set(ALL_CELLS)
    assert set(TWIN_CELLS) <= set(DEFAULT_CELLS)
    for cells in GROUPS.values():  # each figure has a reading that runs by default
        assert set(cells) & set(DEFAULT_CELLS)
    for cell in [*FIRST, *SECOND]:
        assert (cell.sums, cell.scalar_bias, cell.loss, cell.optimizer) == (True, True, "MSE", "SGD")
    for cell in [*TEXTBOOK, *TORCH_MSE, *TORCH_CE]:
        assert not (cell.sums or cell.scalar_bias or cell.printed_slope)
    assert {cell.init for cell in [*SECOND, *TEXTBOOK]} == {LIMIT}
    assert {cell.loss for cell in TORCH_MSE} == {"MSE"}
    assert len({cell.loss for cell in TORCH_CE} | {"MSE"}) == 3
    for cells in (SECOND[:4], TEXTBOOK_BATCHES):  # nothing but the batch size differs
        assert {replace(cell, batch_size=1) for cell in cells} == {replace(cells[0], batch_size=1)}
        assert sorted(cell.batch_size for cell in cells) == [10, 32, 100, 1000]


def fake(cell, seed, validation=90.0, test=90.0, *, library="pellucid", loss=0.2, epochs=None):
    """Return a run that reaches its last values one point per epoch; the loss halves every epoch."""
    n = epochs or cell.epochs
    steps = [(k + 1 - n) for k in range(n)]
    curves = {
        "train loss": [loss * 2.0**-k for k in steps],
        "train accuracy": [85.0 + k for k in steps],
        "validation accuracy": [validation + k for k in steps],
        "test accuracy": [test + k for k in steps],
    }
    result = {"curves": {name: {"x": [*range(1, n + 1)], "y": y} for name, y in curves.items()}}
    return Finished(settings_of(replace(cell, epochs=n), library=library), seed, result)


def fakes(cell, tests, **about):
    return [fake(cell, seed, test=test, **about) for seed, test in enumerate(tests)]


def keyed(finished):
    rows = e.rows(finished)
    found = {(row.variant, row.reading, row.figure): row for row in rows}
    assert len(found) == len(rows)
    assert {row.report for row in rows} == {"E"}
    return found


def test_every_row_is_there_whatever_was_run(torch):
    quick = [fake(SECOND[0], 0, epochs=1)]
    default, full = (
        [fake(cell, n) for cell in cells for n in range(3)] for cells in (DEFAULT_CELLS, ALL_CELLS)
    )
    sets = [set(keyed(finished)) for finished in ([], quick, default, full)]
    assert all(rows == sets[0] for rows in sets)
    for (variant, name), cells in GROUPS.items():
        for part in ("validation", "test"):
            reads = [reading for v, reading, f in sets[0] if (v, f) == (variant, f"{part} accuracy, {name}")]
            assert len(reads) == sum(2 if cell.epochs == 5 else 3 for cell in cells)
    assert not [row for row in e.rows(full) if row.verdict == "not run"]
    assert all(row.mean is None for row in e.rows(quick))
    idle = [row.why for row in e.rows(default) if row.verdict == "not run"]
    assert all(why.startswith("pellucid reproduce --full runs it for ") for why in idle)
    whys = {row.reading: row.why for row in e.rows([])}
    assert whys[f"{SECOND[0]}, 40 epochs"] == "pellucid reproduce runs it for 40 epochs."
    assert whys[f"{SECOND[3]}, 40 epochs"] == "pellucid reproduce --full runs it for 40 epochs."


def test_the_published_figures():
    printed = {(row.variant, row.figure): row.printed for row in e.rows([]) if row.printed}
    assert printed == {
        (PUBLISHED, "validation accuracy, first run"): "89.2",
        (PUBLISHED, "test accuracy, first run"): "88.41",
        (PUBLISHED, "validation accuracy, uniform ±1/28"): "90.7556",
        (PUBLISHED, "test accuracy, uniform ±1/28"): "90.0556",
        (PUBLISHED, "validation accuracy, PyTorch, MSE"): "89.5444",
        (PUBLISHED, "test accuracy, PyTorch, MSE"): "89.5778",
        (PUBLISHED, "validation accuracy, PyTorch, cross-entropy"): "92.4",
        (PUBLISHED, "test accuracy, PyTorch, cross-entropy"): "92.5111",
        (INTENDED, "validation accuracy, uniform ±1/28"): "90.7556",
        (INTENDED, "test accuracy, uniform ±1/28"): "90.0556",
    }


@pytest.mark.parametrize(("variant", "name"), GROUPS)
def test_a_reading_is_its_cells_curve_at_its_epoch(variant, name):
    for cell in GROUPS[variant, name]:
        rows = keyed([fake(cell, n, validation=70.0 + n, test=60.0 + n) for n in range(3)])
        own = {key: row for key, row in rows.items() if key[2].endswith(name) and row.mean is not None}
        own = {key[1:]: row.mean for key, row in own.items() if key[0] == variant}
        epochs = {5: (3, 5), 15: (5, 10, 15), 30: (15, 20, 30), 40: (20, 30, 40)}[cell.epochs]
        assert own == {
            (f"{cell}, {epoch} epochs", f"{part} accuracy, {name}"): value + 1 - (cell.epochs - epoch)
            for part, value in (("validation", 70.0), ("test", 60.0))
            for epoch in epochs
        }


def test_a_figure_that_one_reading_holds_is_undetermined_and_names_it():
    figure, reading = "test accuracy, uniform ±1/28", f"{SECOND[0]}, 40 epochs"
    near, far = fakes(SECOND[0], [90.0, 90.1, 90.0]), fakes(SECOND[1], [80.0, 80.1, 80.2])
    rows = keyed([*near, *far])
    for each in (reading, f"{SECOND[1]}, 30 epochs"):
        row = rows[PUBLISHED, each, figure]
        assert row.verdict == "undetermined"
        assert row.why.endswith(f"leaves the setting open, and the figure holds with: {reading}.")
    rows = keyed(far)
    assert rows[PUBLISHED, f"{SECOND[1]}, 40 epochs", figure].verdict == "not reproduced"
    assert rows[PUBLISHED, reading, figure].verdict == "not run"
    # The textbook's version is another experiment: it does not affect the verdict.
    rows = keyed([*far, *fakes(TEXTBOOK[0], [90.0, 90.1, 90.0])])
    assert rows[PUBLISHED, f"{SECOND[1]}, 40 epochs", figure].verdict == "not reproduced"


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize(
    ("name", "above", "below"),
    [
        ("uniform ±1/28 above the first run", SECOND[0], FIRST[0]),
        ("PyTorch: cross-entropy above MSE", TORCH_CE[0], TORCH_MSE[0]),
        ("PyTorch: cross-entropy above MSE", TORCH_CE[4], TORCH_MSE[0]),
    ],
)
@pytest.mark.parametrize(
    ("lead", "verdict"), [(2.0, "reproduced"), (-2.0, "not reproduced"), (0.0, "undetermined")]
)
def test_orderings_go_by_the_differences_of_each_seed(name, above, below, part, lead, verdict):
    """Seeds lie far apart: only pairs show it. A seed that only one of them has does not count."""
    leads = {"validation": 0.0, "test": 0.0} | {part: lead}

    def run(cell, n, share):
        values = {p: 60 + 9 * n + share * value for p, value in leads.items()}
        return fake(
            cell, n, values["validation"] + share * (1 - n) / 10, values["test"] + share * (1 - n) / 10
        )

    runs = [run(above, n, 1) for n in (1, 0, 2)] + [run(below, n, 0) for n in range(4)]
    runs += [fake(above, n, 1.0, 1.0, library="torch") for n in range(3)]  # PyTorch's runs are not ours
    row = keyed(runs)[PUBLISHED, f"{above} against {below}", f"{part} accuracy: {name}"]
    assert (row.verdict, row.mean, row.seeds) == (verdict, pytest.approx(lead, abs=1e-9), 3)
    assert (row.kind, row.published) == ("ordering", None)


@pytest.mark.parametrize("cell", TWIN_CELLS, ids=str)
def test_the_twin_stands_beside_its_cell(cell, torch):
    name = "PyTorch, MSE" if cell in TORCH_MSE else "PyTorch, cross-entropy"
    key = PUBLISHED, f"{cell}, 15 epochs", f"test accuracy, {name}"
    ours = fakes(cell, [90.0, 91.0, 92.0])
    row = keyed([*ours, *fakes(cell, [91.5, 92.0], library="torch")])[key]
    assert (row.torch, row.mean, row.seeds) == (91.75, 91.0, 3)
    assert row.why.endswith(". PyTorch on seeds 0, 1: 91.7500, ours there 90.5000.")
    assert keyed(fakes(cell, [91.5], library="torch"))[key].verdict == "not run"
    row = keyed(ours)[key]
    assert row.torch is None
    assert ("not run yet" in row.why, "pellucid[compare]" in row.why) == (torch, not torch)
    other = keyed(fakes(TORCH_MSE[1], [90.0]))[
        PUBLISHED, f"{TORCH_MSE[1]}, 15 epochs", key[2].replace(name, "PyTorch, MSE")
    ]
    assert "PyTorch" not in other.why


def test_the_loss_by_batch_size_is_measured():
    runs = [
        fake(cell, n, loss=scale / cell.batch_size)
        for cells, scale in ((SECOND[:4], 2.0), (TEXTBOOK_BATCHES, 8.0))
        for cell in cells
        for n in range(3)
    ]
    found = {(row.variant, row.figure): row.mean for row in e.rows(runs) if row.kind == "measured"}
    assert found == {
        (variant, f"training loss after {text}, batches of {size}"): pytest.approx(scale / size)
        for variant, text, scale in (
            (PUBLISHED, "40 epochs, rate 0.01", 2.0),
            (INTENDED, "30 epochs, rate 0.5", 8.0),
        )
        for size in (10, 32, 100, 1000)
    }


def test_what_the_slips_cost():
    """With the slip minus without it, by seed. A seed that only one of them has does not count."""
    right = textbook(SigmoidCell(LIMIT, 0.5, 30))
    ends = {
        SigmoidCell(LIMIT, 0.01, 40): (90.0, 91.0),
        SigmoidCell(LIMIT, 0.01, 40, batch_size=100): (90.5, 91.25),
        SigmoidCell(LIMIT, 0.01, 40, scalar_bias=False): (92.0, 92.5),
        SigmoidCell(LIMIT, 0.01, 40, printed_slope=True): (80.0, 82.0),
        right: (94.0, 94.5),
        replace(right, batch_size=100): (93.0, 93.0),
        replace(right, scalar_bias=True): (93.5, 93.5),
    }
    runs = [run for cell, tests in ends.items() for run in fakes(cell, tests)] + [fake(right, 2)]
    found = [(cost.slip, cost.values) for cost in e.costs(runs)]
    total, bias, _, slope = (slip.name for slip in e.REPORT.slips)
    assert found == [
        (total, (0.5, 0.25)),
        (total, (-1.0, -1.5)),
        (bias, (-2.0, -1.5)),
        (bias, (-0.5, -1.0)),
        (slope, (-10.0, -9.0)),
    ]
    assert e.costs([]) == []
    assert len({cost.note for cost in e.costs(runs)}) == 5
    assert set(ends) <= {*SECOND, *TEXTBOOK, *APART}  # all of them planned


def test_only_pictures_whose_runs_are_there(tmp_path):
    assert [(type(each), each.name) for each in e.plots([])] == [(Drawing, "e-network")]
    quick = e.plots([fake(SECOND[0], 0, epochs=1)])
    assert [each.name for each in quick] == ["e-network", "e-loss", "e-batches", "e-accuracy-2"]
    assert [each.name for each in e.plots(fakes(SECOND[4], [90.0]))] == [
        "e-network",
        "e-loss",
        "e-accuracy-2",
    ]
    both = e.plots(fakes(SECOND[0], [90.0]) + fakes(TORCH_MSE[0], [90.0], library="torch"))
    assert [each.name for each in both] == ["e-network", "e-loss", "e-batches", "e-accuracy-2"]
    assert all(path.stat().st_size > 500 for each in quick[:3] for path in render(each, tmp_path))


def test_pictures_of_all_runs(tmp_path):
    runs = [fake(cell, n, 89 + n, 88 + n) for cell in ALL_CELLS for n in range(3)]
    pictures = {each.name: each for each in e.plots(runs)}
    assert [*pictures] == ["e-network", "e-loss", "e-batches", *(f"e-accuracy-{n}" for n in range(1, 6))]
    sizes = [[series.label for series in panel.series] for panel in pictures["e-batches"].panels]
    assert [sorted(labels) for labels in sizes] == [
        ["batches of 10", "batches of 100", "batches of 1000", "batches of 32"]
    ] * 2
    for number, ((variant, name), cells) in enumerate(GROUPS.items(), start=1):
        picture = pictures[f"e-accuracy-{number}"]
        assert variant in picture.caption
        assert name in picture.caption
        validation, test = picture.panels
        assert [len(series.x) for series in test.series] == [cell.epochs for cell in cells]
        assert [run[-1] for run in validation.series[0].y] == [89, 90, 91]
        assert [run[-1] for run in test.series[0].y] == [88, 89, 90]
    assert pictures["e-accuracy-4"].panels[1].lines == (("published 92.5111", 92.5111),)
    assert len(render(pictures["e-accuracy-4"], tmp_path)) == 2
