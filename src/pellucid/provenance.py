"""Provenance: what a result depends on besides its settings, and digests that identify results.

Versions, processor and threads are recorded. `source_digest` covers the part of the package that
a run can depend on, without comments and docstrings: editing those invalidates no result, changing a formula
does.
"""

import ast
import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from pellucid.wording import brief

#: Environment variables that set the number of BLAS threads; the first one that is set applies.
VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
#: Versions and hardware by name; None where unknown.
Arithmetic: TypeAlias = dict[str, str | int | None]


def arithmetic(packages: Sequence[str], *, with_blas: bool, with_threads: bool) -> Arithmetic:
    """Return the versions and hardware that determine a training run bit for bit.

    Parameters
    ----------
    packages : sequence of str
        The packages that compute, besides NumPy.
    with_blas, with_threads : bool
        Whether BLAS computes the matrix products, and whether its number of threads matters.
    """
    found: Arithmetic = {"numpy": np.__version__, **{each: version(each) for each in packages}}
    if with_blas:
        found |= {"blas": blas(), **blas_in_use()}
    if not with_threads:
        found.pop("blas threads", None)
    return found


def warn_of_changes(then: Mapping[str, Any], now: Arithmetic, path: object) -> None:
    """Log a warning if versions or hardware have changed since the checkpoint that a run resumes from."""
    import logging

    changed = [name for name in now if None not in (then.get(name), now[name]) and then[name] != now[name]]
    if changed:
        logging.getLogger("pellucid").warning(
            "%s was made with %s and resumes with %s: the bits may differ from those of an uninterrupted run",
            path,
            ", ".join(f"{name} {brief(then[name])}" for name in changed),
            ", ".join(f"{name} {brief(now[name])}" for name in changed),
        )


def version(package: str) -> str | None:
    """Return the version of an installed package, or None."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed(package)
    except PackageNotFoundError:
        return None


def blas() -> str:
    """Return the name and version of the library behind NumPy's matrix products."""
    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{built.get('name', 'unknown')} {built.get('version', '')}".strip()


def blas_in_use() -> Arithmetic:
    """Return the processor kernel and the number of threads of BLAS: both change the last digits."""
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
    """Return the number of threads BLAS starts with: from an environment variable, or one per core."""
    chosen = [os.environ[name] for name in VARIABLES if os.environ.get(name, "").isdecimal()]
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(chosen[0])) if chosen else n_cores


def environment() -> Arithmetic:
    """Return versions and hardware, as the ledger and the file of each run record them."""
    return {
        "pellucid": sys.modules["pellucid"].__version__,
        "source sha256": source_digest(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": blas(),
        **blas_in_use(),
        "numba": version("numba"),
        "scipy": version("scipy"),
        "torch": version("torch"),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _processor(),
        "cores": os.cpu_count(),
    }


def _processor() -> str:
    """Return the name of the processor: as Linux reports it if possible, else as Python does."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def fingerprint(made_of: Mapping[str, Any]) -> str:
    """Return the SHA-256 of everything that a run depends on: equal fingerprints mean equal bits.

    Parameters
    ----------
    made_of : mapping of str to JSON values
        Environment, data, seed, settings.

    Examples
    --------
    >>> fingerprint({"seed": 1, "epochs": 2}) == fingerprint({"epochs": 2, "seed": 1})
    True
    """
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


#: The modules that define the runs; the digest covers everything they import, directly or indirectly.
RUNS = tuple(f"lab.reports.{letter}_run" for letter in "abcde")
#: Modules that draw or judge results; they do not affect the numbers of a run.
SHOWN = ("drawing", "lab.ledger", "lab.pictures")


@cache
def source_digest(starts: tuple[str, ...] = RUNS, folder: Path = Path(__file__).parent) -> str:
    """Return the SHA-256 of the source that some modules depend on, without comments and docstrings.

    The digest may differ between versions of Python, which are part of a run's fingerprint anyway.

    Parameters
    ----------
    starts : tuple of str
        Modules by their names within the package.
    folder : Path
        The package.
    """
    return fingerprint(_sources(starts, folder))


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of all source in a folder, without comments and docstrings.

    Examples
    --------
    >>> len(folder_digest(Path("missing")))
    64
    """
    paths = sorted(path for kind in ("*.py", "*.cu") for path in folder.rglob(kind))
    return fingerprint({path.relative_to(folder).as_posix(): _code(path) for path in paths})


def _sources(starts: Sequence[str], folder: Path) -> dict[str, str]:
    """Return the names and the code of the modules and kernels that the digest covers."""
    found: dict[str, str] = {}
    pending = list(starts)
    for name in starts:
        if _module_path(folder, name) is None:
            raise ValueError(f"there is no module {name!r} in {folder} to take a digest of")
    while pending:
        name = pending.pop()
        path = _module_path(folder, name)
        if path is None or name in found or name.startswith(SHOWN):
            continue
        tree = ast.parse(path.read_bytes())
        pending += _imported(tree)
        found[name] = ast.unparse(_without_docstrings(tree))
        found |= {kernels.name: _code(kernels) for kernels in path.parent.glob("*.cu")}
    return found


def _code(path: Path) -> str:
    """Return the code of a file without comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".cu":
        return re.sub(r"\s*//.*", "", text)
    return ast.unparse(_without_docstrings(ast.parse(text)))


def _module_path(folder: Path, name: str) -> Path | None:
    """Return the file of a module or a package, or None."""
    inside = folder.joinpath(*name.split(".")) if name else folder
    paths = inside.with_suffix(".py"), inside / "__init__.py"
    return next((path for path in paths if path.is_file()), None)


def _imported(tree: ast.AST) -> Iterator[str]:
    """Yield the modules within the package that a module imports from, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, *parts = name.split(".")
            if package == "pellucid":  # the last part is a module, or a name in one
                yield from (".".join(parts), ".".join(parts[:-1]))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """Remove the docstrings of a module and of everything in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            ast.get_docstring(node, clean=False) is not None
        ):
            del node.body[0]
    return tree
