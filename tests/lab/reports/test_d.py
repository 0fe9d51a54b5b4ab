"""Report D: plan, figures, rows, costs and pictures, from made-up results."""

from collections import Counter

import pytest

from pellucid.lab import report
from pellucid.lab.report import Finished, Mode
from pellucid.lab.reports import d, d_run

PUBLISHED, INTENDED = "as published", "as intended"
MAIN, TWIN = ("pixels / 255", "reshuffled"), "pixels / 255, reshuffled"


@pytest.fixture(params=[True, False], ids=["torch", "no torch"])
def torch(request, monkeypatch):
    monkeypatch.setattr(report, "find_spec", lambda name: object() if request.param else None)
    return request.param


@pytest.mark.parametrize(
    ("mode", "seeds", "cells", "twins", "epochs"),
    [("quick", 1, 3, 1, 2), ("default", 3, 3, 1, 200), ("full", 5, 12, 5, 200)],
)
def test_the_plan(mode, seeds, cells, twins, epochs, torch):
    runs = d.plan(Mode(mode, seeds))
    ours = [run for run in runs if run.settings["library"] == "pellucid"]
    theirs = [run for run in runs if run.settings["library"] == "torch"]
    assert len(ours) == cells * seeds
    assert [run.seed for run in theirs] == (list(range(twins)) if torch else [])
    assert len(runs) == len(ours) + len(theirs)
    assert {run.settings["epochs"] for run in runs} == {epochs}
    found = Counter((r.settings["variant"], r.settings["normalize"], r.settings["order"]) for r in ours)
    assert set(found.values()) == {seeds}
    expected = {(PUBLISHED, name, "reshuffled") for name in ("pixels / 255", "standardized")}
    expected |= {(INTENDED, *MAIN)}
    assert set(found) == expected or mode == "full"
    assert all(run.settings["variant"] == INTENDED for run in theirs)


def result(validation, *, train=93.0, loss=(0.3, 0.25), dead=2):
    """Return 200 epochs whose accuracy rises to epoch 20, is flat, and jumps in the last."""
    rise = [10.0 + i for i in range(20)]
    curves = {
        "train accuracy": [*rise, *[92.0] * 179, train],
        "validation accuracy": [*rise, *[91.9] * 179, validation],
        "train loss": [*[1.0] * 19, *[0.28] * 180, loss[1]],
        "validation loss": [*[1.0] * 19, *[0.29] * 180, loss[0]],
    }
    batches = {name: [1.0, 2.0] for name in curves} | {"train batch": [1, 11], "validation batch": [5.0, 6.0]}
    kept = {"batches": batches, "batches an epoch": 938, "kept epochs": 25}
    return {"epochs": curves, "dead": dead, **kept}


def fake(variant, reading, values, *, library="pellucid", epochs=200, **about):
    settings = d.settings_of(variant, *reading, epochs=epochs, library=library)
    return [Finished(settings, seed, result(value, **about)) for seed, value in enumerate(values)]


@pytest.mark.parametrize(
    ("curve", "epoch"),
    [
        ([50, 60, 60, 60, 60, 60, 60, 60], 7),  # best at 2, then five epochs no better
        ([50, 60, 59, 58, 57, 56, 61, 60, 60, 60, 60, 60, 60], 12),
        ([60, 59, 59, 59, 59], 5),
        ([1, 2, 3, 4, 5, 6, 7, 8], 8),
        ([9, 8, 7, 6, 5, 4], 6),
    ],
)
def test_early_stopping(curve, epoch):
    assert d.stopping_epoch({"epochs": {"validation accuracy": curve}}) == epoch


def test_figures_of_a_run():
    measured = {claim.figure: measure(result(91.5)) for claim, measure in d.FIGURES}
    assert measured == {
        "training accuracy": 93.0,
        "validation accuracy": 91.5,
        "epoch of early stopping (about 20 in the text)": 26.0,  # best at 21, the first of the plateau
        "validation accuracy flat after epoch 20": pytest.approx(91.5 - 29),
        "training accuracy rises after epoch 20": pytest.approx(93 - 29),
        "validation loss rises after epoch 20 (overfitting)": pytest.approx(0.3 - 0.29),
        "validation loss above training loss": pytest.approx(0.05),
        "training accuracy above validation accuracy": pytest.approx(1.5),
        "classes that die": 2.0,
    }


def test_the_published_figures():
    figures = {claim.figure: claim.published for claim, _ in d.FIGURES if claim.published}
    assert figures == {
        "training accuracy": "93.33",
        "validation accuracy": "92.02",
    }
    assert d.PUBLISHED_ACCURACIES == {"train": 93.33, "validation": 92.02}


