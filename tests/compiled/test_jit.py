"""Machine code is cached on disk, is never older than its source, and compiling is logged."""

import importlib.util
import logging
import os
import re

import pytest

from pellucid.compiled import jit


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder that stands for the folder of the compiled package."""
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "jit.py"))
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "other.py").touch()
    (tmp_path / "double.py").write_text("def double(x):\n    return 2 * x\n")
    for source in tmp_path.rglob("*.py"):
        os.utime(source, (1e9, 1e9))
    return tmp_path


def load(folder):
    """Return the entry of the folder as a new process would load it."""
    spec = importlib.util.spec_from_file_location("double", folder / "double.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return jit.entry(module.double)


def test_machine_code_is_kept(folder, caplog):
    caplog.set_level(logging.INFO, logger="pellucid")
    for n_messages in (1, 1):
        double = load(folder)
        for number in (2, 3):
            with jit.log_compile_time(double):
                assert double(number) == 2 * number
        assert len(caplog.messages) == n_messages
    assert re.fullmatch(r"compiled the training loop in \d+\.\d s; kept for next time", caplog.messages[0])


def test_code_is_compiled_again_if_any_source_has_changed(folder):
    load(folder)(2)
    assert sum(load(folder).stats.cache_misses.values()) == 0
    (folder / "inner" / "other.py").touch()
    double = load(folder)
    double(2)
    assert sum(double.stats.cache_misses.values()) == 1


def test_without_a_writable_folder_code_is_compiled_for_this_process(caplog):
    """Numba finds no folder for a function whose source is not a file."""
    caplog.set_level(logging.INFO, logger="pellucid")
    names = {}
    exec(compile("def double(x):\n    return 2 * x\n", "<no file>", "exec"), names)
    double = jit.entry(names["double"])
    with jit.log_compile_time(double):
        assert double(2) == 4
    assert caplog.messages[0].startswith("the machine code is not kept: cannot cache function 'double'")
    assert caplog.messages[1].endswith("; not kept: set NUMBA_CACHE_DIR to a folder")
