"""A real cluster of two worker processes, which know the report F below and load the digits themselves."""

import gc
import json
import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest

import pellucid as pl
from pellucid.lab.claims import Claim
from pellucid.lab.ledger import judge
from pellucid.lab.report import Mode
from pellucid.lab.reports import REPORTS
from pellucid.lab.running import cluster as module
from pellucid.lab.running.pool import LocalPool
from pellucid.lab.running.rerun import Rerun

distributed = pytest.importorskip("distributed")

from dask import config  # noqa: E402

ANY_PORT = "127.0.0.1:0"


def tiny_report():
    """Return report F: a small network trained on the digits, by several learning rates.

    All is made within the function, so that it travels to the workers by value.
    """

    def train(group, seed):
        return [train_one(settings, seed) | {"together": len(group)} for settings in group]

    def train_one(settings, seed):
        import os
        import time
        from pathlib import Path

        import numpy as np
        from threadpoolctl import threadpool_info

        import pellucid as pl

        def is_first(path):  # of runs that ask at the same moment, one alone makes the folder
            try:
                Path(path).mkdir()
            except FileExistsError:
                return False
            return True

        if settings.get("dies") or ("dies once" in settings and is_first(settings["dies once"])):
            os._exit(9)
        time.sleep(settings.get("sleeps", 0))
        data = pl.load_dataset("digits")
        net = pl.Network([pl.Rescale(1 / 16), pl.Dense(10)]).build(64, rng=np.random.default_rng(seed))
        loss, steps = pl.SoftmaxCrossEntropy(), pl.SGD(settings["rate"])
        records = list(pl.train(net, loss, steps, data.x_train, data.y_train, epochs=3))
        return {
            "accuracy": 100 * records[-1].accuracy,
            "process": os.getpid(),
            "threads": max(pool["num_threads"] for pool in threadpool_info()),
        }

    def plan(mode):
        from pellucid.lab.report import Run

        return [Run("F", {"rate": rate}, seed, rate) for rate in (0.1, 0.5) for seed in range(mode.seeds)]

    def rows(finished):
        found = {}
        for run in finished:
            found.setdefault(run.settings["rate"], []).append(run.result["accuracy"])
        about = {"report": "F", "variant": "as published"}
        claims = {rate: Claim(f"accuracy, rate {rate}", "%", kind="measured") for rate in found}
        return [judge(claims[rate], values, **about) for rate, values in found.items()]

    from pellucid.lab.report import Report

    nothing = (lambda finished: [],) * 2
    return Report("F", "Digits", "", "", "", (), (), plan, train, rows, *nothing, data_sets=("digits",))


@pytest.fixture(scope="module")
def address():
    """Start a scheduler and two workers, which a lost one's successor is like; a run may cost one worker."""

    class Knows(distributed.WorkerPlugin):
        def __init__(self, train):
            self.train = train

        def setup(self, worker):
            from types import SimpleNamespace

            from pellucid.lab.reports import REPORTS

            REPORTS["F"] = SimpleNamespace(run=self.train, data_sets=("digits",))

    settings = {"distributed.nanny.pre-spawn-environ": {}, "distributed.scheduler.allowed-failures": 1}
    with pytest.MonkeyPatch.context() as patch, config.set(settings):
        for name in module.THREAD_SETTINGS:
            patch.delenv(name, raising=False)
        workers = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ANY_PORT}
        with distributed.LocalCluster(**workers) as local, distributed.Client(local) as client:
            client.register_plugin(Knows(tiny_report().run))
            yield local.scheduler_address


