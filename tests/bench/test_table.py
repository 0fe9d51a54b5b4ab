"""The tables as Markdown and on the screen."""

from io import StringIO

from bench.table import markdown, terminal
from rich.console import Console


def test_markdown_has_tables_of_equal_columns_and_the_notes(results):
    text = markdown(results)
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) <= 1
    assert "| D: 784-10, batch 32, SGD | 2 | 9 | – | 3 |" in text
    assert "≥ 1.7 not met" in text
    assert "`pellucid train`" in text
    assert text.splitlines()[-1].startswith("- a processor")


def test_a_smoke_run_says_so_first(results):
    assert markdown({**results, "quick": True}).startswith("Smoke run on few rows")


def test_results_without_parts(results):
    assert markdown({**results, "parts": {}}) == "- a processor, 2 cores, Linux."
    assert terminal({**results, "parts": {}}) == []


def test_tables_on_a_narrow_screen(results):
    screen = StringIO()
    Console(width=80, file=screen).print(*terminal(results))
    text = screen.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert all(word in text for word in ("Ratios", "T98", "not met", "2 of 2"))
