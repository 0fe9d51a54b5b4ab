"""Worker processes of this machine; runs are done in this process where jobs=1."""

import os
from concurrent.futures import BrokenExecutor
from contextlib import closing
from signal import SIGINT, default_int_handler, getsignal
from warnings import warn

import pytest
from joblib import Parallel, cpu_count

from pellucid.lab.report import Run
from pellucid.lab.running import pool as module
from pellucid.lab.running.pool import LocalPool

TASKS = [([Run("F", {"rate": r}, seed, cost=1.0) for r in (1, 2)], {"toy": "ff"}) for seed in range(6)]
GROUPS = [group for group, _ in TASKS]


def test_a_pool_counts_no_more_than_the_cores():
    assert (LocalPool(1).at_once, LocalPool(10_000).at_once) == (1, cpu_count())
    assert str(LocalPool(10_000)) == "10000 at a time"


def test_one_job_goes_through_the_tasks_in_order(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "carry_out", lambda *task: asked.append(task) or [b"a run", b"b"])
    with closing(LocalPool(1).carry_out(TASKS)) as ended:
        assert [next(ended) for _ in range(3)] == [(group, [b"a run", b"b"]) for group in GROUPS[:3]]
    assert asked == TASKS[:3]  # closed early, it does not go on


def test_two_processes_share_the_tasks(monkeypatch):
    def process_id(task):  # local, so that it travels by value: a worker knows no test module
        return task[0], [str(os.getpid()).encode()]

    monkeypatch.setattr(module, "_do", process_id)
    ended = list(LocalPool(2).carry_out(TASKS))
    assert sorted((group for group, _ in ended), key=lambda group: group[0].seed) == GROUPS
    assert str(os.getpid()).encode() not in {content for _, contents in ended for content in contents}


def test_a_worker_that_is_replaced_between_two_tasks_is_no_news(monkeypatch):
    def replace_one(*_):
        warn(
            "A worker stopped while some jobs were given to the executor. This can be",
            UserWarning,
            stacklevel=1,
        )
        yield TASKS[0][0], [b"", b""]

    monkeypatch.setattr(Parallel, "__call__", replace_one)
    assert len(list(LocalPool(2).carry_out(TASKS[:1]))) == 1


def test_a_worker_that_dies_while_tasks_are_handed_out_is_told_in_words_too(monkeypatch):
    def broken(*_):
        raise BrokenExecutor("a worker was terminated")

    monkeypatch.setattr(Parallel, "__call__", broken)
    with pytest.raises(ChildProcessError, match=r"a worker process was killed.*--jobs below 2"):
        list(LocalPool(2).carry_out(TASKS))
    assert getsignal(SIGINT) is default_int_handler  # Ctrl-C works again


def test_a_killed_worker_is_told_in_words(monkeypatch):
    def die_at_the_third(task):
        return os._exit(9) if task[0][0].seed == 2 else (task[0], [b""])

    monkeypatch.setattr(module, "_do", die_at_the_third)
    with pytest.raises(ChildProcessError, match=r"a worker process was killed.*resume.*--jobs below 2"):
        list(LocalPool(2).carry_out(TASKS))
