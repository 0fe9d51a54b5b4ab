"""Efforts and the estimates of their time."""

import pytest
from bench.contestants import CONTESTANTS, choose
from bench.effort import QUICK, Effort, comparison_seconds, entry_seconds, thread_counts
from bench.workloads import WORKLOADS

from bench import effort


def test_all_numbers_of_threads_are_tried_except_in_a_smoke_run(monkeypatch):
    monkeypatch.setattr(effort, "cores", lambda: [0, 1, 2, 3, 4, 5])
    assert Effort().threads == [1, 2, 4, 6]
    assert QUICK.threads == [1]
    assert QUICK.is_smoke and not Effort().is_smoke


def test_at_least_five_rounds():
    assert Effort().rounds >= 5


def test_contestants_that_do_not_take_part_cost_nothing():
    products, gathering = CONTESTANTS["products"], CONTESTANTS["gathering"]
    alone = comparison_seconds(WORKLOADS["A"], [products], Effort())
    assert alone == comparison_seconds(WORKLOADS["A"], [products, gathering], Effort()) > 0


def test_more_choices_cost_more_and_slow_preparation_happens_once(monkeypatch):
    monkeypatch.setattr(effort, "cores", lambda: [0, 1])
    compiled = CONTESTANTS["torch.compile"]
    assert entry_seconds(compiled, WORKLOADS["D"], Effort()) == compiled.seconds
    jax = CONTESTANTS["jax"]
    assert entry_seconds(jax, WORKLOADS["D"], Effort()) > entry_seconds(jax, WORKLOADS["A"], Effort())


def test_the_usual_run_is_well_under_a_quarter_of_an_hour(monkeypatch):
    monkeypatch.setattr(effort, "cores", lambda: [0, 1])
    assert sum(comparison_seconds(each, choose(None), Effort()) for each in WORKLOADS.values()) < 600


@pytest.mark.parametrize(
    ("n_cores", "counts"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (16, [1, 2, 4, 8, 16])]
)
def test_thread_counts(n_cores, counts):
    assert thread_counts(n_cores) == counts


def test_estimates_of_a_smoke_run():
    assert entry_seconds(CONTESTANTS["jax"], WORKLOADS["A"], QUICK) == 2.0
    assert Effort(rounds=9).seeds == 5
