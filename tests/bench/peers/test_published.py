"""The textbook formulas compute the same as ours, in float64."""

import numpy as np

from bench.peers import published


def test_three_steps_are_ours(check_same, small):
    check_same(published.prepare, small, {})


def test_it_is_in_float64(small):
    from bench.problem import Problem

    data = np.zeros((small.rows, 784), np.uint8), np.arange(small.rows) % 10
    prepared = published.prepare(Problem(small, data=data), {})
    prepared.run()
    assert {each.dtype for pair in prepared.parameters() for each in pair} == {np.dtype(np.float64)}
