"""What the bits of a training depend on is noted, and a change of it is told in one line."""

import logging
import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import pellucid as pl
from pellucid import provenance as machine
from pellucid.provenance import VARIABLES, arithmetic, blas_in_use, usual_threads, version, warn_of_changes


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
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert blas_in_use() == {"blas kernel": None, "blas threads": usual_threads()}
    assert 1 <= usual_threads() <= os.cpu_count()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert usual_threads() == 3
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "5")
    assert blas_in_use()["blas threads"] == 5


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ({"numpy": "1", "blas threads": 2}, []),
        ({}, []),
        ({"numpy": None, "gone": 3}, []),
        (
            {"numpy": "1", "blas threads": 4},
            [
                "a.ckpt was made with blas threads 4, and goes on with blas threads 2: the same bits as "
                "without a break are not promised"
            ],
        ),
        (
            {"numpy": "0\n", "blas threads": 2},
            [
                "a.ckpt was made with numpy '0\\n', and goes on with numpy '1': the same bits as without "
                "a break are not promised"
            ],
        ),
    ],
)
def test_only_what_is_known_to_differ_is_told(caplog, then, told):
    warn_of_changes(then, {"numpy": "1", "blas threads": 2, "blas kernel": None}, "a.ckpt")
    assert [(each.name, each.levelno, each.message) for each in caplog.records] == [
        ("pellucid", logging.WARNING, line) for line in told
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
    told = [] if deterministic else ["blas threads 2, and goes on with blas threads 1: the same bits"]
    assert [line in each.message for line, each in zip(told, caplog.records, strict=True)] == [True] * len(
        told
    )


def test_the_warning_is_one_line_of_its_own_where_no_logging_is_set_up():
    code = "from pellucid.provenance import warn_of_changes; warn_of_changes({'a': 1}, {'a': 2}, 'b')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (
        "",
        "b was made with a 1, and goes on with a 2: the same bits as without a break are not promised\n",
    )


@pytest.mark.parametrize(("said", "found"), [("3", 3), ("0", 1)])
def test_a_variable_says_how_many_threads_blas_takes(said, found, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(VARIABLES[0], said)
    assert usual_threads() == found
    monkeypatch.setenv(VARIABLES[0], "²")
    assert usual_threads() >= 1
