"""The record of versions and hardware, the warning if they change, and the digests that name results."""

import json
import logging
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import pellucid as pl
from pellucid import provenance
from pellucid.provenance import (
    RUNS,
    VARIABLES,
    arithmetic,
    blas_in_use,
    environment,
    fingerprint,
    source_digest,
    usual_threads,
    version,
    warn_of_changes,
)


def test_threads_are_those_that_blas_uses_now():
    with threadpool_limits(1, user_api="blas"):
        assert blas_in_use()["blas threads"] == 1
        assert arithmetic([], with_blas=True, with_threads=True)["blas threads"] == 1


def test_what_has_no_part_is_left_out():
    assert set(arithmetic([], with_blas=False, with_threads=False)) == {"numpy"}
    assert "blas threads" not in arithmetic(["scipy"], with_blas=True, with_threads=False)
    assert arithmetic(["scipy"], with_blas=False, with_threads=False)["scipy"] == version("scipy")


def test_a_package_that_is_not_there_has_no_version():
    assert version("there-is-no-such-package") is None


def test_without_threadpoolctl_threads_are_those_that_a_variable_says(monkeypatch):
    monkeypatch.setattr(provenance, "find_spec", lambda name: None)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert blas_in_use() == {"blas kernel": None, "blas threads": usual_threads()}
    assert 1 <= usual_threads() <= os.cpu_count()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert usual_threads() == 3
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "5")
    assert blas_in_use()["blas threads"] == 5


@pytest.mark.parametrize(
    ("then", "lines"),
    [
        ({"numpy": "1", "blas threads": 2}, []),
        ({}, []),
        ({"numpy": None, "gone": 3}, []),
        (
            {"numpy": "1", "blas threads": 4},
            [
                "a.ckpt was made with blas threads 4 and resumes with blas threads 2: the bits may differ "
                "from those of an uninterrupted run"
            ],
        ),
        (
            {"numpy": "0\n", "blas threads": 2},
            [
                "a.ckpt was made with numpy '0\\n' and resumes with numpy '1': the bits may differ from "
                "those of an uninterrupted run"
            ],
        ),
    ],
)
def test_only_known_differences_are_reported(caplog, then, lines):
    warn_of_changes(then, {"numpy": "1", "blas threads": 2, "blas kernel": None}, "a.ckpt")
    assert [(each.name, each.levelno, each.message) for each in caplog.records] == [
        ("pellucid", logging.WARNING, line) for line in lines
    ]


def train(path, *, epochs, **settings):
    net = pl.Network([pl.Dense(2)]).build(2, rng=np.random.default_rng(0))
    task = net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), np.eye(2), np.array([0, 1])
    return len(list(pl.train(*task, epochs=epochs, checkpoint=path, resume=True, **settings)))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("deterministic", [False, True])
def test_a_training_that_goes_on_with_other_threads_says_so(tmp_path, caplog, compiled, deterministic):
    settings = {"compiled": compiled, "deterministic": deterministic}
    with threadpool_limits(2, user_api="blas"):
        if blas_in_use()["blas threads"] != 2:
            pytest.skip("the threads of this BLAS cannot be set")
        train(tmp_path / "a", epochs=1, **settings)
        assert train(tmp_path / "a", epochs=2, **settings) == 2
    assert caplog.records == []
    with threadpool_limits(1, user_api="blas"):
        assert train(tmp_path / "a", epochs=3, **settings) == 2
    lines = [] if deterministic else ["blas threads 2 and resumes with blas threads 1: the bits may"]
    assert [line in each.message for line, each in zip(lines, caplog.records, strict=True)] == [True] * len(
        lines
    )


def test_the_warning_is_one_line_of_its_own_where_no_logging_is_set_up():
    code = "from pellucid.provenance import warn_of_changes; warn_of_changes({'a': 1}, {'a': 2}, 'b')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (
        "",
        "b was made with a 1 and resumes with a 2: the bits may differ from those of an uninterrupted run\n",
    )


@pytest.mark.parametrize(("said", "found"), [("3", 3), ("0", 1)])
def test_a_variable_says_how_many_threads_blas_takes(said, found, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(VARIABLES[0], said)
    assert usual_threads() == found
    monkeypatch.setenv(VARIABLES[0], "²")
    assert usual_threads() >= 1


@pytest.fixture
def package(tmp_path):
    """Return a copy of the package."""
    source = Path(pl.__file__).parent
    return Path(shutil.copytree(source, tmp_path / "pellucid", ignore=shutil.ignore_patterns("__pycache__")))


def edited(package, name, old, new):
    """Edit a file of the copy, and return its digest."""
    text = (package / name).read_text()
    assert old in text
    (package / name).write_text(text.replace(old, new, 1))
    return source_digest.__wrapped__(folder=package)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("training/loop.py", '"""The training loop', '"""A training loop'),
        ("layers/dense.py", "\n\n\nclass", "\n\n\n# A comment.\nclass"),
        ("layers/activations.py", '        """', '        """Another word. '),
        ("compiled/gpu/kernels.cu", "//", "// another comment,"),
        ("drawing/svg.py", "import", "import os\nimport"),
        ("cli/__init__.py", "import", "import os\nimport"),
        ("lab/pictures/charts.py", "import", "import os\nimport"),
    ],
)
def test_the_digest_ignores_comments_docstrings_and_what_only_shows_results(package, name, old, new):
    before = source_digest.__wrapped__(folder=package)
    assert edited(package, name, old, new) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("training/loop.py", "model.backward(dy)", "model.backward(2 * dy)"),
        ("layers/activations.py", "return dy\n", "return 2 * dy\n"),
        ("losses.py", "+=", "-="),
        ("compiled/formulas.py", "f(1 - share)", "f(2 - share)"),
        ("compiled/gpu/kernels.cu", "+", "-"),
        ("interop/torch/twin.py", "zero_grad()", "zero_grad(True)"),
        ("lab/reports/a_run.py", "40_000", "40_001"),
        ("data/split.py", "import", "import os\nimport"),
        ("lab/learning_curves.py", '["x"].append(x)', '["x"].append(2 * x)'),
    ],
)
def test_the_digest_changes_with_any_formula(package, name, old, new):
    before = source_digest.__wrapped__(folder=package)
    assert edited(package, name, old, new) != before


def test_the_digest_changes_where_code_moves_from_one_file_to_another(package):
    first, second = package / "metrics.py", package / "schedules.py"
    before = source_digest.__wrapped__(folder=package)
    line = "moved = 1\n"
    first.write_text(first.read_text() + line)
    there = source_digest.__wrapped__(folder=package)
    first.write_text(first.read_text().removesuffix(line))
    second.write_text(second.read_text() + line)
    assert len({before, there, source_digest.__wrapped__(folder=package)}) == 3


def test_the_digest_starts_where_reports_are_run():
    folder = Path(pl.__file__).parent / "lab" / "reports"
    assert {f"lab.reports.{path.stem}" for path in folder.glob("*_run.py")} == {*RUNS}
    with pytest.raises(ValueError, match=r"there is no module 'lab\.missing'"):
        source_digest(("lab.missing",))


def test_the_environment_names_versions_and_hardware():
    facts = environment()
    assert facts["pellucid"] == pl.__version__
    assert facts["numpy"] == np.__version__
    assert facts["cores"] == os.cpu_count()
    assert facts["source sha256"] == source_digest()
    assert facts["python"] == platform.python_version()
    assert facts["cpu"]
    assert facts["blas"].split()
    assert facts["blas threads"] >= 1
    assert json.loads(json.dumps(facts)) == facts


def test_a_fingerprint_changes_with_everything_that_a_run_depends_on():
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
