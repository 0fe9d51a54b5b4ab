"""Read files, plain or gzip, and members of tar archives.

Gzip is detected from a file's content, never from its name. No function here uses more memory than its caller
allows, whatever a header or a compressed stream claims.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pellucid.files.reading import open_regular
from pellucid.wording import brief

if TYPE_CHECKING:
    import tarfile

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 20

Content: TypeAlias = bytearray | memoryview


class DataError(ValueError):
    """A data file is missing, damaged or of the wrong kind; the message says where.

    Examples
    --------
    >>> import pellucid.data as data
    >>> try:
    ...     data.read_idx(b"GIF89a")
    ... except data.DataError as error:
    ...     print(error)
    <bytes>: byte 0: 0x47, expected 0x00 (the start of an IDX file)
    """


class MissingError(DataError):
    """A source lacks a file or cannot be reached; another source may have it."""


def name_of(source: str | Path | bytes) -> str:
    """Return the name that messages use for `source`."""
    return "<bytes>" if isinstance(source, bytes) else str(source)


@contextmanager
def open_unpacked(source: str | Path | bytes) -> Iterator[io.BufferedIOBase]:
    """Open a file, or bytes in memory, and unpack gzip; damage found while reading is a `DataError`."""
    import gzip
    import zlib

    with io.BytesIO(source) if isinstance(source, bytes) else open_regular(source) as raw:
        packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        try:
            yield gzip.GzipFile(fileobj=raw) if packed else raw
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{name_of(source)}: damaged gzip data: {error}") from error


def read_at_most(stream: io.BufferedIOBase, limit: int) -> bytearray:
    """Read up to `limit` bytes, in pieces, so that memory grows with the bytes that arrive."""
    data = bytearray()
    while len(data) < limit and (piece := stream.read(min(CHUNK_BYTES, limit - len(data)))):
        data += piece
    return data


def read_unpacked(source: str | Path | bytes, limit: int) -> bytearray:
    """Return the unpacked content, cut to `limit` + 1 bytes if it is longer than `limit`."""
    with open_unpacked(source) as stream:
        return read_at_most(stream, limit + 1)


def read_known(source: str | Path, size: int) -> memoryview:
    """Return the unpacked content of a file that should have `size` bytes, in memory allocated by NumPy.

    NumPy requests huge pages, which makes gathering rows several times as fast. A longer file is cut to
    `size` + 1 bytes.
    """
    content, n = np.empty(size + 1, np.uint8).data, 0
    with open_unpacked(source) as stream:
        while n <= size and (arrived := stream.readinto(content[n : n + CHUNK_BYTES])):
            n += arrived
    return content[:n]


def read_members(
    archive: str | Path, sizes: Mapping[str, int], limit: int
) -> Iterator[tuple[str, memoryview]]:
    """Yield the names and contents of files in a tar archive, plain or gzip; nothing is written to disk.

    `sizes` maps the names of the files to their sizes in bytes; a longer file is cut one byte past its size.
    An archive that unpacks to more than `limit` bytes is not read to its end.
    """
    import tarfile

    missing = dict(sizes)
    with open_unpacked(archive) as stream:
        limited: Any = Limited(stream, limit)
        try:
            with tarfile.open(fileobj=limited, mode="r|") as tar:
                while missing and (member := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]  # it would grow with the archive
                    if member.name in missing:
                        limited.check(member.size)
                        yield member.name, _content(tar, member, missing.pop(member.name))
        except (tarfile.TarError, UnicodeError, ValueError, OverflowError) as error:
            if isinstance(error, DataError):
                raise
            raise MissingError(f"not the expected archive: {brief(str(error), 100)}") from error
    if missing:
        raise MissingError(f"not the expected archive: there is no {brief(next(iter(missing)), 100)} in it")


def _content(tar: "tarfile.TarFile", member: "tarfile.TarInfo", size: int) -> memoryview:
    file = tar.extractfile(member) if member.isreg() else None
    if file is None:
        raise MissingError(f"{member.name} in the package is not a plain file")
    return memoryview(file.read(size + 1))


class Limited:
    """A stream that raises `DataError` after `limit` bytes.

    Reads past its end count too, since a damaged header can ask to skip 2**80 bytes.
    """

    def __init__(self, stream: io.BufferedIOBase, limit: int) -> None:
        self.stream, self.left = stream, limit

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        data = self.stream.read(size)
        self.left -= len(data) or size
        self.check(0)
        return data

    def check(self, size: int) -> None:
        """Raise if `size` more bytes exceed the limit."""
        if size > self.left:
            raise DataError("not the expected archive: it takes more bytes than the limit")


def sha256(data: bytes | Content) -> str:
    """Return the SHA-256 of `data` as hexadecimal digits."""
    import hashlib

    return hashlib.sha256(data).hexdigest()


def sha256_unpacked(source: str | Path | bytes) -> str:
    """Return the SHA-256 of the unpacked content, read piece by piece."""
    import hashlib

    with open_unpacked(source) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
