"""How many threads a training's matrix products get.

BLAS shares out each product over all cores, and its threads wait for one another by spinning. Products of
about a millisecond gain little by that, and where another program has one of the cores, some wait until the
scheduler lets them go on: tens of times as long as they take.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pellucid as pl
from pellucid.provenance import VARIABLES

#: Multiplications that take one core about a millisecond.
SMALL_PRODUCT = 1 << 26


@contextmanager
def one_thread() -> Iterator[None]:
    """Let products within the block be computed by one thread, so that their bits never depend on threads.

    Examples
    --------
    >>> with one_thread():
    ...     pass
    """
    # Here, since its import takes longer than a small training's first epoch.
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


@contextmanager
def fitting_threads(net: pl.Network, batch_size: int) -> Iterator[None]:
    """Let products be computed by one thread within the block if those of a mini-batch are small.

    Parameters
    ----------
    net : Network
        Built.
    batch_size : int
        0: all rows at once, which is left to BLAS.

    Examples
    --------
    >>> import numpy as np
    >>> net = pl.Network([pl.Dense(2)]).build(n_in=3, rng=np.random.default_rng(0))
    >>> with fitting_threads(net, batch_size=32):
    ...     y = net.predict(np.ones((1, 3)))
    """
    if not batch_size or largest_product(net, batch_size) > SMALL_PRODUCT or _is_chosen():
        yield
        return
    with one_thread():
        yield


def largest_product(net: pl.Network, n_rows: int) -> int:
    """Return the number of multiplications in the largest product of so many rows.

    Examples
    --------
    >>> import numpy as np
    >>> net = pl.Network([pl.Dense(5), pl.Dense(2)]).build(n_in=3, rng=np.random.default_rng(0))
    >>> largest_product(net, 10)
    150
    """
    return n_rows * max(layer.W.size for layer in net.layers if isinstance(layer, pl.Dense))


def _is_chosen() -> bool:
    """Tell whether the user has chosen the number of threads."""
    return any(os.environ.get(name) for name in VARIABLES)
