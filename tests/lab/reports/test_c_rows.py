"""Report C: plan, rows, costs and pictures, from made-up results."""

import numpy as np
import pytest

from pellucid.lab.pictures.figures import Grid, Plot
from pellucid.lab.report import Finished, Mode
from pellucid.lab.reports import c

INTENDED, PUBLISHED = "as intended", "as published"
SHARE = "trace points inside their intervals"


@pytest.mark.parametrize("mode", ["quick", "default", "full"])
def test_the_plan_is_one_run_a_seed(mode):
    runs = c.plan(Mode(mode, 3))
    assert [run.seed for run in runs] == [0, 1, 2]
    iterations = {run.settings["iterations"] for run in runs}
    assert iterations == ({1000} if mode == "full" else {c.ITERATIONS[mode]})
    assert all(run.report == "C" and run.cost > 0.5 * run.settings["iterations"] for run in runs)


def fake(seed, iterations=1000, *, shift=0.0, far=0):
    """Return a run whose printed trace is the published one, slightly shifted; `far` points are far off."""
    trace = [float(loss) + shift + 1e-3 * (seed - 1) for loss in c.PUBLISHED_TRACE[: iterations // 10]]
    printed = [loss + (1 if i < far else 0) for i, loss in enumerate(trace)]
    result = {
        "printed": printed,
        "exact": [loss + 2e-7 for loss in printed],
        "loss": [loss - 0.5 + early / 100 for loss in trace for early in range(9, -1, -1)],
        "undivided": 90.9 + seed / 10,
        "divided": 91.9 + seed / 5,
        "digits": {"pixels": np.full((10, 784), seed).tolist(), "labels": list(range(10))},
    }
    return Finished({"iterations": iterations}, seed, result)


def keyed(finished):
    rows = c.rows(finished)
    found = {(row.variant, row.reading, row.figure): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_every_row_is_there_whatever_was_run():
    runs = [[fake(seed, n) for seed in range(3)] for n in (20, 80, 1000)]
    sets = [set(keyed(finished)) for finished in ([], runs[0][:1], *runs)]
    assert all(rows == sets[0] for rows in sets)
    lines = [figure for variant, _, figure in sets[0] if variant == PUBLISHED and " at line " in figure]
    assert sorted(lines) == sorted(f"loss at line {n}" for n in range(10, 1001, 10))
    assert len(sets[0]) == 2 * (100 + 1) + 3


def test_full_length_runs_are_judged():
    rows = keyed([fake(seed) for seed in range(3)])
    verdicts = {variant: set() for variant in (PUBLISHED, INTENDED)}
    for (variant, _, figure), row in rows.items():
        if " at line " in figure:
            verdicts[variant].add(row.verdict)
    assert verdicts == {PUBLISHED: {"reproduced"}, INTENDED: {"not reproduced"}}
    assert rows[PUBLISHED, None, "loss at line 10"].mean == pytest.approx(2.3020)
    assert rows[INTENDED, None, "loss at line 1000"].mean == pytest.approx(0.2916 - 0.5)
    shares = [rows[variant, None, SHARE] for variant in (PUBLISHED, INTENDED)]
    assert [(row.mean, row.verdict) for row in shares] == [(100.0, "reproduced"), (0.0, "not reproduced")]
    undivided = rows[PUBLISHED, None, "test accuracy, test pixels not divided"]
    assert (undivided.published, undivided.mean, undivided.verdict) == (
        90.95,
        pytest.approx(91.0),
        "reproduced",
    )
    divided = "test accuracy, test pixels divided"
    assert (rows[PUBLISHED, None, divided].kind, rows[PUBLISHED, None, divided].published) == (
        "measured",
        None,
    )
    assert rows[INTENDED, None, divided].mean == pytest.approx(92.1)
    assert rows[INTENDED, None, divided].verdict == "not reproduced"


@pytest.mark.parametrize(("far", "verdict"), [(5, "reproduced"), (6, "not reproduced")])
def test_95_of_100_points_must_lie_inside(far, verdict):
    row = keyed([fake(seed, far=far) for seed in range(3)])[PUBLISHED, None, SHARE]
    assert (row.mean, row.verdict) == (100 - far, verdict)


def test_two_seeds_determine_nothing_and_a_run_cut_short_only_its_points():
    rows = keyed([fake(seed) for seed in range(2)])
    assert rows[PUBLISHED, None, "loss at line 10"].verdict == "undetermined"
    assert rows[PUBLISHED, None, SHARE].verdict == "undetermined"
    rows = keyed([fake(seed, 80) for seed in range(3)])
    assert rows[PUBLISHED, None, "loss at line 80"].verdict == "reproduced"
    for figure in ("loss at line 90", "test accuracy, test pixels not divided"):
        row = rows[PUBLISHED, None, figure]
        assert (row.verdict, row.mean) == ("not run", None)
        assert "--full" in row.why
    share = rows[PUBLISHED, None, SHARE]
    assert (share.verdict, share.mean) == ("undetermined", 100.0)
    assert share.why.startswith("8 of the 8 points up to line 80 lie inside")


def test_what_the_slips_cost():
    pixels, counter, epsilon = c.costs([fake(seed) for seed in range(2)])
    assert c.costs([]) == []
    assert {pixels.slip, counter.slip, epsilon.slip} == {slip.name for slip in c.REPORT.slips}
    assert pixels.values == pytest.approx((-1.0, -1.1))
    assert counter.values == pytest.approx((0.5 + 2e-7,) * 2)
    assert epsilon.values == pytest.approx((-2e-7,) * 2, rel=1e-6)


def test_the_pictures_come_from_the_results():
    assert [picture.name for picture in c.plots([])] == ["c-network"]
    _, trace, digits = c.plots([fake(seed, 80, shift=0.01) for seed in range(3)])
    assert (type(trace), type(digits)) == (Plot, Grid)
    loss, gap = trace.panels
    assert loss.published == tuple((10 * (i + 1), float(c.PUBLISHED_TRACE[i])) for i in range(8))
    assert gap.series[0].y[0] == pytest.approx([0.009] * 8)  # measured minus published, not the reverse
    assert "3 seeds, against the 8 published points up to line 80" in trace.caption
    assert "by at most 0.0100" in trace.caption
    assert np.shape(digits.images) == (10, 28, 28)
    assert digits.titles[3] == "label = 3"
