"""Machine code: kept where it can be, never older than its source, and its making is told."""

import importlib.util
import logging
import os
import re

import pytest

from pellucid.compiled import jit as kernel


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder that stands for that of the compiled package."""
    monkeypatch.setattr(kernel, "__file__", str(tmp_path / "kernel.py"))
    (tmp_path / "other.py").touch()
    (tmp_path / "double.py").write_text("def double(x):\n    return 2 * x\n")
    for source in tmp_path.glob("*.py"):
        os.utime(source, (1e9, 1e9))
    return tmp_path


def load(folder):
    """Return the entry of the folder as a new process would make it."""
    spec = importlib.util.spec_from_file_location("double", folder / "double.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return kernel.entry(module.double)


def test_machine_code_is_kept(folder, caplog):
    caplog.set_level(logging.INFO, logger="pellucid")
    for n_told in (1, 1):
        double = load(folder)
        for number in (2, 3):
            with kernel.told_if_compiled(double):
                assert double(number) == 2 * number
        assert len(caplog.messages) == n_told
    assert re.fullmatch(r"compiled the training loop in \d+\.\d s; kept for next time", caplog.messages[0])


def test_machine_code_is_made_anew_when_any_source_has_changed(folder):
    load(folder)(2)
    assert sum(load(folder).stats.cache_misses.values()) == 0
    (folder / "other.py").touch()
    double = load(folder)
    double(2)
    assert sum(double.stats.cache_misses.values()) == 1


def test_without_a_folder_that_can_be_written_it_is_made_for_this_process(caplog):
    """Numba finds none for a function whose source is no file."""
    caplog.set_level(logging.INFO, logger="pellucid")
    names = {}
    exec(compile("def double(x):\n    return 2 * x\n", "<no file>", "exec"), names)
    double = kernel.entry(names["double"])
    with kernel.told_if_compiled(double):
        assert double(2) == 4
    assert caplog.messages[0].startswith("the machine code is not kept: cannot cache function 'double'")
    assert caplog.messages[1].endswith("; not kept: set NUMBA_CACHE_DIR to a folder")
