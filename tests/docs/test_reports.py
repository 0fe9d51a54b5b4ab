"""docs/reports.md: its programs print the output shown, and every name of pellucid in it exists."""

import ast
import inspect
import re
from pathlib import Path

import pytest
from tests.snippets import BLOCK, differences, lost_links, programs, run_program

import pellucid as pl

PAGE = Path(__file__).parents[2] / "docs" / "reports.md"
TEXT = PAGE.read_text()
#: Our code in the tables, such as `pl.Dense(10)` or `pl.Record.loss`.
OURS = sorted(set(re.findall(r"`(pl\.[^`]+)`", BLOCK.sub("", TEXT))))
SECTIONS = re.split(r"^## Report ", TEXT, flags=re.MULTILINE)[1:]


def named(node):
    """Return the object that an expression of the page names; for a call of a class, the class."""
    if isinstance(node, ast.Attribute):
        return member(named(node.value), node.attr)
    if isinstance(node, ast.Call):
        function = named(node.func)
        arguments = {keyword.arg: ... for keyword in node.keywords}
        inspect.signature(function).bind_partial(*node.args, **arguments)
        return function
    assert isinstance(node, ast.Name)
    assert node.id == "pl"
    return pl


def member(owner, name):
    """Return an attribute of a module or class; an attribute of instances must be documented or annotated."""
    if hasattr(owner, name):
        return getattr(owner, name)
    annotated = any(name in vars(base).get("__annotations__", {}) for base in owner.__mro__)
    documented = re.search(rf"^ +(?:\w+, )*{name}(?:, \w+)* :", owner.__doc__, re.MULTILINE)
    assert annotated or documented, f"{owner.__name__} has no {name}"
    return None


@pytest.mark.parametrize("code", OURS)
def test_what_is_named_exists(code):
    for node in ast.walk(ast.parse(code, mode="eval")):
        if isinstance(node, ast.Call) or (isinstance(node, ast.Attribute) and node.attr != "float64"):
            named(node)


@pytest.mark.parametrize(
    "code",
    [
        "pl.Dens(10)",
        "pl.Dense(10, inti=pl.zeros)",
        "pl.Dense(10, init=pl.zero)",
        "pl.Network.fit",
        "pl.Record.losses",
        "pl.SGD(0.1).update_params",
        "pl.accuracy(1, 2, 3)",
        "pl.train(...).loss",
    ],
)
def test_what_does_not_exist_is_found(code):
    with pytest.raises((AssertionError, AttributeError, TypeError)):
        test_what_is_named_exists(code)


@pytest.mark.parametrize(("program", "output"), programs(TEXT), ids=list("ABCDE"))
def test_programs_print_what_the_page_says(program, output, tmp_path):
    printed = run_program(program, tmp_path)
    assert differences(printed, output) == [], f"the program prints\n{printed}"


def test_each_report_has_a_table_a_program_and_a_command():
    assert [section[0] for section in SECTIONS] == list("ABCDE")
    for section in SECTIONS:
        assert len(programs(section)) == 1
        assert f'make reproduce ARGS="--report {section[0]}"' in section
        rows = [line for line in section.splitlines() if line.startswith("|")]
        assert rows[0] == "| theirs | ours | what differs |"
        assert len(rows) > 12
        # A bar in code has a backslash.
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}


def test_every_theirs_has_an_ours_or_a_reason():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in TEXT.splitlines()
        if line.startswith("| ") and not line.startswith("| theirs")
    ]
    assert [row for row in rows if not row[0] or not ("`pl." in row[1] or (row[1] == "—" and row[2]))] == []


def test_slips_that_are_named_stand_in_the_derivations():
    derivations = (PAGE.parent / "derivations.md").read_text()
    found = set(re.findall(r"\bS\d+\b", BLOCK.sub("", TEXT)))
    assert len(found) > 10
    assert [slip for slip in found if f"**({slip})**" not in derivations] == []


def test_every_link_leads_to_a_file_and_a_heading():
    assert lost_links(PAGE) == []
