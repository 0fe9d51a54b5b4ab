"""Matrix products of one thread each, while threads of our own share out the work.

How many threads BLAS uses is a setting of the whole process: it is changed when the first training takes a
step, and put back when the last has taken its own.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import scipy.linalg.cython_blas  # noqa: F401 - what Numba multiplies with: loaded, so that BLAS includes it
from threadpoolctl import ThreadpoolController

BLAS = ThreadpoolController().select(user_api="blas")


class _Limit:
    """How many trainings want one thread now, and how many threads there are for the others."""

    lock = Lock()
    users = 0
    before = 1
    limiter: Any = None


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let BLAS run single-threaded within the block, then as before.

    Examples
    --------
    >>> with one_thread_each():
    ...     inside = [library["num_threads"] for library in BLAS.info()]
    >>> set(inside)
    {1}
    """
    with _Limit.lock:
        if _Limit.users == 0:
            _Limit.before = _most_threads()
            _Limit.limiter = BLAS.limit(limits=1)
        _Limit.users += 1
    try:
        yield
    finally:
        with _Limit.lock:
            _Limit.users -= 1
            if _Limit.users == 0:
                _Limit.limiter.restore_original_limits()


def _begin_anew() -> None:
    """Forget the trainings of the parent process, of which a forked child has none."""
    if _Limit.users:
        _Limit.limiter.restore_original_limits()
    _Limit.lock, _Limit.users = Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def n_threads() -> int:
    """Return how many threads BLAS uses for a product outside `one_thread_each`.

    Examples
    --------
    >>> n_threads() >= 1
    True
    """
    with _Limit.lock:
        return _Limit.before if _Limit.users else _most_threads()


def _most_threads() -> int:
    return max((library["num_threads"] for library in BLAS.info()), default=1)
