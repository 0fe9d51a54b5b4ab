"""The safetensors file format: read and write named arrays, with NumPy alone.

A file is eight bytes with the header's length N (unsigned, little-endian), N bytes of JSON that give each
tensor's dtype, shape and place, and the tensors' bytes without gaps, row by row, little-endian. Nothing in it
can run code. Format: https://huggingface.co/docs/safetensors.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     write(folder + "/a.safetensors", {"b": np.zeros(2)}, {"made": "here"})
...     read(folder + "/a.safetensors")
({'b': array([0., 0.])}, {'made': 'here'})
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from os import PathLike
from typing import Any

import numpy as np

from pellucid.backend import Array
from pellucid.files.reading import MAX_JSON, check_json_size, open_regular, parse_json
from pellucid.files.whole import write_whole
from pellucid.wording import brief

#: NumPy's dtypes, in the order in which the safetensors package stores tensors.
DTYPES = {
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
    "F32": "<f4",
    "U32": "<u4",
    "I32": "<i4",
    "F16": "<f2",
    "U16": "<u2",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
    "BOOL": "|b1",
}
CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}
#: The metadata key that pellucid uses.
KEY = "pellucid"
#: The longest header. Within `check_json_size`, it has room for 5,000 tensors, or 50,000 table columns.
MAX_HEADER = MAX_JSON
#: NumPy's own limit.
MAX_AXES = 64
#: Bytes read at once into an array whose memory layout differs from the file's.
BLOCK_BYTES = 1 << 18


def write(path: str | PathLike[str], tensors: Mapping[str, Array], about: object) -> None:
    """Write arrays, and `about` as JSON under the metadata key ``pellucid``.

    Raises
    ------
    ValueError
        If the file could not be read again: the format does not have an array's dtype, a name is reserved, a
        text holds a lone surrogate, or JSON has a name twice.
    """
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    for name, array in arrays.items():
        _check_storable(name, array)
    dtypes = list(DTYPES)
    arrays = dict(sorted(arrays.items(), key=lambda item: (dtypes.index(_code_of(item[1])), item[0])))
    header = make_header(arrays, about)
    chunks = [len(header).to_bytes(8, "little"), header]
    write_whole(path, [*chunks, *map(_little_endian_bytes, arrays.values())])


def read(path: str | PathLike[str]) -> tuple[dict[str, Array], Any]:
    """Read all arrays of a file, and the value under the metadata key ``pellucid`` (None if there is none).

    The header is checked against the file's size before any tensor is read, and each tensor is read directly
    into its array. Memory use is the size of the file, plus at most about 10 MB while the header is parsed.
    """
    with opened(path) as file:
        return {name: file.read(name) for name in file.places}, file.about


@contextmanager
def opened(path: str | PathLike[str]) -> Iterator["TensorFile"]:
    """Open a file and read its header, which is checked against the file's size before any tensor is read."""
    with open_regular(path) as file:
        yield TensorFile(file, path)


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor's header entry: dtype, shape, and the range of its bytes, counted from the header's end."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def n_bytes(self) -> int:
        """Bytes of an array of this dtype and shape."""
        return prod(self.shape) * self.dtype.itemsize


class TensorFile:
    """An open file with a valid header: its `places` by name, and `about`, the value under `KEY`."""

    def __init__(self, file: BufferedReader, path: str | PathLike[str]) -> None:
        self._file, self._path = file, path
        size = os.fstat(file.fileno()).st_size
        header = _read_header(file, size, path)
        metadata = header.pop("__metadata__", None)
        entries = ((name, header.pop(name)) for name in list(header))  # each is freed once it is checked
        self.places = {name: _place(f"{path}: tensor {brief(name)}", entry) for name, entry in entries}
        self._start = file.tell()
        _check_order(self.places, size - self._start, path)
        self.about = _about(metadata, path)

    def read(self, name: str) -> Array:
        """Return a tensor as a new array."""
        place = self.places[name]
        try:
            array = np.empty(place.shape, place.dtype)
        except ValueError as error:  # NumPy rejects axes of 2**62 and 4, even if another axis is 0
            where = f"{self._path}: tensor {brief(name)}"
            raise ValueError(f"{where} cannot have shape {place.shape}: {error}") from error
        self._file.seek(self._start + place.start)
        self._fill(array, name)
        return array

    def read_into(self, name: str, target: Array) -> None:
        """Read a tensor, block by block, into an array of its shape with any memory layout."""
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


