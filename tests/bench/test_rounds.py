"""A workload with all contestants, measured in turn."""

from dataclasses import replace

import pytest
from bench.calibration import Variant
from bench.rounds import compare
from bench.workloads import WORKLOADS

from bench import rounds


def ignore(step, seconds):
    """Do nothing after a step."""


def test_each_contestant_has_its_times_its_variant_and_its_memory(fake, fast):
    slow = fake("pytorch", choices=({"seconds": 0.02},))
    entry = compare(WORKLOADS["D"], [fake("pellucid", "ours"), slow], fast, ignore)
    assert list(entry["contestants"]) == ["pellucid", "pytorch"]
    ours, theirs = entry["contestants"].values()
    assert ours["median"] < theirs["median"]
    assert theirs["min"] <= theirs["median"] <= theirs["max"]
    assert len(theirs["samples"]) == entry["rounds"] == 3
    assert theirs["variant"] == {"threads": 1, "seconds": 0.02}
    assert theirs["peak_memory"] > 10**7
    assert {"start_seconds", "prepare_seconds", "first_unit_seconds"} <= set(theirs)
    assert (entry["name"], entry["unit"], entry["rows"]) == ("D", "s/epoch", 1000)  # a smoke run


def test_missing_failing_and_dying_contestants_are_gaps(fake, fast):
    absent = replace(fake("jax"), package="no_such_library")
    broken = fake("torch.compile", choices=({"error": "InvalidCxxCompiler"},))
    dying = fake("scikit-learn", choices=({"seconds": 0.0, "dies_after": 1},))
    entry = compare(WORKLOADS["D"], [absent, broken, fake("pellucid", "ours"), dying], fast, ignore)
    found = entry["contestants"]
    assert found["jax"] == {"missing": "no_such_library is not installed: pip install 'pellucid[compare]'"}
    assert found["torch.compile"] == {"missing": "ValueError: InvalidCxxCompiler"}
    assert found["scikit-learn"] == {"missing": "out of memory"}
    assert found["pellucid"]["median"] > 0


class Counted:
    """A worker that records when it is asked."""

    def __init__(self, name, asked):
        self.name, self.asked = name, asked
        self.start_seconds = 1.0

    def sample(self, seconds):
        self.asked.append(self.name)
        return 1.0, 5

    def close(self):
        self.asked.append("closed")


@pytest.fixture
def asked(monkeypatch):
    """Replace processes by counted workers; return the list of those asked, in order."""
    order = []

    def enter(contestant, workload, threads, choices):
        variant = Variant(threads[0], choices[0])
        return rounds.Entrant(Counted(contestant.name, order), variant, {}, [])

    monkeypatch.setattr(rounds, "enter", enter)
    monkeypatch.setattr(rounds, "PAUSE_SECONDS", 0)
    return order


def test_contestants_take_turns_and_each_round_begins_with_the_next(fake, fast, asked):
    steps = []
    trio = [fake("pellucid"), fake("pytorch"), fake("jax")]
    compare(WORKLOADS["D"], trio, fast, lambda step, seconds: steps.append((step, seconds)))
    a, b, c = "pellucid", "pytorch", "jax"
    assert asked == [a, b, c, b, c, a, c, a, b, "closed", "closed", "closed"]
    assert len(steps) == 3 + 9
    assert all(seconds > 0 for _, seconds in steps)


def test_threads_like_takes_the_best_threads_of_another(fake, fast, asked, monkeypatch):
    many = replace(fast, calibrate=True)
    monkeypatch.setattr("bench.effort.cores", lambda: [0, 1, 2, 3])
    eager = fake("pytorch")
    like = fake("torch.compile", threads_like="pytorch")
    seen = {}

    def enter(contestant, workload, threads, choices):
        seen[contestant.name] = list(threads)
        variant = Variant(2, choices[0])
        return rounds.Entrant(Counted(contestant.name, asked), variant, {}, [])

    monkeypatch.setattr(rounds, "enter", enter)
    compare(WORKLOADS["D"], [eager, like], many, ignore)
    assert seen == {"pytorch": [1, 2, 4], "torch.compile": [2]}
    compare(WORKLOADS["D"], [like], many, ignore)
    assert seen["torch.compile"] == [1, 2, 4]


def test_ctrl_c_ends_all_workers(fake, fast, asked, monkeypatch):
    def interrupt(self, seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(Counted, "sample", interrupt)
    with pytest.raises(KeyboardInterrupt):
        compare(WORKLOADS["D"], [fake("pellucid"), fake("pytorch")], fast, ignore)
    assert asked == ["closed", "closed"]
