"""BLAS is limited to one thread within a block, and has as many as before outside it."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.linalg.cython_blas  # noqa: F401 - so that its threads are limited, too
from numba import njit
from threadpoolctl import ThreadpoolController, threadpool_info

import pellucid as pl
from pellucid.compiled.threads.blas import VARIABLES, fitting_threads, libraries, n_threads, one_thread_each


def numbers():
    return [library["num_threads"] for library in libraries().info()]


@pytest.fixture
def two():
    """Let BLAS use two threads."""
    with libraries().limit(limits=2):
        if set(numbers()) != {2}:
            pytest.skip("this BLAS has one thread only")
        yield


def test_a_compiled_product_uses_no_other_library():
    @njit
    def product(x):
        return np.dot(x, x)

    product(np.eye(3))
    after = ThreadpoolController().select(user_api="blas").info()
    assert {library["filepath"] for library in after} == {each["filepath"] for each in libraries().info()}


def test_inside_and_outside(two):
    assert n_threads() == 2
    with one_thread_each():
        assert set(numbers()) == {1}
        assert n_threads() == 2
    assert set(numbers()) == {2}


def test_an_error_inside_restores_the_threads(two):
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


LATE = """
import sys
from threadpoolctl import threadpool_info
from pellucid.compiled.threads.blas import one_thread_each
def threads():
    return {each["filepath"]: each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}
assert not {"numba", "scipy"} & set(sys.modules)
before = threads()
with one_thread_each():
    import scipy.linalg.cython_blas
    loaded = threads()
    with one_thread_each():
        assert set(threads().values()) == {1}
assert threads() == before | {path: n for path, n in loaded.items() if path not in before}
"""


def test_a_library_that_is_loaded_inside_is_limited_by_the_next_block():
    """The module itself loads neither Numba nor SciPy."""
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def net():
    return pl.Network([pl.Dense(100), pl.ReLU(), pl.Dense(10)]).build(784, rng=np.random.default_rng(0))


@pytest.fixture
def not_chosen(two, monkeypatch):
    """Start with two threads that no variable has chosen."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def threads():
    return max((each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"), default=0)


@pytest.mark.parametrize(("batch_size", "within"), [(32, 1), (800, 1), (900, 2), (0, 2)])
def test_small_products_get_one_thread_and_others_as_many_as_before(net, batch_size, within, not_chosen):
    with fitting_threads(net, batch_size):
        assert threads() == within
    assert threads() == 2


def test_the_users_choice_is_kept(net, not_chosen, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with fitting_threads(net, 32):
        assert threads() == 2


def test_an_error_restores_the_threads_of_small_products(net, not_chosen):
    with pytest.raises(KeyboardInterrupt), fitting_threads(net, 32):
        raise KeyboardInterrupt
    assert threads() == 2
