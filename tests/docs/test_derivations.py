"""docs/derivations.md: each numbered formula has a test, each test a formula; links and maths are valid."""

import re
from pathlib import Path

import pytest
from tests.snippets import BLOCK, lost_links

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "derivations.md"
TEXT = PAGE.read_text()
#: The number of a formula is in bold type where the formula is stated: **(2.2)**, **(S2)**.
NAMED = re.findall(r"\*\*\((S\d+|\d+\.\d+)\)\*\*", TEXT)
MATHS = [
    match[1] or match[2]
    for match in re.finditer(r"\$\$(.+?)\$\$|\$([^$\n]+(?:\n[^$\n]+)?)\$", re.sub(r"`[^`\n]+`", "", TEXT))
]


def numbers_in_test_names():
    """Yield the number in the name of each test: test_2_2_…, test_s2_…."""
    for path in HERE.glob("test_*.py"):
        for section, formula in re.findall(r"^def test_(s|\d+_)(\d+)_", path.read_text(), re.MULTILINE):
            yield f"S{formula}" if section == "s" else f"{section[:-1]}.{formula}"


def test_every_formula_has_one_check_and_every_check_a_formula():
    assert sorted(NAMED) == sorted(numbers_in_test_names())


def test_numbers_run_without_gaps():
    sections = {}
    for number in NAMED:
        section, _, formula = number.replace("S", "S.").partition(".")
        sections.setdefault(section, []).append(int(formula))
    assert [*sections] == [*map(str, range(1, 13)), "S"]
    assert all(found == [*range(1, len(found) + 1)] for found in sections.values())


def test_what_the_text_refers_to_exists():
    assert set(re.findall(r"\((S\d+|\d{1,2}\.\d)\)", TEXT)) <= set(NAMED)


def test_every_section_links_to_its_source():
    sections = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
    numbered = [section for section in sections if section[0].isdigit()]
    assert len(numbered) == 12
    assert [section.splitlines()[0] for section in numbered if "](../src/pellucid/" not in section] == []
    assert [section.splitlines()[0] for section in numbered if not re.search(r"Sources?:", section)] == []


def test_works_cited_and_works_listed_are_the_same():
    body, _, listed = TEXT.partition("## References")
    works = re.findall(r"^- (.+?)(?:, .+?)? \((\d{4})\), ", listed, re.MULTILINE)
    assert len(works) == listed.count("\n- ")
    unused = [work for work in works if not re.search(rf"{work[0]}[^.]{{0,80}}\b{work[1]}\b", body)]
    assert unused == []
    assert set(re.findall(r"\b(?:19|20)\d\d\b", body)) == {year for _, year in works}


def test_every_link_leads_to_a_file():
    assert lost_links(PAGE) == []


def test_there_is_mathematics():
    assert len(MATHS) > 300
    assert not BLOCK.search(TEXT)


@pytest.mark.parametrize(
    ("clash", "why"),
    [
        (r"(?<![A-Za-z0-9])_", "may open emphasis: write a letter or digit before _"),
        (r"\\[^A-Za-z ]", "Markdown eats a backslash before punctuation"),
        (r"\*\S|\S\*", "may open emphasis"),
        (r"<", "may open an HTML tag: write \\lt"),
        (r"\\(?:operatorname|tag|begin|DeclareMathOperator|def)\b", "not rendered everywhere"),
        (r"\]\(", "reads as a link"),
    ],
)
def test_mathematics_does_not_clash_with_markdown(clash, why):
    assert [maths for maths in MATHS if re.search(clash, maths)] == [], why


def test_inline_mathematics_stands_between_blanks_or_punctuation():
    text = re.sub(r"\$\$.+?\$\$|`[^`\n]+`", "", TEXT)
    around = re.findall(r"(.)\$[^$]+\$(.)", text, re.DOTALL)
    assert len(around) > 250
    assert [pair for pair in around if not re.fullmatch(r"[\s(][\s.,;:)?]", "".join(pair))] == []


def test_brackets_are_balanced():
    assert [maths for maths in MATHS if maths.count("{") != maths.count("}")] == []
    assert [maths for maths in MATHS if maths.count("(") != maths.count(")")] == []


def test_displayed_formulas_stand_alone():
    lines = TEXT.splitlines()
    shown = [i for i, line in enumerate(lines) if "$$" in line]
    assert [lines[i] for i in shown if not re.fullmatch(r"\$\$[^$]+\$\$", lines[i])] == []
    assert [lines[i] for i in shown if lines[i - 1] or lines[i + 1]] == []