def keyed(finished):
    rows = d.rows(finished)
    found = {(row.variant, row.reading, row.figure): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_every_row_is_there_whatever_was_run(torch):
    default = [run for cell in d_run.DEFAULT_CELLS for run in fake(*cell, [91, 92, 93])]
    full = [run for cell in d.ALL_CELLS for run in fake(*cell, [91, 92, 93])]
    sets = [set(keyed(runs)) for runs in ([], fake(PUBLISHED, MAIN, [92.0], epochs=2), default, full)]
    assert all(rows == sets[0] for rows in sets)
    assert len(sets[0]) == 2 * 6 * 9
    idle = {(row.variant, row.reading): row.why for row in d.rows(default) if row.verdict == "not run"}
    assert len(idle) == 12 - 3
    assert all("pellucid reproduce --full" in why for why in idle.values())
    assert not [row for row in d.rows(full) if row.verdict == "not run"]
    assert {row.why for row in d.rows([])} == {
        f"pellucid reproduce{flag} runs it for 200 epochs." for flag in ("", " --full")
    }


def test_runs_cut_short_are_not_judged():
    rows = d.rows([run for cell in d.ALL_CELLS for run in fake(*cell, [92.0] * 3, epochs=2)])
    assert {row.verdict for row in rows} == {"not run"}


def test_a_figure_that_one_reading_holds_is_undetermined_and_names_it():
    near, far = (
        fake(PUBLISHED, MAIN, [92.0, 92.1, 92.0]),
        fake(PUBLISHED, ("unit length", "reshuffled"), [81.0, 81.1, 81.2]),
    )
    rows = keyed([*near, *far])
    for reading in (TWIN, "unit length, reshuffled"):
        row = rows[PUBLISHED, reading, "validation accuracy"]
        assert row.verdict == "undetermined"
        assert row.why.endswith(f"leaves the setting open, and the figure holds with: {TWIN}.")
    row = keyed(far)[PUBLISHED, "unit length, reshuffled", "validation accuracy"]
    assert (row.verdict, row.mean) == ("not reproduced", pytest.approx(81.1))
    assert "the one reading tried does not hold it" in row.why
    # The other variant is another experiment: it does not affect the verdict.
    rows = keyed([*far, *fake(INTENDED, MAIN, [92.0, 92.1, 92.0])])
    assert rows[PUBLISHED, "unit length, reshuffled", "validation accuracy"].verdict == "not reproduced"


def test_orderings_are_judged_by_the_paired_differences():
    rows = keyed(fake(PUBLISHED, MAIN, [91.0, 91.1, 91.2], loss=(0.2, 0.25)))
    row = rows[PUBLISHED, TWIN, "training accuracy above validation accuracy"]
    assert (row.published, row.mean, row.verdict) == (None, pytest.approx(1.9), "reproduced")
    assert rows[PUBLISHED, TWIN, "validation loss above training loss"].verdict == "not reproduced"
    assert rows[PUBLISHED, TWIN, "classes that die"].kind == "measured"


def test_the_twin_row_compares_the_same_seeds(torch):
    ours = fake(INTENDED, MAIN, [70.0, 80.0, 90.0])
    twin = fake(INTENDED, MAIN, [71.5], library="torch")
    rows = keyed([*ours, *twin])
    row = rows[INTENDED, TWIN, "validation accuracy"]
    assert (row.torch, row.mean, row.seeds) == (71.5, 80.0, 3)
    assert row.why.endswith("PyTorch on seed 0: 71.5000, ours there 70.0000.")
    assert rows[INTENDED, "unit length, reshuffled", "validation accuracy"].torch is None
    both = keyed([*ours, *fake(INTENDED, MAIN, [71.5, 80.5], library="torch")])
    row = both[INTENDED, TWIN, "validation accuracy"]
    assert row.why.endswith("PyTorch on seeds 0, 1: 76.0000, ours there 75.0000.")
    row = keyed(ours)[INTENDED, TWIN, "validation accuracy"]
    note = "not run yet." if torch else "not installed: pip install 'pellucid[compare]' adds it."
    assert row.torch is None
    assert row.why.endswith(f"PyTorch: {note}")


def test_the_mask_costs_by_seed():
    """As published minus as intended, by seed. A seed that only one of them has does not count."""
    runs = fake(PUBLISHED, MAIN, [92.0, 92.5, 93.0], dead=0) + fake(INTENDED, MAIN, [72.0, 82.0], dead=3)
    runs += fake(INTENDED, MAIN, [10.0, 10.0], library="torch")
    accuracy, dead = d.costs(runs)
    assert (accuracy.figure, accuracy.values) == ("validation accuracy", (20.0, 10.5))
    assert (dead.figure, dead.values) == ("classes that die", (-3.0, -3.0))
    assert {accuracy.slip, dead.slip} == {slip.name for slip in d.REPORT.slips}
    assert d.costs(runs[:3]) == []


def test_only_pictures_whose_runs_are_there():
    main, unit = fake(PUBLISHED, MAIN, [92.0] * 2), fake(PUBLISHED, ("unit length", "reshuffled"), [88.0] * 2)
    masks = fake(INTENDED, MAIN, [80.0] * 2) + fake(INTENDED, MAIN, [80.5], library="torch")

    def names(finished):
        return [plot.name for plot in d.plots(finished)]

    assert names([]) == ["d-network"]
    assert names(masks) == ["d-network"]  # nothing to set the true mask against
    assert names(main) == ["d-network", "d-epochs", "d-batches"]
    assert names(main + unit) == ["d-network", "d-epochs", "d-batches", "d-readings"]
    _, epochs, _, _, side_by_side = d.plots(main + unit + masks)
    assert "2 seeds" in epochs.caption
    series = side_by_side.panels[1].series
    labels = ["mask of ones", "true mask", "true mask, seed 0", "PyTorch, seed 0"]
    assert [each.label for each in series] == labels
    assert [each.y[0][-1] for each in series] == [92.0, 80.0, 80.0, 80.5]
    assert [len(each.y) for each in series] == [2, 2, 1, 1]
