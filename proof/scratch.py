"""A folder for files that are written and read by the thousand: in memory where the system has one there."""

from pathlib import Path
from tempfile import TemporaryDirectory

MEMORY = Path("/dev/shm")


def scratch_folder() -> TemporaryDirectory[str]:
    """Return a temporary folder, to be used by `with`."""
    return TemporaryDirectory(prefix="pellucid-proof-", dir=MEMORY if MEMORY.is_dir() else None)
