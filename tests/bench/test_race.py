"""The race over its seeds, first with runs that only return a result, then with whole processes."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from bench.calibration import Variant
from bench.contestants import choose
from bench.effort import Effort
from bench.process import WorkerError
from bench.race import Finish, own_command, race, race_seconds, run
from bench.workloads import RACE

from bench import race as races
from pellucid.app.settings import RECIPES, TrainSettings
from pellucid.cli import app


@pytest.fixture
def runs(monkeypatch):
    """Return the calls of `run`, which returns at once: ours takes 2 s, others 4 s + 6 s a seed."""
    calls = []

    def finish(contestant, variant, recipe, seed):
        calls.append((contestant.name, seed, recipe.cycle_epochs))
        if contestant.name == "torch.compile":
            raise WorkerError("no compiler")
        if contestant.name == "pellucid":
            return Finish(2.0, 100, 0.981)
        return Finish(4.0 + 6 * seed, 200 + seed, 0.9799 + 0.0001 * seed)

    monkeypatch.setattr(races, "run", finish)
    return calls


def test_seeds_are_run_in_turns_and_failures_are_gaps(runs, fast, monkeypatch):
    monkeypatch.setattr("bench.contestants.find_spec", lambda name: None if name == "jax" else name)
    steps = []
    found = race(choose(None), fast, lambda step, share: steps.append(step))
    names = ["pellucid", "pytorch", "torch.compile", "jax", "scikit-learn", "published"]
    assert list(found["contestants"]) == names
    running = [name for name in names if name != "jax"]
    assert [call[:2] for call in runs] == [(name, 0) for name in running] + [
        (name, 1) for name in running if name != "torch.compile"
    ]
    assert found["contestants"]["torch.compile"] == {"missing": "no compiler"}
    assert found["contestants"]["jax"]["missing"].startswith("jax is not installed")
    eager = found["contestants"]["pytorch"]
    assert (eager["samples"], eager["median"], eager["peak_memory"]) == ([4.0, 10.0], 7.0, 201)
    assert eager["accuracy"] == [0.9799, 0.98]
    assert eager["reached"] == 1
    assert found["ratios"]["pytorch"] == {"value": 3.5, "min": 2.0, "max": 5.0}
    assert found["ratios"]["fastest_peer"] == "pytorch"
    assert len(steps) == 6 + 5 + 4


def test_a_smoke_run_trains_one_epoch(runs, fast):
    found = race(choose(["published"]), fast, lambda step, share: None)
    assert {epochs for _, _, epochs in runs} == {1}
    assert "--epochs 1" in found["command"]


def test_peers_are_calibrated_and_ours_is_not(runs, fast, monkeypatch):
    searched = []

    def variant(contestant, workload, threads, choices):
        searched.append(contestant.name)
        raise WorkerError("enough")

    monkeypatch.setattr(races, "enter", variant)
    full = type(fast)(rounds=1, seeds=1)
    found = race(choose(["published", "scikit-learn"]), full, lambda step, share: None)
    assert set(searched) <= {"published", "scikit-learn"} and "published" in searched
    assert found["contestants"]["published"] == {"missing": "enough"}
    assert [call[0] for call in runs] == ["pellucid"]
    assert runs[0][2] == 3


def test_our_command_line_trains_the_recipe(monkeypatch):
    caught = []
    monkeypatch.setattr(
        "pellucid.app.trainer.train", lambda settings, console: caught.append(settings) or True
    )
    monkeypatch.setattr(sys, "argv", own_command(RACE, 3))
    with pytest.raises(SystemExit) as stop:
        app()
    assert stop.value.code in (0, None)
    (settings,) = caught
    assert settings == TrainSettings(source="mnist", **RECIPES["fast"], recipe="fast", seed=3)
    assert RACE.sizes == (settings.components, *settings.hidden, 10)
    assert RACE.momentum > 0
    assert settings.nesterov
    assert (settings.schedule, settings.validation) == ("one-cycle", 0)


def test_a_smoke_run_has_fewer_epochs():
    command = own_command(replace(RACE, cycle_epochs=1), 0)
    assert command[command.index("--epochs") + 1] == "1"


@pytest.fixture
def package(fake, tmp_path, monkeypatch):
    """Replace the script of the peers; return a function that writes its lines."""

    def write(*lines):
        (tmp_path / "script.py").write_text("\n".join(("import sys, json, os", *lines)))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        command = races._peer_command
        monkeypatch.setattr(races, "_peer_command", lambda *arguments: ["script", *command(*arguments)[1:]])
        return fake()

    return write


def test_a_run_has_its_time_its_memory_and_its_accuracy(package):
    peer = package(
        "import time",
        "module, recipe, options, seed = sys.argv[1:]",
        "assert json.loads(recipe)['cycle_epochs'] == 3 and json.loads(options) == {'unroll': 4}",
        "assert os.environ['OMP_NUM_THREADS'] == '1'",
        "time.sleep(0.1); held = b'1' * 100_000_000",
        "print('epoch 1')",
        "print(f'test accuracy {50 + int(seed)}% ({5000 + 100 * int(seed)} of 10000), macro F1 0.5')",
    )
    finish = run(peer, Variant(1, {"unroll": 4}), RACE, seed=7)
    assert isinstance(finish, Finish)
    assert 0.1 < finish.seconds < 30
    assert finish.peak_memory > 10**8
    assert finish.accuracy == pytest.approx(0.57)


def test_the_memory_is_that_of_the_run_alone(package):
    held = np.ones(300 * 2**20, np.uint8)
    peer = package("print('test accuracy 100.00% (5 of 5)')")
    assert run(peer, Variant(1, {}), RACE, seed=0).peak_memory < 10**8 < held.nbytes


def test_a_run_without_an_accuracy_fails(package):
    with pytest.raises(WorkerError, match=r"^the run printed no test accuracy$"):
        run(package("print('accuracy of 5')"), Variant(1, {}), RACE, seed=0)


def test_a_failed_run_has_its_last_line_as_reason(package):
    peer = package("raise SystemExit('no data set')")
    with pytest.raises(WorkerError, match=r"^no data set$"):
        run(peer, Variant(1, {}), RACE, seed=0)


def test_ctrl_c_ends_the_process(package, monkeypatch, tmp_path):
    peer = package(
        "import time, pathlib", "time.sleep(2)", f"pathlib.Path({str(tmp_path / 'late')!r}).touch()"
    )

    def interrupt(process):
        raise KeyboardInterrupt

    monkeypatch.setattr("subprocess.Popen.communicate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(peer, Variant(1, {}), RACE, seed=0)
    # The process has ended: it cannot write any more.
    assert not (tmp_path / "late").exists()


def test_the_command_line_as_text():
    assert " ".join(own_command(RACE, 3)) == "pellucid train mnist --recipe fast --seed 3"


def test_the_estimate_without_peers():
    assert race_seconds(choose([]), Effort(seeds=2)) == 6.0
