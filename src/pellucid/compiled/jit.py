"""How functions are compiled by Numba.

Numba translates a function to machine code when it is first called with arguments of certain types.
Python calls an `entry`; entries and kernels call a `kernel`. A product and a sum may be rounded together as
one operation. No other fast-math option is used: sums keep their order, and NaN and infinity keep their
meaning, because a loss that is not finite must be noticed.
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
#: A function that Python never calls needs no code that unpacks Python's arguments.
INNER = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
log = logging.getLogger("pellucid")


def kernel(function: Function) -> Function:
    """Compile a function that other compiled functions call."""
    return njit(**INNER)(function)  # type: ignore[no-any-return]


def inlined(function: Function) -> Function:
    """Compile a function as part of its caller. With a single caller this compiles faster."""
    return njit(inline="always", **INNER)(function)  # type: ignore[no-any-return]


def entry(function: Function) -> Any:
    """Compile a function that Python calls, and cache its machine code on disk if a folder is writable."""
    compiled = njit(**OPTIONS)(function)
    try:
        compiled.enable_caching()
    except RuntimeError as error:
        log.info("the machine code is not kept: %s", error)
    else:
        _remove_stale(compiled)
    return compiled


def _remove_stale(compiled: Any) -> None:
    """Remove machine code older than any source file here. Numba compares the entry's own file only."""
    newest = max(source.stat().st_mtime_ns for source in Path(__file__).parent.rglob("*.py"))
    for kept in Path(compiled.stats.cache_path).glob(f"*.{compiled.__name__}-*.nb[ci]"):
        with suppress(FileNotFoundError):  # another process removed it first
            if kept.stat().st_mtime_ns < newest:
                kept.unlink()


@contextmanager
def log_compile_time(compiled: Any) -> Iterator[None]:
    """Log the duration of the block if an entry was compiled within it."""
    before, start = _compilations(compiled), perf_counter()
    yield
    if _compilations(compiled) > before:
        folder = compiled.stats.cache_path
        kept = "kept for next time" if folder else "not kept: set NUMBA_CACHE_DIR to a folder"
        log.info("compiled the training loop in %.1f s; %s", perf_counter() - start, kept)


def _compilations(compiled: Any) -> int:
    return sum(compiled.stats.cache_misses.values())
