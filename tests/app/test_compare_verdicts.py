"""Which steps are shown, and what a verdict says; PyTorch is not needed."""

import pytest

from pellucid.app.compare_steps import Verdict, is_marked, is_on_curve, verdicts


def test_marked_steps():
    assert [step for step in range(1, 6000) if is_marked(step)] == [
        *(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
    ]


def test_a_curve_has_all_first_steps_and_then_as_many_in_each_decade():
    steps = [step for step in range(1, 100_001) if is_on_curve(step)]
    assert steps[:10] == list(range(1, 11))
    counts = [sum(10**k < step <= 10 ** (k + 1) for step in steps) for k in (2, 3, 4)]
    assert counts == [40, 40, 40]


@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        ([1e-16, 3e-12, 2e-13], [Verdict(3, 3e-12, 1e-10)]),
        ([1e-16] * 99 + [2e-10], [Verdict(100, 2e-10, 1e-10)]),
        ([1e-16] * 100 + [2e-10], [Verdict(100, 1e-16, 1e-10), Verdict(101, 2e-10, 1e-8)]),
        ([1e-16] * 1000 + [1.0], [Verdict(100, 1e-16, 1e-10), Verdict(1000, 1e-16, 1e-8)]),
    ],
)
def test_the_largest_difference_within_each_bar(largest, expected):
    assert verdicts(largest, "float64") == expected
    assert verdicts(largest, "float32") == []


def test_a_bar_holds_up_to_its_limit():
    assert Verdict(100, 1e-10, 1e-10).holds
    assert not Verdict(100, 1.1e-10, 1e-10).holds
