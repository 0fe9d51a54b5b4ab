"""The README is short, its programs print the output shown, and every link in the documentation works."""

from pathlib import Path

import pytest
from tests.snippets import differences, lost_links, programs, run_program

ROOT = Path(__file__).parents[1]
ROOT_PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*ROOT_PAGES, *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize(("page", "limit"), [("README.md", 110), ("docs/architecture.md", 150)])
def test_pages_that_must_stay_short(page, limit):
    assert len((ROOT / page).read_text().splitlines()) <= limit


def test_the_first_screen_has_ten_lines_of_code_and_their_output():
    ((program, output),) = programs(PAGES[0].read_text())
    assert len(program.strip().splitlines()) <= 10
    assert PAGES[0].read_text().split(output)[0].count("\n") < 30


@pytest.mark.parametrize(("program", "output"), programs(PAGES[0].read_text()))
def test_the_program_prints_the_output_shown(program, output, tmp_path):
    printed = run_program(program, tmp_path)
    assert differences(printed, output) == [], f"the program prints\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page):
    assert lost_links(page) == []


@pytest.mark.parametrize(
    ("printed", "expected", "same"),
    [
        ("loss 0.500 in 3\n", "loss 0.501 in 3\n", True),
        ("loss 0.500\n", "loss 0.503\n", False),
        ("loss 0.9990\n", "loss 1.0005\n", True),
        ("epoch 3\n", "epoch 4\n", False),
        ("loss 0.5\n", "lose 0.5\n", False),
        ("loss 0.5\n", "loss -0.5\n", False),
        ("1.0 2.0\n", "1.0\n", False),
        ("", "1.0\n", False),
        ("nan\n", "1.0\n", False),
    ],
)
def test_how_outputs_are_compared(printed, expected, same):
    assert (differences(printed, expected) == []) is same


def test_how_programs_are_found():
    kinds = [("python", "a"), ("text", "1"), ("sh", "b"), ("python", "c"), ("", "prose"), ("text", "2")]
    blocks = [f"```{kind}\n{line}\n```\n" if kind else f"{line}\n" for kind, line in kinds]
    assert programs("\n".join(blocks)) == [("a\n", "1\n")]
