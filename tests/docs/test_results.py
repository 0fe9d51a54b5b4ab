"""What README.md and docs/results.md say in words about the reports agrees with the recorded ledgers."""

import json
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
README = (DOCS.parent / "README.md").read_text().replace("\n  ", " ")
RESULTS = (DOCS / "results.md").read_text().replace("\n", " ")


def rows(report, figure="", *, variant="as published", ledger="ledger"):
    """Return the rows of a report that were run, those whose figure begins as given."""
    found = json.loads((DOCS / f"{ledger}.json").read_text())["rows"]
    return [
        row
        for row in found
        if (row["report"], row["variant"]) == (report, variant)
        and row["figure"].startswith(figure)
        and row["verdict"] != "not run"
    ]


def holds(row):
    return row["low"] <= row["published"] <= row["high"]


def verdicts(found):
    return {row["verdict"] for row in found}


def by_reading(report, *figures):
    """Return, for each reading, whether it holds all these figures."""
    found = [row for figure in figures for row in rows(report, figure) if row["published"] is not None]
    return {
        reading: all(holds(row) for row in found if row["reading"] == reading)
        for reading in {row["reading"] for row in found}
    }


def test_report_a():
    assert "seven of its eight accuracies lie in our intervals, which are wide for the test figures" in README
    figures = [row for row in rows("A") if row["kind"] == "figure"]
    assert [row["verdict"] for row in figures].count("reproduced") == 7
    assert len(figures) == 8
    assert min(row["high"] - row["low"] for row in figures if row["figure"].startswith("test")) > 5
    assert "in these reruns it is behind each of them" in README
    orderings = rows("A", "test accuracy: random above")
    assert len(orderings) == 3
    assert all(row["high"] < 0 for row in orderings)


def test_report_b():
    assert "In a reading that fits, the shallow network's accuracies hold" in README
    assert any(by_reading("B", "training accuracy, baseline", "test accuracy, baseline").values())
    assert "so does its lead over the deep one" in README
    assert verdicts(rows("B", "test accuracy: baseline above several")) == {"reproduced"}
    assert "Dropout does not help, and no reading tried gives the low accuracy with Xavier" in README
    assert all(row["high"] < 0 for row in rows("B", "test accuracy: dropout above"))
    assert not any(by_reading("B", "accuracy, Xavier").values())


def test_report_c():
    assert "by default only the first forty are run, and their losses hold" in README
    assert [row["figure"] for row in rows("C", "loss at line")] == [
        f"loss at line {n}" for n in (10, 20, 30, 40)
    ]
    assert verdicts(rows("C", "loss at line")) == {"reproduced"}
    full = {"ledger": "ledger-full"}
    assert "A full rerun misses the test accuracy" in README
    claimed = [row for row in rows("C", "test accuracy", **full) if row["published"] is not None]
    assert verdicts(claimed) == {"not reproduced"}
    assert (
        "With three seeds all printed losses lie in their intervals, while the test accuracies do not"
        in RESULTS
    )
    traces = rows("C", "loss at line", **full)
    assert len(traces) == 100
    assert verdicts(traces) == {"reproduced"}
    assert (
        "the difference of the published losses from the mean has one sign over most of the trace" in RESULTS
    )
    assert sum(row["published"] > row["mean"] for row in traces) > 75


def test_report_d():
    assert "both accuracies hold for one way of scaling the pixels" in README
    assert list(by_reading("D", "training accuracy", "validation accuracy").values()).count(True) == 1
    assert "With the true mask some classes die, and the accuracy varies widely between seeds" in README
    (dead,) = rows("D", "classes that die", variant="as intended")
    assert dead["mean"] > 1
    assert all(row["sd"] > 5 for row in rows("D", "validation accuracy", variant="as intended")[:1])
    assert "With the mask of ones no class died in these runs" in " ".join(RESULTS.split())
    assert {row["mean"] for row in rows("D", "classes that die")} == {0}


def test_report_e():
    assert "each figure holds in some reading" in README
    figures = {row["figure"] for row in rows("E") if row["kind"] == "figure"}
    assert len(figures) == 8
    assert all(any(by_reading("E", figure).values()) for figure in figures)
    assert "cross-entropy beats squared error holds in the reading that was run" in README
    claims = [row for row in rows("E") if row["figure"].endswith("PyTorch: cross-entropy above MSE")]
    assert verdicts(claims) == {"reproduced"}
    assert len({row["reading"] for row in claims}) == 1


@pytest.mark.parametrize("batch", [100, 1000])
def test_the_batch_sizes_of_report_e(batch):
    assert "the batch size makes almost no difference (left)" in RESULTS
    one, other = (
        next(row for row in rows("E", "training loss after 40") if row["figure"].endswith(f"batches of {n}"))
        for n in (32, batch)
    )
    assert one["mean"] == pytest.approx(other["mean"], rel=0.02)
