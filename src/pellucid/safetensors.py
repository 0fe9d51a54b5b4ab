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

import json
from collections.abc import Mapping
from math import prod
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.backend import Array
from pellucid.files import write_whole

#: NumPy's dtypes in the order in which the format's own package lays tensors out.
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
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}
#: The one metadata key of our files.
KEY = "pellucid"


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
        If an array's dtype is not one of the format's, or a name is the header's own.

    Examples
    --------
    >>> write("x.safetensors", {"a": np.zeros(1, complex)}, None)
    Traceback (most recent call last):
    ...
    ValueError: a: dtype complex128 cannot be stored, only BOOL, F16, ... U16, U32, U64, U8
    """
    arrays = {name: np.asarray(array) for name, array in tensors.items()}
    if "__metadata__" in arrays:
        raise ValueError("__metadata__ is the header's own name: give the tensor another")
    for name, array in arrays.items():
        if array.dtype.newbyteorder("<") not in NAMES:
            known = sorted(DTYPES)
            raise ValueError(
                f"{name}: dtype {array.dtype} cannot be stored, only {', '.join(known[:2])}, ... "
                f"{', '.join(known[-4:])}"
            )
    order = sorted(arrays, key=lambda name: (list(DTYPES).index(_name_of(arrays[name])), name))
    header: dict[str, Any] = {"__metadata__": {KEY: json.dumps(about, allow_nan=False)}}
    stop = 0
    for name in order:
        start, stop = stop, stop + arrays[name].nbytes
        header[name] = {
            "dtype": _name_of(arrays[name]),
            "shape": list(arrays[name].shape),
            "data_offsets": [start, stop],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    chunks = [len(text).to_bytes(8, "little"), text]
    write_whole(path, [*chunks, *(_little_endian_bytes(arrays[name]) for name in order)])


def read(path: str | PathLike[str]) -> tuple[dict[str, Array], Any]:
    """Read a file: its arrays, and what stands under the metadata key ``pellucid`` (None if nothing does).

    Raises
    ------
    ValueError
        If the file is not whole and consistent; the message says where.

    Examples
    --------
    >>> read("missing.safetensors")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'missing.safetensors'
    """
    content = Path(path).read_bytes()
    header, data = _parse_header(content, path)
    try:
        about = json.loads(header.pop("__metadata__", {}).get(KEY, "null"))
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: the metadata are not JSON text: {error}") from error
    arrays = {name: _tensor(name, entry, data, path) for name, entry in header.items()}
    expected = 0
    for name in sorted(header, key=lambda name: tuple(header[name]["data_offsets"])):
        start, stop = header[name]["data_offsets"]
        if start != expected:
            raise ValueError(f"{path}: tensor {name!r} begins at data byte {start}, expected {expected}")
        expected = stop
    if expected != len(data):
        raise ValueError(f"{path}: the tensors take {expected} bytes, but {len(data)} follow the header")
    return arrays, about


def _parse_header(content: bytes, path: object) -> tuple[dict[str, Any], memoryview]:
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > len(content) - 8:
        raise ValueError(f"{path}: not a safetensors file: {len(content)} bytes, header said to take {size}")
    try:
        header = json.loads(content[8 : 8 + size].decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a safetensors file: the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise ValueError(f"{path}: not a safetensors file: the header is not a JSON object")
    return header, memoryview(content)[8 + size :]


def _tensor(name: str, entry: Any, data: memoryview, path: object) -> Array:
    """Return one tensor as an array of its own, its header entry checked."""
    try:
        dtype, shape = np.dtype(DTYPES[entry["dtype"]]), tuple(entry["shape"])
        start, stop = entry["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: tensor {name!r}: its header entry cannot be read: {error!r}") from error
    if not all(type(number) is int and number >= 0 for number in (*shape, start, stop)):
        raise ValueError(f"{path}: tensor {name!r}: shape and offsets must be whole numbers >= 0")
    if stop > len(data) or stop - start != prod(shape) * dtype.itemsize:
        raise ValueError(
            f"{path}: tensor {name!r} of {dtype} {shape} needs {prod(shape) * dtype.itemsize} bytes, "
            f"but its place is {start} to {stop} of {len(data)}"
        )
    try:
        return np.frombuffer(data[start:stop], dtype).reshape(shape).copy()
    except (OverflowError, ValueError) as error:  # no array has 100 axes, or an axis of 2**70 even if empty
        raise ValueError(f"{path}: tensor {name!r} cannot have shape {shape}: {error}") from error


def _name_of(array: Array) -> str:
    return NAMES[array.dtype.newbyteorder("<")]


def _little_endian_bytes(array: Array) -> bytes:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
