"""Memory-map arrays that `numpy.save` has written.

`numpy.load` does the work. This module also checks that the file is a regular one, has a short header and
holds numbers; for a damaged file, it raises a `ValueError` with a one-line message.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     np.save(folder + "/a.npy", np.arange(3))
...     open_npy(folder + "/a.npy").tolist()
[0, 1, 2]
"""

from os import PathLike

import numpy as np

from pellucid.backend import Array
from pellucid.files.reading import open_regular
from pellucid.wording import brief, plain

MAGIC = b"\x93NUMPY"
#: The header of an array with 64 axes, NumPy's limit, takes about 1,500 bytes.
MAX_HEADER = 2048


def open_npy(path: str | PathLike[str]) -> Array:
    """Return a file's array as a read-only memory map; raise `ValueError` unless it holds numbers."""
    with open_regular(path) as file:
        _check_start(file.read(12))
    try:
        with np.errstate(over="raise"):  # the size in bytes may overflow
            array: Array = np.load(path, mmap_mode="r", allow_pickle=False, max_header_size=MAX_HEADER)
    except OSError:
        raise
    except Exception as error:  # NumPy raises a dozen kinds of exceptions for damaged headers
        raise ValueError(_why(error)) from error
    if array.dtype.kind not in "biufc":
        raise ValueError(f"it must hold numbers, got dtype {brief(array.dtype)}")
    return array


def _check_start(start: bytes) -> None:
    """Raise unless a .npy file begins here, with a short header: NumPy checks a length only after reading."""
    if not start.startswith(MAGIC):
        raise ValueError(f"not a .npy file: it begins with {start[:8]!r}, not with {MAGIC!r}: use numpy.save")
    length = int.from_bytes(start[8:10] if start[6:7] == b"\1" else start[8:12], "little")
    if length > MAX_HEADER:
        raise ValueError(f"the header length is {length:,} bytes, the limit is {MAX_HEADER:,}")


def _why(error: Exception) -> str:
    if "mmap length" in str(error):
        return "the file is shorter than its header says: was it copied completely?"
    return f"its header is damaged: {plain(str(error), 150)}"
