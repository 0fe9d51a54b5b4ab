import pytest
from rich.console import Console

from pellucid.lab.ledger import Claim, judge, not_run
from pellucid.lab.terminal import ledger_table


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
    assert names[3:5] == ["loss at line 10 … 60, %: 6 points", "C · as intended"]
