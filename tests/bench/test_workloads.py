"""The settings of the workloads."""

import pytest
from bench.workloads import RACE, WORKLOADS, Workload, smoke


def test_names_units_and_sizes():
    assert list(WORKLOADS) == ["A", "B", "C", "D", "E", "E10", "F", "G"]
    assert [each.rows for each in WORKLOADS.values()] == [40_000, 41_000, 60_000] + [30_000] * 5
    assert [each.unit for each in WORKLOADS.values()] == ["s/iteration"] * 3 + ["s/epoch"] * 5
    assert WORKLOADS["G"].parameters == 669_706
    assert WORKLOADS["C"].title == "784-500-150 ReLU-10, full batch, SGD"
    assert WORKLOADS["D"].title == "784-10, batch 32, SGD"
    assert RACE.title == "784 to 40-224 ReLU-10, batch 256, SGD"


@pytest.mark.parametrize(
    ("name", "steps", "last"), [("A", 1, 40_000), ("D", 938, 16), ("E10", 3000, 10), ("F", 235, 48)]
)
def test_batches_cover_all_rows_and_the_last_may_be_smaller(name, steps, last):
    work = WORKLOADS[name]
    assert (work.steps, len(work.batches), work.batches[-1], sum(work.batches)) == (
        steps,
        steps,
        last,
        work.rows,
    )


@pytest.mark.parametrize("workload", [*WORKLOADS.values(), RACE], ids=lambda each: each.name)
def test_json_and_back(workload):
    assert Workload.from_json(workload.to_json()) == workload


def test_the_race_has_one_cycle_over_all_its_steps():
    rate = RACE.schedule()
    steps = RACE.cycle_epochs * RACE.steps
    rates = [rate(step) for step in range(steps)]
    assert steps == 3 * 235
    assert max(rates) == pytest.approx(RACE.rate, rel=1e-4)
    assert rates[-1] < 1e-4 * rates[0] * 10
    assert WORKLOADS["F"].schedule() == 0.001


def test_a_smoke_run_has_few_rows_and_the_same_network():
    small = smoke(WORKLOADS["C"])
    assert (small.rows, small.sizes, small.batch_size) == (1000, (784, 500, 150, 10), None)
