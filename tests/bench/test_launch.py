"""Whole processes of the race."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from bench.calibration import Variant
from bench.launch import Finish, own_command, run
from bench.process import WorkerError
from bench.workloads import RACE

from bench import launch
from pellucid.app.settings import RECIPES, TrainSettings
from pellucid.cli import app


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
    """Put a script into the place of the peers' one; return a function that sets its lines."""

    def write(*lines):
        (tmp_path / "script.py").write_text("\n".join(("import sys, json, os", *lines)))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        command = launch._peer_command
        monkeypatch.setattr(launch, "_peer_command", lambda *arguments: ["script", *command(*arguments)[1:]])
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


def test_a_run_that_tells_no_accuracy_is_none(package):
    with pytest.raises(WorkerError, match=r"^it printed no test accuracy$"):
        run(package("print('accuracy of 5')"), Variant(1, {}), RACE, seed=0)


def test_a_run_that_fails_tells_its_last_words(package):
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
    # The process has been waited for: it cannot write any more.
    assert not (tmp_path / "late").exists()
