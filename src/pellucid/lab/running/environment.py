"""What a run was made with: versions, processor, and a digest of the package's source."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import pellucid
from pellucid.provenance import blas, blas_in_use, version

#: The parts of the package that training and judging do not use.
COMMAND_LINE = ("app", "bench", "cli")


@cache
def source_digest(*, with_app: bool = False) -> str:
    """Return the SHA-256 of the package's Python files and templates: any change makes another.

    The command line and the benchmark are left out, since no report depends on them; `pellucid train` does on
    app.

    Examples
    --------
    >>> len(source_digest())
    64
    """
    folder = Path(pellucid.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for kind in ("*.py", "*.jinja", "*.cu") for path in folder.rglob(kind)):
        part = path.relative_to(folder).parts[0]
        if part in COMMAND_LINE and not (with_app and part == "app"):
            continue
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def environment() -> dict[str, str | int | None]:
    """Return versions and hardware, as the ledger and each run's file record them.

    Examples
    --------
    >>> environment()["numpy"] == np.__version__
    True
    """
    return {
        "pellucid": pellucid.__version__,
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


def fingerprint(made_of: Mapping[str, Any]) -> str:
    """Return a SHA-256 of all that a run was made of: runs that share it come to the same bits.

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


def _processor() -> str:
    """Return the processor's name where Linux tells it, else what Python knows."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
