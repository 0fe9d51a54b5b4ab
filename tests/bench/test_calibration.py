"""The search for the fastest settings, with workers that sleep."""

import pytest
from bench.calibration import Variant, enter
from bench.process import WorkerError
from bench.workloads import WORKLOADS

from bench import calibration

WORK = WORKLOADS["D"]
SLOW, QUICK, BROKEN = {"seconds": 0.05}, {"seconds": 0.005}, {"error": "no compiler"}


@pytest.fixture(autouse=True)
def short_trials(monkeypatch):
    monkeypatch.setattr(calibration, "TRIAL_SECONDS", 0.02)


def test_the_fastest_choice_is_ready_and_all_trials_are_returned(fake):
    entrant = enter(fake(), WORK, [1], (SLOW, BROKEN, QUICK))
    with entrant.worker:
        assert entrant.variant == Variant(1, QUICK)
        assert entrant.worker.sample(0.01)[0] < 0.05
    assert [trial.variant.options for trial in entrant.tried] == [SLOW, QUICK]
    assert entrant.tried[0].to_json()["seconds"] > entrant.tried[1].to_json()["seconds"]


def test_a_single_choice_is_not_tried(fake):
    entrant = enter(fake(), WORK, [1], (QUICK,))
    with entrant.worker:
        assert (entrant.variant, entrant.tried) == (Variant(1, QUICK), [])


def test_if_every_choice_fails_the_first_reason_is_given(fake):
    with pytest.raises(WorkerError, match="no compiler"):
        enter(fake(), WORK, [1, 2], (BROKEN, {"error": "another"}))


def test_more_threads_are_tried_until_they_are_slower(monkeypatch):
    seconds = {1: 4.0, 2: 2.0, 4: 3.0, 8: 1.0}
    asked = []

    def trials(contestant, workload, threads, choices):
        asked.append(threads)
        return [calibration.Trial(Variant(threads, QUICK), seconds[threads])]

    monkeypatch.setattr(calibration, "_trials", trials)
    monkeypatch.setattr(calibration, "_ready", lambda contestant, workload, variant, tried: variant)
    assert enter(None, WORK, [1, 2, 4, 8], (QUICK,)) == Variant(2, QUICK)
    assert asked == [1, 2, 4]
