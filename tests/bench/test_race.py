"""The race over its seeds, with runs that are only told."""

import pytest
from bench.contestants import choose
from bench.launch import Finish
from bench.process import WorkerError
from bench.race import race

from bench import race as races


@pytest.fixture
def run(monkeypatch):
    """Let each run take a time of its own: ours 2 s, the others 6 s more for each seed."""
    calls = []

    def told(contestant, variant, recipe, seed):
        calls.append((contestant.name, seed, recipe.cycle_epochs))
        if contestant.name == "torch.compile":
            raise WorkerError("no compiler")
        if contestant.name == "pellucid":
            return Finish(2.0, 100, 0.981)
        return Finish(4.0 + 6 * seed, 200 + seed, 0.9799 + 0.0001 * seed)

    monkeypatch.setattr(races, "run", told)
    return calls


def test_seeds_are_run_in_turns_and_failures_are_gaps(run, fast, monkeypatch):
    monkeypatch.setattr("bench.contestants.find_spec", lambda name: None if name == "jax" else name)
    told = []
    found = race(choose(None), fast, lambda step, share: told.append(step))
    names = ["pellucid", "pytorch", "torch.compile", "jax", "scikit-learn", "published"]
    assert list(found["contestants"]) == names
    running = [name for name in names if name != "jax"]
    assert [call[:2] for call in run] == [(name, 0) for name in running] + [
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
    assert len(told) == 6 + 5 + 4


def test_a_smoke_run_trains_one_epoch(run, fast):
    found = race(choose(["published"]), fast, lambda step, share: None)
    assert {epochs for _, _, epochs in run} == {1}
    assert "--epochs 1" in found["command"]


def test_peers_run_in_their_best_form_and_ours_as_it_is(run, fast, monkeypatch):
    searched = []

    def variant(contestant, workload, threads, choices):
        searched.append(contestant.name)
        raise WorkerError("enough")

    monkeypatch.setattr(races, "enter", variant)
    full = type(fast)(rounds=1, seeds=1)
    found = race(choose(["published", "scikit-learn"]), full, lambda step, share: None)
    assert set(searched) <= {"published", "scikit-learn"} and "published" in searched
    assert found["contestants"]["published"] == {"missing": "enough"}
    assert [call[0] for call in run] == ["pellucid"]
    assert run[0][2] == 3
