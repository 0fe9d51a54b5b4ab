"""Ours computes the same from bytes and from floats, compiled and not."""

from importlib.util import find_spec

import numpy as np
import pytest
from bench.problem import Problem
from bench.workloads import Workload

from bench import ours

WORK = Workload("small", (784, 12, 10), "sigmoid", 32, 80, "sgd")


def trained(options):
    data = np.random.default_rng(0).integers(0, 256, (80, 784), np.uint8), np.arange(80) % 10
    prepared = ours.prepare(Problem(WORK, data=data), options)
    prepared.run()
    prepared.run()
    return prepared.parameters()


@pytest.mark.parametrize("compiled", [False, True])
def test_bytes_and_floats_learn_the_same(compiled):
    if compiled and not find_spec("numba"):
        pytest.skip("Numba is not installed")
    floats = trained({"pixels": "float32", "compiled": False})
    for (W, b), (expected_W, expected_b) in zip(
        trained({"pixels": "uint8", "compiled": compiled}), floats, strict=True
    ):
        np.testing.assert_allclose(W, expected_W, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(b, expected_b, rtol=1e-3, atol=1e-5)
