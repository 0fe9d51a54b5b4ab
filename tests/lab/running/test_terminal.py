import pytest
from rich.console import Console

from pellucid.lab.claims import Claim
from pellucid.lab.ledger import judge, not_run, settle_readings
from pellucid.lab.running.console import ledger_table


def rows():
    names = [
        ("test accuracy, test pixels not divided as the report has them", "90.95"),
        ("[red]far[/red]", "10"),
    ]
    names += [(f"loss at line {line}", "90.9" if line < 60 else "1") for line in range(10, 70, 10)]
    made = [judge(Claim(n, "%", p), [90.9, 91.0, 91.0], report="C", variant="as published") for n, p in names]
    idle = not_run(Claim("other", "%", "87"), report="C", variant="as intended", why="Run with --full.")
    lost = judge(Claim("lost", "of 10", kind="measured"), [1, 2, 3], report="C", variant="as intended")
    return [row.to_json() for row in (made[0], idle, *made[1:], lost)]


@pytest.mark.parametrize("width", [100, 80])
def test_the_table_fits_and_no_number_or_verdict_is_broken(width):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    with console.file:
        console.print(ledger_table(rows(), "Rerun of C"))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    for whole in ("90.97 ± 0.06", "90.67 … 91.26", "not reproduced", "not run", "measured", "5 of 6 hold"):
        assert whole in text
    assert "[red]far" in text
    assert "…" in text and "loss at line 60" not in text


def test_rows_stand_by_variant():
    table = ledger_table(rows(), "Rerun of C")
    names = [str(cell) for cell in table.columns[0].cells]
    assert names[0] == "C · as published"
    assert names[1] == "loss at line 10 … 60, %: 6 points"
    assert names[4:] == ["C · as intended", "other, %", "lost, of 10"]


def lines(*rows):
    """Return the table's lines as lists of texts."""
    columns = ledger_table([row.to_json() for row in rows], "Rerun").columns
    return [list(line) for line in zip(*([str(cell) for cell in c.cells] for c in columns), strict=True)]


def tried(reading, values, published="85"):
    about = {"report": "D", "variant": "as published", "reading": reading}
    return judge(Claim("test accuracy", "%", published), values, **about, omitted=True)


def test_a_claim_is_one_line_with_the_numbers_of_the_reading_that_holds_it():
    # The middle reading is nearest, but its interval is narrow; the last one holds the figure.
    readings = [tried("a", [10, 11, 12]), tried("b", [85.6, 85.6, 85.6]), tried("c", [82, 84, 86])]
    _, line, *rest = lines(*settle_readings(readings))
    assert rest == []
    assert line[0] == "test accuracy, % (c; 1 of 3 readings tried hold it)"
    assert line[1:3] == ["85", "84 ± 2"]
    assert line[4] == "undetermined"


def test_a_single_reading_stands_beside_its_figure():
    _, line = lines(tried("pixels / 255", [85, 86, 87]))
    assert line[0] == "test accuracy, % (pixels / 255)"


def test_readings_that_disagree_leave_a_claim_undetermined():
    gap = Claim("gap", "points", kind="ordering")
    about = {"report": "D", "variant": "as published"}
    up, down = (judge(gap, [s, 1.1 * s, 1.2 * s], reading=f"{s}", **about) for s in (1, -1))
    assert [lines(*rows)[1][4] for rows in ([up], [down], [up, down])] == [
        "reproduced",
        "not reproduced",
        "undetermined",
    ]


def test_a_claim_without_a_unit_ends_with_its_name():
    about = {"report": "B", "variant": "as published"}
    assert lines(judge(Claim("recall", "", "0.9"), [0.9, 0.9, 0.9], **about))[1][0] == "recall"


def test_a_curve_tells_its_reading():
    points = [
        judge(Claim(f"loss at line {line}", "nats", "2"), [2, 2, 2], report="C", variant="v", reading=reading)
        for reading in ("a", "b")
        for line in range(6)
    ]
    assert [line[0] for line in lines(*points)[1:]] == [
        "loss at line 0 … 5, nats: 6 points (a)",
        "loss at line 0 … 5, nats: 6 points (b)",
    ]


def test_what_was_to_be_measured_and_was_not_run_says_so():
    claim = Claim("lost", "of 10", kind="measured")
    idle = not_run(claim, report="C", variant="as published", why="Run with --full.")
    assert lines(idle)[1][4] == "not run"