def make_header(arrays: Mapping[str, Array], about: object) -> bytes:
    """Return the header for arrays that follow it in this order, padded to a multiple of 8 bytes.

    Examples
    --------
    >>> make_header({"a": np.zeros(2)}, None)
    b'{"__metadata__":{"pellucid":"null"},"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}      '
    """
    note = json.dumps(about, allow_nan=False)
    parse_json(note)  # so that every file written can be read again
    header: dict[str, Any] = {"__metadata__": {KEY: note}}
    stop = 0
    for name, array in arrays.items():
        start, stop = stop, stop + array.nbytes
        header[name] = {"dtype": _code_of(array), "shape": list(array.shape), "data_offsets": [start, stop]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    if len(text) > MAX_HEADER:
        raise ValueError(f"names and notes take {len(text):,} bytes, at most {MAX_HEADER:,} can be stored")
    check_json_size(text.decode())
    return text + b" " * (-len(text) % 8)


def _check_storable(name: str, array: Array) -> None:
    if name == "__metadata__":
        raise ValueError("__metadata__ is the header's own name: rename the tensor")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise ValueError(
            f"{brief(name)} holds a lone surrogate, which UTF-8 cannot encode: rename the tensor"
        )
    if array.dtype.newbyteorder("<") not in CODES:
        raise ValueError(f"{brief(name)}: dtype {array.dtype} cannot be stored, only {_known_dtypes()}")


def _code_of(array: Array) -> str:
    return CODES[array.dtype.newbyteorder("<")]


def _little_endian_bytes(array: Array) -> bytes:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()


def _read_header(file: BufferedReader, size: int, path: object) -> dict[str, Any]:
    """Return the header of a file of `size` bytes, and leave the file at the first tensor."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > size - 8:
        raise ValueError(
            f"{path}: not a safetensors file: the header length ({length:,} bytes) exceeds the file size "
            f"({size:,} bytes); is this a PyTorch .pt file?"
        )
    if length > MAX_HEADER:
        raise ValueError(f"{path}: the header takes {length:,} bytes, at most {MAX_HEADER:,} are read")
    try:
        header = parse_json(file.read(length).decode())
    except ValueError as error:
        raise ValueError(f"{path}: not a safetensors file: the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise ValueError(f"{path}: not a safetensors file: the header is not a JSON object")
    return header


def _about(metadata: Any, path: object) -> Any:
    """Return the value under `KEY`. Files of other libraries may have other keys, or no metadata."""
    metadata = {} if metadata is None else metadata
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise ValueError(f"{path}: the metadata are not JSON text: they must map names to texts")
    try:
        return parse_json(metadata.get(KEY, "null"))
    except ValueError as error:
        raise ValueError(f"{path}: the metadata are not JSON text: {error}") from error


def _place(where: str, entry: Any) -> Place:
    """Return a header entry after the checks that do not need the other entries."""
    try:
        code, shape, (start, stop) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: its header entry cannot be read: {brief(error)}") from error
    if not isinstance(code, str) or code not in DTYPES:
        raise ValueError(
            f"{where} has dtype {brief(code)}, which NumPy does not have: only {_known_dtypes()}"
        )
    if not isinstance(shape, list):
        raise ValueError(f"{where}: its shape must be a list, got {brief(shape)}")
    if not all(type(number) is int and 0 <= number < 2**63 for number in (*shape, start, stop)):
        raise ValueError(f"{where}: shape and data_offsets must be whole numbers >= 0 and < 2**63")
    if len(shape) > MAX_AXES:
        raise ValueError(f"{where} has {len(shape)} axes, an array has at most {MAX_AXES}")
    place = Place(np.dtype(DTYPES[code]), tuple(shape), start, stop)
    if stop - start != place.n_bytes:
        needs = f"{place.dtype} {place.shape} needs {place.n_bytes} bytes"
        raise ValueError(f"{where}: {needs}, but its data_offsets are {start} to {stop}")
    return place


def _check_order(places: Mapping[str, Place], size: int, path: object) -> None:
    """Raise unless the tensors follow each other without gaps and fill the file to its end."""
    expected = 0
    for name, place in sorted(places.items(), key=lambda item: (item[1].start, item[1].stop)):
        if place.start != expected:
            where = f"{path}: tensor {brief(name)}"
            raise ValueError(f"{where} begins at data byte {place.start}, expected {expected}")
        expected = place.stop
    if expected != size:
        raise ValueError(f"{path}: the tensors take {expected} bytes, but {size} follow the header")


def _known_dtypes() -> str:
    known = sorted(DTYPES)
    return f"{', '.join(known[:2])}, ... {', '.join(known[-4:])}"
