"""Launches of kernels: sums in stages, and numbers passed in the types that kernels declare."""

import numpy as np
import pytest
from tests import cuda, strict

from pellucid.backend import to_device, to_host
from pellucid.compiled.gpu.kernels import Kernels, make_stages

pytestmark = pytest.mark.skipif(cuda.COMPILER is None, reason="no C compiler to compile the kernels")
DTYPES = dict(zip(("net", "x", "scaling", "labels"), map(np.dtype, ("f8", "f8", "f8", "i8")), strict=True))


@pytest.fixture
def kernels(monkeypatch):
    return Kernels(strict.install(monkeypatch), **DTYPES)


@pytest.mark.parametrize("n_rows", [1, 15, 16, 17, 256, 257, 5000])
@pytest.mark.parametrize("width", [1, 3])
def test_sums_of_rows(n_rows, width, kernels):
    """Sums of whole numbers are exact in any order."""
    x = np.random.default_rng(0).integers(1000, size=(n_rows, width)).astype(float)
    sums = to_device(np.zeros(width), "gpu")
    launches = list(kernels.sum_rows("sum_rows", to_device(x, "gpu"), n_rows, make_stages(sums, n_rows)))
    for launch in launches:
        launch()
    assert to_host(sums).tolist() == x.sum(axis=0).tolist()
    assert len(launches) == max(1, int(np.ceil(np.log(n_rows) / np.log(16) - 1e-9)))


def test_the_stand_in_refuses_arguments_that_a_gpu_would_misread(kernels):
    theta, grad = (to_device(np.ones(4), "gpu") for _ in range(2))
    for wrong in (to_device(np.ones(4, np.float32), "gpu"), to_device(np.ones((4, 2)), "gpu")[:, 0]):
        with pytest.raises(AssertionError, match="grad"):
            kernels.launch("sgd", 4, theta, wrong, 0.1, 0.0, 4)()
    with pytest.raises(AssertionError, match="T rate: got uint32"):
        kernels.launch("sgd", 4, theta, grad, 1, 0.0, 4)()
    with pytest.raises(ValueError, match="shorter"):
        kernels.launch("sgd", 4, theta, grad, 0.1, 0.0)()
    kernels.launch("sgd", 4, theta, grad, 0.1, 0.0, 4)()
    assert to_host(theta).tolist() == [0.9] * 4
