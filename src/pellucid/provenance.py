"""What the last bits of numbers depend on beside the program: the libraries of products and their threads.

What tells the threads of BLAS, threadpoolctl, comes with the extras; without it they are those it would take.
"""

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np

from pellucid.wording import brief

#: What sets the threads of BLAS, the first of them that is set.
VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
#: What numbers are computed with: versions and hardware by name, None where that cannot be told.
Arithmetic: TypeAlias = dict[str, str | int | None]


def arithmetic(packages: Sequence[str], *, with_blas: bool, with_threads: bool) -> Arithmetic:
    """Return versions and hardware that a training's bits depend on.

    Parameters
    ----------
    packages : sequence of str
        Those that compute, beside NumPy.
    with_blas, with_threads : bool
        Whether NumPy's BLAS computes the products, and whether its number of threads matters.

    Examples
    --------
    >>> sorted(arithmetic([], with_blas=True, with_threads=False))
    ['blas', 'blas kernel', 'numpy']
    """
    found: Arithmetic = {"numpy": np.__version__, **{each: version(each) for each in packages}}
    if with_blas:
        found |= {"blas": blas(), **blas_in_use()}
    if not with_threads:
        found.pop("blas threads", None)
    return found


def warn_of_changes(then: Mapping[str, Any], now: Arithmetic, path: object) -> None:
    """Log a warning if a training goes on with other arithmetic than its checkpoint was made with."""
    import logging

    changed = [name for name in now if None not in (then.get(name), now[name]) and then[name] != now[name]]
    if changed:
        logging.getLogger("pellucid").warning(
            "%s was made with %s, and goes on with %s: the same bits as without a break are not promised",
            path,
            ", ".join(f"{name} {brief(then[name])}" for name in changed),
            ", ".join(f"{name} {brief(now[name])}" for name in changed),
        )


def version(package: str) -> str | None:
    """Return the version of an installed package, or None.

    Examples
    --------
    >>> version("numpy") == np.__version__
    True
    """
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(package)
    except PackageNotFoundError:
        return None


def blas() -> str:
    """Return the name and version of the library behind NumPy's matrix products.

    Examples
    --------
    >>> len(blas()) > 0
    True
    """
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{built.get('name', 'unknown')} {built.get('version', '')}".strip()


def blas_in_use() -> Arithmetic:
    """Return for which processor BLAS computes products, and by how many threads: both change last digits.

    Examples
    --------
    >>> blas_in_use()["blas threads"] >= 1
    True
    """
    if find_spec("threadpoolctl") is None:
        return {"blas kernel": None, "blas threads": usual_threads()}
    from threadpoolctl import threadpool_info

    libraries = [each for each in threadpool_info() if each["user_api"] == "blas"]
    kernels = sorted({str(each.get("architecture")) for each in libraries})
    return {
        "blas kernel": ", ".join(kernels) or None,
        "blas threads": max((each["num_threads"] for each in libraries), default=None),
    }


def usual_threads() -> int:
    """Return how many threads BLAS takes: as many as a variable says, or as there are cores.

    Examples
    --------
    >>> usual_threads() >= 1
    True
    """
    said = [os.environ[name] for name in VARIABLES if os.environ.get(name, "").isdecimal()]
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(said[0])) if said else n_cores
