"""How the cost grows: which workloads, and what is kept."""

import pytest
from bench.effort import Effort
from bench.scaling import AXES, BASE, measure_scaling, varied

from bench import scaling


@pytest.mark.parametrize(("axis", "value"), [(axis, value) for axis in AXES for value in AXES[axis]])
def test_one_number_differs_from_the_base(axis, value):
    work = varied(axis, value)
    kept = {"rows": work.rows, "batch size": work.batch_size, "depth": len(work.sizes) - 2}
    kept["width"] = work.sizes[1]
    base = {"rows": 30_000, "batch size": 128, "depth": 1, "width": 100}
    assert kept == {**base, axis: value}
    assert (work.rule, work.sizes[0], work.sizes[-1]) == (BASE.rule, 784, 10)


def test_all_points_are_compared_and_a_smoke_run_takes_the_ends(monkeypatch, fast):
    seen = []

    def compare(workload, contestants, effort, tell):
        seen.append((workload.name, [each.name for each in contestants], effort.rounds))
        figures = {"median": 1.0, "min": 1.0, "max": 1.0, "samples": [1.0], "tried": ["much"]}
        return {"contestants": {"pellucid": figures, "pytorch": {"missing": "gone"}}}

    monkeypatch.setattr(scaling, "compare", compare)
    found = measure_scaling(Effort(rounds=9), lambda step, share: None)
    assert len(seen) == sum(map(len, AXES.values()))
    assert {(tuple(names), rounds) for _, names, rounds in seen} == {(("pellucid", "pytorch"), 3)}
    point = found["axes"]["depth"][1]
    assert point["value"] == 2
    assert point["contestants"]["pytorch"] == {"missing": "gone"}
    assert "tried" not in point["contestants"]["pellucid"]
    ends = measure_scaling(fast, lambda step, share: None)["axes"]["width"]
    assert [point["value"] for point in ends] == [25, 400]
