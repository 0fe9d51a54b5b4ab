"""Matrix products of one thread each, while threads of our own share out the rows.

How many threads BLAS uses is a setting of the whole process. So one training at a time has the processor for
a step; another one, in another Python thread, takes its step after that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import scipy.linalg.cython_blas  # noqa: F401 - what Numba multiplies with: loaded, so that BLAS includes it
from threadpoolctl import ThreadpoolController

BLAS = ThreadpoolController().select(user_api="blas")
_IN_USE = Lock()


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
    with _IN_USE, BLAS.limit(limits=1):
        yield


def n_threads() -> int:
    """Return how many threads BLAS uses for a product.

    Examples
    --------
    >>> n_threads() >= 1
    True
    """
    with _IN_USE:
        return max((library["num_threads"] for library in BLAS.info()), default=1)
