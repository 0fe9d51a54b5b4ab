"""Limits on the number of threads that BLAS uses for a matrix product.

BLAS divides each product among all cores, and its threads spin while they wait for one another. Small
products gain little from that, and if another program uses one of the cores, some take tens of times as long.
The number of threads also changes the last bits of a result. A limit applies to the whole process.

- `one_thread` limits a whole command: everything within it is computed by one thread.
- `fitting_threads` does so if the products of a training run are small and the user has set no number.
- `one_thread_each` is for training steps that have their own worker threads; `n_threads` returns the number
  that BLAS uses otherwise.

Neither Numba nor SciPy is imported here. SciPy's BLAS, which Numba calls, is limited once it is loaded.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from threading import Lock
from typing import Any

from pellucid.layers import Dense
from pellucid.network import Network
from pellucid.provenance import VARIABLES

#: Multiplications that take one core about a millisecond.
SMALL_PRODUCT = 1 << 26
SCIPY_BLAS = "scipy.linalg.cython_blas"


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS to one thread within the block."""
    # Its import takes longer than the first epoch of a small training.
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


@contextmanager
def fitting_threads(net: Network, batch_size: int) -> Iterator[None]:
    """Limit BLAS to one thread within the block if the products of a mini-batch are small.

    Nothing is limited in full batch (`batch_size` 0), or if the user has set one of `VARIABLES`.
    """
    is_chosen = any(os.environ.get(name) for name in VARIABLES)
    if not batch_size or largest_product(net, batch_size) > SMALL_PRODUCT or is_chosen:
        yield
        return
    with one_thread():
        yield


def largest_product(net: Network, n_rows: int) -> int:
    """Return the number of multiplications in the network's largest product with n_rows rows.

    Examples
    --------
    >>> import numpy as np
    >>> net = Network([Dense(5), Dense(2)]).build(n_in=3, rng=np.random.default_rng(0))
    >>> largest_product(net, 10)
    150
    """
    return n_rows * max(layer.W.size for layer in net.layers if isinstance(layer, Dense))


def libraries() -> Any:
    """Return threadpoolctl's controller of the BLAS libraries that are loaded."""
    return _libraries(has_scipy=SCIPY_BLAS in sys.modules)


@cache
def _libraries(*, has_scipy: bool) -> Any:
    """Find the libraries. This takes long, so it is done once, and again when SciPy is loaded."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


class _Limit:
    """How many blocks of `one_thread_each` are active, and the number of threads outside them."""

    lock = Lock()
    users = 0
    before = 1
    limited: Any = None
    limits = ExitStack()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Limit BLAS to one thread within the block. Blocks may overlap in several threads."""
    with _Limit.lock:
        _limit()
    try:
        yield
    finally:
        with _Limit.lock:
            _Limit.users -= 1
            if _Limit.users == 0:
                _Limit.limits.close()


def _limit() -> None:
    """Enter a block. A library loaded since other blocks were entered is limited as well."""
    found = libraries()
    if _Limit.users == 0:
        _Limit.before = _max_threads()
    if _Limit.users == 0 or found is not _Limit.limited:
        _Limit.limits.callback(found.limit(limits=1).restore_original_limits)
        _Limit.limited = found
    _Limit.users += 1


def _reset_after_fork() -> None:
    """End all blocks in a forked child, which has none of its parent's threads."""
    _Limit.limits.close()
    _Limit.lock, _Limit.users = Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)


def n_threads() -> int:
    """Return how many threads BLAS uses for a product outside `one_thread_each`."""
    with _Limit.lock:
        return _Limit.before if _Limit.users else _max_threads()


def _max_threads() -> int:
    return max((library["num_threads"] for library in libraries().info()), default=1)
