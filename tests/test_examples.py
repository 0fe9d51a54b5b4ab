"""The examples run quickly and without warnings, and reach the expected figures."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def output_of(name):
    """Run an example as a script; return its output."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_from_scratch():
    found = re.findall(r"epoch +(\d+) +loss ([\d.]+) +test accuracy ([\d.]+)%", output_of("from_scratch.py"))
    assert [int(epoch) for epoch, _, _ in found] == list(range(1, 11))
    assert float(found[-1][1]) < 0.1 * float(found[0][1])
    assert float(found[-1][2]) > 90


def test_early_stopping():
    pytest.importorskip("rich")
    found = re.search(
        r"stopped after epoch (\d+), best epoch (\d+), test accuracy ([\d.]+)%",
        output_of("early_stopping.py"),
    )
    stopped, best = int(found[1]), int(found[2])
    assert stopped == best + 10 < 100
    assert float(found[3]) > 95
