"""Arrays on the disk in NumPy's own format, opened without being read.

A file is a magic number, the version, the length of a header in Python's notation, this header, the numbers.
`numpy.load` reads it too; here every size is checked first, and damage is a `ValueError` of one line.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     np.save(folder + "/a.npy", np.arange(3))
...     open_npy(folder + "/a.npy").tolist()
[0, 1, 2]
"""

import ast
import os
import re
from io import BufferedReader
from math import prod
from os import PathLike
from typing import Any

import numpy as np

from pellucid.backend import Array
from pellucid.files.reading import open_regular
from pellucid.wording import brief

MAGIC = b"\x93NUMPY"
#: By version: how many bytes the header's length takes.
LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
MAX_HEADER = 10_000
#: Booleans, whole, real and complex numbers, of either order.
NUMBERS = re.compile(r"[<>=|]?[?biufc][0-9]{0,2}")


def open_npy(path: str | PathLike[str]) -> Array:
    """Return a file's array as a memory map, which takes no memory until it is used.

    Raises
    ------
    ValueError
        If the file is not one, holds anything but numbers, or is shorter than it says.

    Examples
    --------
    >>> open_npy("missing.npy")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'missing.npy'
    """
    with open_regular(path) as file:
        dtype, shape, order = _checked(_header(file))
        size, start = os.fstat(file.fileno()).st_size, file.tell()
        needed = prod(shape) * dtype.itemsize
        if size - start < needed:
            raise ValueError(f"{dtype} {shape} needs {needed} bytes, but {size - start} follow the header")
        if needed == 0:
            return np.empty(shape, dtype)
        return np.memmap(file, dtype, "r", start, shape, order)


def _header(file: BufferedReader) -> Any:
    """Return what the header says, read up to its end."""
    magic = file.read(8)
    width = LENGTH_BYTES.get(magic[6]) if len(magic) == 8 and magic.startswith(MAGIC) else None
    if width is None:
        raise ValueError(f"it begins with {magic!r}, not with {MAGIC!r} and a version from 1 to 3")
    length = int.from_bytes(file.read(width), "little")
    if length > MAX_HEADER:
        raise ValueError(f"its header is said to take {length:,} bytes, at most {MAX_HEADER:,} are read")
    text = file.read(length).decode("utf-8" if magic[6] == 3 else "latin-1")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"its header cannot be read: {brief(text)}") from error


def _checked(header: Any) -> tuple[np.dtype[Any], tuple[int, ...], Any]:
    """Return dtype, shape and order of a header."""
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise ValueError(f"its header must name descr, fortran_order and shape, got {brief(header)}")
    descr, is_fortran, shape = header["descr"], header["fortran_order"], header["shape"]
    if not isinstance(shape, tuple) or not all(type(n) is int and 0 <= n < 2**63 for n in shape):
        raise ValueError(f"its shape must be whole numbers >= 0, got {brief(shape)}")
    if type(is_fortran) is not bool or len(shape) > 64:
        raise ValueError(f"its header is damaged: {brief(header)}")
    return _dtype(descr), shape, "F" if is_fortran else "C"


def _dtype(descr: Any) -> np.dtype[Any]:
    """Return the dtype of numbers that a header names; objects, which only pickle can hold, are none."""
    try:
        if isinstance(descr, str) and NUMBERS.fullmatch(descr):
            return np.dtype(descr)
    except TypeError as error:
        raise ValueError(f"there are no numbers of dtype {descr!r}") from error
    raise ValueError(f"it must hold numbers, got dtype {brief(descr)}")
