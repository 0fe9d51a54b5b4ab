"""How functions are compiled: an `entry` is called from Python, a `kernel` by an entry or another kernel.

A product and a sum may be rounded as one. Nothing else is given away for speed: sums keep their order, NaN
and infinity their meaning, since a loss that is not finite must be seen.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
#: What Python cannot call needs no code that unpacks Python's arguments.
INNER = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
log = logging.getLogger("pellucid")


def kernel(function: Function) -> Function:
    """Compile a function that other compiled functions call."""
    return njit(**INNER)(function)  # type: ignore[no-any-return]


def inlined(function: Function) -> Function:
    """Compile a function as lines of its caller: that takes less time for those that have one caller."""
    return njit(inline="always", **INNER)(function)  # type: ignore[no-any-return]


def entry(function: Function) -> Any:
    """Compile a function that Python calls; keep its machine code by the source or in the user's cache."""
    compiled = njit(**OPTIONS)(function)
    try:
        compiled.enable_caching()
    except RuntimeError as error:
        log.info("the machine code is not kept: %s", error)
    else:
        _forget_older(compiled)
    return compiled


def _forget_older(compiled: Any) -> None:
    """Remove machine code older than one of the sources: Numba looks at the entry's own file alone."""
    newest = max(source.stat().st_mtime_ns for source in Path(__file__).parent.glob("*.py"))
    for kept in Path(compiled.stats.cache_path).glob(f"*.{compiled.__name__}-*.nb[ci]"):
        with suppress(FileNotFoundError):  # another process was quicker
            if kept.stat().st_mtime_ns < newest:
                kept.unlink()


@contextmanager
def told_if_compiled(compiled: Any) -> Iterator[None]:
    """Log how long a call of an entry took that compiled it."""
    before, start = _n_compiled(compiled), perf_counter()
    yield
    if _n_compiled(compiled) > before:
        folder = compiled.stats.cache_path
        kept = "kept for next time" if folder else "not kept: set NUMBA_CACHE_DIR to a folder"
        log.info("compiled the training loop in %.1f s; %s", perf_counter() - start, kept)


def _n_compiled(compiled: Any) -> int:
    return sum(compiled.stats.cache_misses.values())
