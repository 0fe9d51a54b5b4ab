"""One thread for the products of small mini-batches, BLAS's own number for all others."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import pellucid as pl
from pellucid.app.threads import VARIABLES, fitting_threads


@pytest.fixture
def net():
    return pl.Network([pl.Dense(100), pl.ReLU(), pl.Dense(10)]).build(784, rng=np.random.default_rng(0))


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch):
    """Start with two threads, which nobody has chosen."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with threadpool_limits(2, user_api="blas"):
        if threads() != 2:
            pytest.skip("the threads of this BLAS cannot be set")
        yield


def threads():
    return max((each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"), default=0)


@pytest.mark.parametrize(("batch_size", "within"), [(32, 1), (800, 1), (900, 2), (0, 2)])
def test_small_products_get_one_thread_and_others_as_many_as_before(net, batch_size, within):
    with fitting_threads(net, batch_size):
        assert threads() == within
    assert threads() == 2


def test_whoever_has_chosen_keeps_the_choice(net, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with fitting_threads(net, 32):
        assert threads() == 2


def test_an_error_puts_the_threads_back(net):
    with pytest.raises(KeyboardInterrupt), fitting_threads(net, 32):
        raise KeyboardInterrupt
    assert threads() == 2