@pytest.fixture
def pool(address):
    with module.connect(address) as found:
        yield found


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Start a session on report F, in a folder of its own; `data` stands in for the digits."""
    report = tiny_report()
    monkeypatch.setitem(REPORTS, "F", report)

    def session(folder="results", seeds=3, data=None):
        return Rerun([report], Mode("default", seeds), [data or pl.load_dataset("digits")], tmp_path / folder)

    return session


def with_settings(session, **settings):
    session.plans["F"] = [replace(run, settings=run.settings | settings) for run in session.plans["F"]]
    return session


def test_a_cluster_gives_the_same_ledger(start, pool):
    ledgers = []
    for folder, each in (("here", LocalPool(1)), ("there", pool)):
        session = start(folder)
        done = list(session.carry_out(each))
        assert sorted((run.settings["rate"], run.seed) for run in done) == [
            (rate, seed) for rate in (0.1, 0.5) for seed in range(3)
        ]
        session.write()
        ledgers.append(json.loads((session.folder / "ledger.json").read_text()))
    assert ledgers[0]["rows"] == ledgers[1]["rows"]
    assert [row["seeds"] for row in ledgers[0]["rows"]] == [3, 3]
    slow, fast = (row["mean"] for row in ledgers[0]["rows"])
    assert 10 < slow < fast  # they learn
    assert ledgers[0]["command"] == ledgers[1]["command"]
    results = [run.result for run in session.finished("F")]
    assert len({result["process"] for result in results} - {os.getpid()}) == 2
    assert {result["threads"] for result in results} == {1}  # one for each of a worker's threads
    assert (pool.at_once, str(pool)) == (2, f"2 at a time on {pool.address}")


def test_runs_trained_together_are_one_task(start, pool):
    session = start(seeds=2)
    session.reports = [replace(session.reports[0], together=lambda settings: "alike")]
    done = list(session.carry_out(pool))
    assert done[0].seed == done[1].seed  # its two rates at once
    assert [(run.settings["rate"], run.seed, run.result["together"]) for run in session.finished("F")] == [
        (rate, seed, 2) for rate in (0.1, 0.5) for seed in (0, 1)
    ]


def test_threads_that_are_set_on_a_worker_stay():
    program = (
        "import numpy; from threadpoolctl import threadpool_info; from pellucid.lab.running import cluster\n"
        "before = threadpool_info(); cluster._use_one_thread(); assert before == threadpool_info() != []"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_closed_early_it_gives_up_the_rest(start, pool):
    session = with_settings(start(), sleeps=0.3)
    with closing(session.carry_out(pool)) as runs:
        next(runs)
    kept = len([*session.runs_folder.iterdir()])
    deadline = time.monotonic() + 5
    while pool.client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len([*session.runs_folder.iterdir()]) == kept == 1
    assert len(list(session.carry_out(pool))) == 5  # the same call goes on


def test_a_run_whose_worker_dies_is_done_by_another(start, pool, tmp_path):
    session = with_settings(start(seeds=1), **{"dies once": str(tmp_path / "died")})
    assert len(list(session.carry_out(pool))) == 2
    assert (tmp_path / "died").exists()


def test_a_run_that_costs_workers_is_told_in_a_line(start, pool):
    session = with_settings(start(seeds=1), dies=True)
    with pytest.raises(
        ChildProcessError, match=f"several workers of the cluster at {pool.address} died .*to resume"
    ):
        list(session.carry_out(pool))


def test_other_data_are_named_with_the_worker(start, pool):
    digits = pl.load_dataset("digits")
    other = replace(digits, sha256={"digits.csv": "ff", "more.csv": "ee"})
    text = r"worker tcp://.*: its data differ in digits.csv, more.csv: .* PELLUCID_DATA"
    with pytest.raises(ValueError, match=text):
        list(start(data=other).carry_out(pool))


def test_another_source_is_named_with_the_worker(start, pool, monkeypatch):
    monkeypatch.setattr(module, "source_digest", lambda: "0123456789abcdef")
    with pytest.raises(ValueError, match=r"worker tcp://.*, here it is 0123456789ab: install the same"):
        list(start().carry_out(pool))


def test_a_worker_without_pellucid(start, pool):
    def hide():
        import sys

        sys.modules["pellucid.lab.running.cluster"] = None

    def show():
        import sys

        sys.modules.pop("pellucid.lab.running.cluster", None)

    pool.client.run(hide)
    with pytest.raises(ValueError, match=r"a worker cannot load pellucid: .*; install it there"):
        list(start().carry_out(pool))
    pool.client.run(show)


def test_where_no_scheduler_answers(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    address = "tcp://127.0.0.1:9"
    with pytest.raises(ConnectionError, match=f"no dask scheduler answers at {address} within 0.2 s"):
        module.connect(address).__enter__()
    with pytest.raises(ConnectionError, match=r"answers at host .*missing port.*like tcp://host:8786"):
        module.connect("host").__enter__()
    gc.collect()  # a client that failed closes when it is collected: within another cluster that would block


def test_a_cluster_without_workers(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=ANY_PORT) as empty:
        address = empty.scheduler_address
        way_out = f"start some with `dask worker {address}`"
        with (
            distributed.Client(address) as client,
            pytest.raises(ConnectionError, match=f"the cluster at {address} has no workers: {way_out}"),
        ):
            module.ClusterPool(client, address)


def test_where_distributed_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"needs the extra cluster: pip install 'pellucid\[cluster\]'"):
        module.connect("tcp://host:8786").__enter__()
