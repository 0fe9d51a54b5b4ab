import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import pellucid
from pellucid.lab.running.environment import environment, fingerprint, source_digest


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Copy a part of the package and let the digest be taken of the copy."""
    package = Path(pellucid.__file__).parent
    copy = tmp_path / "pellucid"
    shutil.copytree(package / "lab", copy / "lab")
    monkeypatch.setattr(pellucid, "__file__", str(copy / "__init__.py"))
    return copy / "lab"


def digest():
    """Take the digest anew: the program takes it once."""
    return source_digest.__wrapped__()


@pytest.mark.parametrize("name", ["ledger.py", "page.html.jinja", "reports/c.py"])
def test_any_change_of_the_source_shows(source, name):
    before = digest()
    path = source / name
    path.write_text(path.read_text() + "\n")
    assert digest() != before


def test_the_command_line_is_left_out(source):
    before = digest()
    (source.parent / "cli").mkdir()
    (source.parent / "cli" / "train.py").write_text("")
    assert digest() == before
    (source.parent / "app").mkdir()
    (source.parent / "app" / "train.py").write_text("")
    assert digest() == before
    assert source_digest.__wrapped__(with_app=True) != before
    (source.parent / "training.py").write_text("")
    assert digest() != before


def test_a_new_name_shows_and_compiled_files_do_not(source):
    before = digest()
    (source / "__pycache__").mkdir(exist_ok=True)
    (source / "__pycache__" / "ledger.cpython-399.pyc").write_bytes(b"compiled")
    assert digest() == before
    (source / "ledger.py").rename(source / "ledger_2.py")
    assert digest() != before


def test_where_two_files_meet_shows(source):
    """Text moved from the end of a file to the head of the next is a change, though all bytes stay."""
    (source / "a.py").write_text("x = 1\n")
    (source / "b.py").write_text("y = 2\n")
    before = digest()
    (source / "a.py").write_text("x = 1\ny = 2\n")
    (source / "b.py").write_text("")
    assert digest() != before


def test_the_environment_names_versions_and_hardware():
    facts = environment()
    assert facts["pellucid"] == pellucid.__version__
    assert facts["numpy"] == np.__version__
    assert facts["cores"] == os.cpu_count()
    assert facts["source sha256"] == source_digest()
    assert facts["cpu"]
    assert facts["blas"].split()
    assert facts["blas threads"] >= 1
    assert json.loads(json.dumps(facts)) == facts


def test_a_fingerprint_changes_with_whatever_a_run_is_made_of():
    made_of = {"seed": 1, "settings": {"epochs": 2, "hidden": [3]}, "environment": environment()}
    prints = {fingerprint(made_of), fingerprint(dict(reversed(made_of.items())))}
    assert len(prints) == 1
    for change in (
        {"seed": 2},
        {"settings": {"epochs": 2, "hidden": [4]}},
        {"environment": {"blas threads": 3}},
    ):
        prints.add(fingerprint({**made_of, **change}))
    assert len(prints) == 4
