"""The README's programs print what it says they print, and every link in the documentation leads somewhere.

A block ``python`` followed at once by a block ``text`` is a program and its output. Text is compared to the
letter; numbers to within 2e-3 or one unit of their last digit, as another BLAS adds in another order.
"""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import pellucid as pl
from pellucid.data import DataError

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?)")
LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)|(?:src|href)=\"([^\"]+)\"")


def programs(text):
    """Return each program with the output that the text prints below it."""
    blocks = list(BLOCK.finditer(text))
    return [
        (program[2], output[2])
        for program, output in pairwise(blocks)
        if program[1] == "python" and output[1] == "text" and not text[program.end() : output.start()].strip()
    ]


def differences(printed, expected):
    """Return where two texts differ, numbers compared as the module says."""
    pairs = [NUMBER.split(text.rstrip()) for text in (printed, expected)]
    if len(pairs[0]) != len(pairs[1]):
        return [(printed, expected)]
    return [(a, b) for i, (a, b) in enumerate(zip(*pairs, strict=True)) if not alike(a, b, number=i % 2)]


def alike(a, b, *, number):
    """Compare two pieces; blanks may differ in number where a figure has more digits than the other."""
    if not number:
        return re.sub(" +", " ", a) == re.sub(" +", " ", b)
    if "." not in b:
        return a == b  # an epoch, a count
    unit = 10.0 ** -len(b.split("e")[0].partition(".")[2])
    return abs(float(a) - float(b)) <= max(2e-3 * abs(float(b)), 1.01 * unit)


def test_there_is_a_program_to_run():
    assert programs(PAGES[0].read_text())


@pytest.mark.parametrize(("program", "output"), programs(PAGES[0].read_text()))
def test_the_readme_prints_what_it_says(program, output, tmp_path):
    for name in re.findall(r"load_dataset\(\"([\w-]+)\"", program):
        try:
            pl.load_dataset(name, progress=False)
        except DataError as error:
            pytest.skip(f"{name} cannot be loaded here: {str(error).splitlines()[0]}")
    command = [sys.executable, "-W", "error", "-c", program]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=one_thread, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert differences(done.stdout, output) == [], f"the program prints\n{done.stdout}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page):
    text = BLOCK.sub("", page.read_text())
    links = [one or other for one, other in LINK.findall(text)]
    here = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    assert [link for link in here if not (page.parent / link).exists()] == []


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
