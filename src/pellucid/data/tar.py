"""A file out of a tar archive in memory, by its known name: nothing else of the archive is made use of.

Python's `tarfile` keeps every member that an archive names, and every attribute: much more than its bytes.
"""

from collections.abc import Iterator

from pellucid.data.unpack import Content, MissingError
from pellucid.wording import brief

BLOCK = 512
#: What the type of a regular file may be.
REGULAR = (b"0", b"\0")


def read_member(archive: Content, name: str) -> memoryview:
    """Return the bytes of a regular file, as a view on the archive's.

    Parameters
    ----------
    archive : bytearray or memoryview
    name : str
        At most 100 characters of ASCII: longer names have other headers.

    Raises
    ------
    MissingError
        If the archive is none, or has no such file.

    Examples
    --------
    >>> read_member(bytearray(1024), "a")
    Traceback (most recent call last):
    ...
    pellucid.data.unpack.MissingError: not the expected archive: there is no 'a' in it
    """
    for header, content in _members(memoryview(archive)):
        if header[:100].rstrip(b"\0/") == name.encode():
            if header[156:157] not in REGULAR:
                raise MissingError(f"{name} in the package is not a plain file")
            return content
    raise MissingError(f"not the expected archive: there is no {brief(name, 100)} in it")


def _members(archive: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the header and the content of each member."""
    place = 0
    while (header := bytes(archive[place : place + BLOCK])).strip(b"\0"):
        _check(header, place)
        start, size = place + BLOCK, _number(header[124:136], place)
        if size > len(archive) - start:
            raise MissingError(f"not the expected archive: byte {place}: {size:,} bytes are said to follow")
        yield header, archive[start : start + size]
        place = start + -(-size // BLOCK) * BLOCK


def _check(header: bytes, place: int) -> None:
    """Raise unless a header's sum is what it says; its own place counts as blanks."""
    found = sum(header[:148]) + 8 * ord(" ") + sum(header[156:])
    if len(header) < BLOCK or found != _number(header[148:156], place):
        raise MissingError(f"not the expected archive: byte {place}: no header of tar")


def _number(field: bytes, place: int) -> int:
    digits = field.strip(b"\0 ")
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise MissingError(f"not the expected archive: byte {place}: no header of tar")
    return int(digits, 8)
