"""Write files atomically: they appear complete or not at all, even if the process or the machine stops.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     write_whole(Path(folder, "a"), [b"one ", b"file"])
...     Path(folder, "a").read_bytes()
b'one file'
"""

import errno
import glob
import os
import secrets
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import BinaryIO


class System:
    """The system calls of `write_whole`; tests replace them to kill the process before and after each one."""

    def create(self, path: Path) -> BinaryIO:
        """Create a file, which must not exist."""
        return path.open("xb")

    def write(self, file: BinaryIO, chunk: bytes | bytearray | memoryview) -> None:
        """Write a chunk."""
        file.write(chunk)

    def sync(self, file: BinaryIO) -> None:
        """Wait until the written bytes are on the disk."""
        file.flush()
        os.fsync(file.fileno())

    def rename(self, path: Path, new: Path) -> None:
        """Rename a file, replacing any file of the new name."""
        path.replace(new)

    def sync_folder(self, folder: Path) -> None:
        """Wait until the folder's new entry is on the disk; Windows has no call for that."""
        if hasattr(os, "O_DIRECTORY"):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


#: The system calls in use.
SYSTEM = System()


def write_whole(path: str | PathLike[str], chunks: Iterable[bytes | bytearray | memoryview]) -> None:
    """Write chunks to a temporary file in the same folder, flush it to the disk, and rename it.

    An existing file is replaced in one step; after an error it is unchanged. Symbolic links are followed; a
    pipe or a device raises `OSError`.
    """
    path = Path(path).resolve()
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "not a regular file, so it is not replaced: name another", str(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with SYSTEM.create(temporary) as file:
            for chunk in chunks:
                SYSTEM.write(file, chunk)
            SYSTEM.sync(file)
        SYSTEM.rename(temporary, path)
        SYSTEM.sync_folder(path.parent)
    except OSError as error:
        # The message should name the user's file, not the temporary one.
        if error.errno is None:
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_left_over(path: str | PathLike[str]) -> None:
    """Remove temporary files of `write_whole` that killed processes left behind."""
    path = Path(path).resolve()
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*-????????"):
        pid = temporary.name.removeprefix(f".{path.name}.").partition("-")[0]
        if pid.isdecimal() and not _is_running(int(pid)):
            temporary.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    """Tell whether a process with this number is running; True if the system cannot tell."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
