"""BLAS runs single-threaded inside, and as before outside, whoever is inside at the same time."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit
from threadpoolctl import ThreadpoolController

from pellucid.compiled.threads.blas import BLAS, n_threads, one_thread_each


def numbers():
    return [library["num_threads"] for library in BLAS.info()]


@pytest.fixture
def two():
    """Let BLAS use two threads."""
    with BLAS.limit(limits=2):
        if set(numbers()) != {2}:
            pytest.skip("this BLAS has one thread only")
        yield


def test_a_compiled_product_uses_no_other_library():
    @njit
    def product(x):
        return np.dot(x, x)

    product(np.eye(3))
    after = ThreadpoolController().select(user_api="blas").info()
    assert {library["filepath"] for library in after} == {library["filepath"] for library in BLAS.info()}


def test_inside_and_outside(two):
    assert n_threads() == 2
    with one_thread_each():
        assert set(numbers()) == {1}
    assert set(numbers()) == {2}


def test_an_error_inside_puts_it_back(two):
    with pytest.raises(KeyboardInterrupt), one_thread_each():
        raise KeyboardInterrupt
    assert set(numbers()) == {2}


def test_many_at_once():
    before = numbers()

    def enter(i):
        with one_thread_each():
            np.ones((50, 50)) @ np.ones((50, 50))
            return set(numbers())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(enter, range(200))) == [{1}] * 200
    assert numbers() == before
