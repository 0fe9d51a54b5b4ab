"""Files that appear whole or not at all.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     write_whole(Path(folder, "a"), [b"one ", b"file"])
...     Path(folder, "a").read_bytes()
b'one file'
"""

import errno
import os
import secrets
from collections.abc import Iterable
from os import PathLike
from pathlib import Path


def write_whole(path: str | PathLike[str], chunks: Iterable[bytes | bytearray]) -> None:
    """Write chunks to a file under a temporary name beside it, flush to the disk, and rename.

    Parameters
    ----------
    path : path
        An existing file is replaced in one step. Its folder must exist.
    chunks : iterable of bytes

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written: then an existing file is as it was.
        Also if there is something at `path` that is not a regular file; a link is followed.
    """
    path = Path(path).resolve()
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "not a regular file, so it is not replaced: name another", str(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        # The user named the file, not its temporary name.
        if error.errno is None:
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
