"""A temporary folder for thousands of files, in memory where the system has a file system there."""

from pathlib import Path
from tempfile import TemporaryDirectory

MEMORY = Path("/dev/shm")


def scratch_folder() -> TemporaryDirectory[str]:
    """Return a temporary folder, which is removed at the end of a `with` block."""
    return TemporaryDirectory(prefix="pellucid-proof-", dir=MEMORY if MEMORY.is_dir() else None)
