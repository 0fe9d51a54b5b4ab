"""The safetensors file format: read and write named arrays, with NumPy alone.

A file is eight bytes with the header's length N (unsigned, little-endian), N bytes of JSON that name each
tensor's dtype, shape and place, and the tensors' bytes without gaps, row by row, little-endian. Nothing in it
can run code. Format: https://huggingface.co/docs/safetensors.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     write(folder + "/a.safetensors", {"b": np.zeros(2)}, {"made": "here"})
...     read(folder + "/a.safetensors")
({'b': array([0., 0.])}, {'made': 'here'})
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from os import PathLike
from typing import Any

import numpy as np

from pellucid.backend import Array
from pellucid.files.reading import open_regular
from pellucid.files.safetensors_header import check_storable, in_order, make_header, parse_header
from pellucid.files.whole import write_whole
from pellucid.wording import brief

#: Bytes read at a time into an array that is laid out in another order than the file.
BLOCK_BYTES = 1 << 18


def write(path: str | PathLike[str], tensors: Mapping[str, Array], about: object) -> None:
    """Write arrays, and `about` as JSON under the metadata key ``pellucid``.

    Parameters
    ----------
    path : path
        An existing file is replaced, at once and only when the new one is whole on the disk.
    tensors : mapping of str to array
    about : object
        Whatever JSON can hold.

    Raises
    ------
    ValueError
        If an array's dtype is not one of the format's, or a name is the header's own; or if a text holds half
        a character, or JSON one name twice: what is written can be read again.

    Examples
    --------
    >>> write("x.safetensors", {"a": np.zeros(1, complex)}, None)
    Traceback (most recent call last):
    ...
    ValueError: 'a': dtype complex128 cannot be stored, only BOOL, F16, ... U16, U32, U64, U8
    """
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    for name, array in arrays.items():
        check_storable(name, array)
    arrays = in_order(arrays)
    header = make_header(arrays, about)
    chunks = [len(header).to_bytes(8, "little"), header]
    write_whole(path, [*chunks, *map(_little_endian_bytes, arrays.values())])


def read(path: str | PathLike[str]) -> tuple[dict[str, Array], Any]:
    """Read a file: its arrays, and what stands under the metadata key ``pellucid`` (None if nothing does).

    Raises
    ------
    ValueError
        If the file is not whole and consistent; the message says where.

    Notes
    -----
    The header is checked against the file's size before any tensor is read, and each tensor is read straight
    into its array: the memory taken is the file's size, and some 10 MB at most to look at the header.

    Examples
    --------
    >>> read("missing.safetensors")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'missing.safetensors'
    """
    with opened(path) as contents:
        return {name: contents.read(name) for name in contents.places}, contents.about


@contextmanager
def opened(path: str | PathLike[str]) -> Iterator["Contents"]:
    """Open a file to see what it holds before any tensor is read.

    Raises
    ------
    ValueError
        If the header is not one, or does not fit the file's size.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(folder + "/a", {"b": np.zeros((2, 3))}, None)
    ...     with opened(folder + "/a") as contents:
    ...         contents.places["b"].shape, contents.about
    ((2, 3), None)
    """
    with open_regular(path) as file:
        yield Contents(file, path)


class Contents:
    """An open file whose header was found right.

    Attributes
    ----------
    places : dict of str to Place
        Of each tensor: dtype, shape and where its bytes are.
    about : object
        What stands under the metadata key ``pellucid``, else None.
    """

    def __init__(self, file: BufferedReader, path: str | PathLike[str]) -> None:
        self._file, self._path = file, path
        size = os.fstat(file.fileno()).st_size
        self.places, self.about, self._start = parse_header(file, size, path)

    def read(self, name: str) -> Array:
        """Return a tensor as an array of its own."""
        place = self.places[name]
        try:
            array = np.empty(place.shape, place.dtype)
        except ValueError as error:  # no array has axes of 2**62 and 4, even if another is 0
            where = f"{self._path}: tensor {brief(name)}"
            raise ValueError(f"{where} cannot have shape {place.shape}: {error}") from error
        self._file.seek(self._start + place.start)
        self._fill(array, name)
        return array

    def read_into(self, name: str, target: Array) -> None:
        """Read a tensor into an array of its shape, of any order in memory, a block of rows at a time."""
        place = self.places[name]
        self._file.seek(self._start + place.start)
        n_rows = max(1, BLOCK_BYTES * len(target) // max(1, place.stop - place.start))
        for first in range(0, len(target), n_rows):
            rows = target[first : first + n_rows]
            block = np.empty(rows.shape, place.dtype)
            self._fill(block, name)
            rows[...] = block

    def _fill(self, array: Array, name: str) -> None:
        """Read the file's next bytes into a contiguous array."""
        content = array.reshape(-1).view(np.uint8)
        where = f"{self._path}: tensor {brief(name)}"
        if self._file.readinto(content.data) < content.size:
            raise ValueError(f"{where}: the file became shorter while it was read")
        if array.dtype == bool and content.max(initial=0) > 1:
            raise ValueError(f"{where}: true and false must be bytes 1 and 0, got {content.max()}")


def _little_endian_bytes(array: Array) -> bytes:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
