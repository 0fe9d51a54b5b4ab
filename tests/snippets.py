"""Programs and links in the documentation, for tests.

A ``python`` block directly followed by a ``text`` block is a program and its output. Text must be equal.
Numbers may differ by 2e-3, relatively, or by one unit of their last digit, because BLAS libraries add in
different orders.
"""

import os
import re
import subprocess
import sys
from itertools import pairwise

import pytest

import pellucid as pl
from pellucid.data import DataError

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?)")
LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)|(?:src|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def programs(text):
    """Return each program with the output that the text prints below it."""
    blocks = list(BLOCK.finditer(text))
    return [
        (program[2], output[2])
        for program, output in pairwise(blocks)
        if program[1] == "python" and output[1] == "text" and not text[program.end() : output.start()].strip()
    ]


def run_program(program, folder):
    """Run a program in a folder and return its output; skip the test if its data cannot be loaded."""
    for name in re.findall(r"load_dataset\(\"([\w-]+)\"", program):
        try:
            pl.load_dataset(name, progress=False)
        except DataError as error:
            pytest.skip(f"{name} cannot be loaded here: {str(error).splitlines()[0]}")
    command = [sys.executable, "-W", "error", "-c", program]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=folder, env=one_thread, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def differences(printed, expected):
    """Return where two texts differ."""
    pairs = [NUMBER.split(text.rstrip()) for text in (printed, expected)]
    if len(pairs[0]) != len(pairs[1]):
        return [(printed, expected)]
    return [(a, b) for i, (a, b) in enumerate(zip(*pairs, strict=True)) if not alike(a, b, number=i % 2)]


def alike(a, b, *, number):
    """Compare two pieces; the number of blanks may differ, since numbers may have more digits."""
    if not number:
        return re.sub(" +", " ", a) == re.sub(" +", " ", b)
    if "." not in b:
        return a == b  # an epoch, a count
    unit = 10.0 ** -len(b.split("e")[0].partition(".")[2])
    return abs(float(a) - float(b)) <= max(2e-3 * abs(float(b)), 1.01 * unit)


def lost_links(page):
    """Return the links of a Markdown page whose file or heading does not exist."""
    links = [one or other for one, other in LINK.findall(BLOCK.sub("", page.read_text()))]
    return [link for link in links if not re.match(r"[a-z]+:", link) and not _leads_somewhere(page, link)]


def _leads_somewhere(page, link):
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or target.suffix != ".md" or anchor in anchors(target.read_text()))


def anchors(text):
    """Return the anchors that GitHub gives to the headings of a page."""
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        for title in HEADING.findall(BLOCK.sub("", text))
    }
