"""All code of the package that a run executes is in the digest that names the run."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import pellucid as pl
from pellucid.lab.report import PUBLISHED
from pellucid.lab.reports import a_run, b_run, c_run, d_run, e_run
from pellucid.provenance import RUNS, _sources

ROWS, TEST_ROWS = 120, 40
PACKAGE = Path(pl.__file__).parent


def run_a(*rows):
    a_run.run_on(*rows, [a_run.settings_of(a_run.ALL_CELLS[0], epochs=1)], 0)


def run_b(*rows):
    b_run.run_on(*rows, [b_run.settings_of(b_run.ALL_CELLS[0], iterations=1)], 0)


def run_c(*rows):
    c_run.run_on(*rows, {"iterations": 8}, 0)


def run_d(x, y, x_test, y_test):
    d_run.run_on(
        x / 255,
        y,
        x_test / 255,
        y_test,
        d_run.settings_of(PUBLISHED, "pixels / 255", "reshuffled", epochs=1),
        0,
    )


def run_e(x, y, x_test, y_test):
    cell = replace(e_run.ALL_CELLS[0], epochs=1)
    held_out = (x_test / 255, y_test)
    parts = {"train": (x / 255, y), "validation": held_out, "test": held_out}
    e_run.run_on(parts, e_run.settings_of(cell), 0)


def executed(call, *arguments):
    """Return the modules of the package whose code a call executes."""
    found = set()
    sys.setprofile(lambda frame, event, _: found.add(frame.f_code.co_filename) if event == "call" else None)
    try:
        call(*arguments)
    finally:
        sys.setprofile(None)
    paths = [Path(name) for name in found if name.startswith(str(PACKAGE))]
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in paths}


@pytest.mark.parametrize("run", [run_a, run_b, run_c, run_d, run_e])
def test_the_digest_covers_what_a_run_executes(run, images):
    modules = {name for name in executed(run, *images) if not name.endswith("__init__")}
    assert len(modules) > 10
    assert modules - _sources(RUNS, PACKAGE).keys() == set()
