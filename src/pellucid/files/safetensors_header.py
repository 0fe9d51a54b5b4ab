"""What the header of a safetensors file says: JSON that names each tensor's dtype, shape and place.

>>> make_header({"a": np.zeros(2)}, None)
b'{"__metadata__":{"pellucid":"null"},"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}      '
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from typing import Any

import numpy as np

from pellucid.backend import Array
from pellucid.files.reading import MAX_JSON, check_json_size, parse_json
from pellucid.wording import brief

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
#: The longest header that is written and read: within what `check_json_size` allows, it names 5,000 tensors,
#: or 50,000 columns of a table.
MAX_HEADER = MAX_JSON
#: NumPy's own limit.
MAX_AXES = 64


@dataclass(frozen=True, slots=True)
class Place:
    """What the header says of a tensor: what it is, and which bytes after the header it takes.

    Examples
    --------
    >>> Place(np.dtype("f4"), (3,), 0, 12).stop
    12
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    stop: int

    @property
    def n_bytes(self) -> int:
        """How many bytes such an array takes."""
        return prod(self.shape) * self.dtype.itemsize


def check_storable(name: str, array: Array) -> None:
    """Raise `ValueError` unless the format has the array's dtype and UTF-8 its name."""
    if name == "__metadata__":
        raise ValueError("__metadata__ is the header's own name: give the tensor another")
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise ValueError(f"{brief(name)} holds half a character, which UTF-8 does not have: name it anew")
    if array.dtype.newbyteorder("<") not in NAMES:
        raise ValueError(f"{brief(name)}: dtype {array.dtype} cannot be stored, only {_known_dtypes()}")


def in_order(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return arrays in the order in which the package lays them out: by dtype, then by name."""
    dtypes = list(DTYPES)
    return dict(sorted(arrays.items(), key=lambda item: (dtypes.index(_code_of(item[1])), item[0])))


def make_header(arrays: Mapping[str, Array], about: object) -> bytes:
    """Return the header, padded to whole words, of arrays that follow it in this order."""
    told = json.dumps(about, allow_nan=False)
    parse_json(told)  # so that nothing is written that could not be read
    header: dict[str, Any] = {"__metadata__": {KEY: told}}
    stop = 0
    for name, array in arrays.items():
        start, stop = stop, stop + array.nbytes
        header[name] = {"dtype": _code_of(array), "shape": list(array.shape), "data_offsets": [start, stop]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    if len(text) > MAX_HEADER:
        raise ValueError(f"names and notes take {len(text):,} bytes, at most {MAX_HEADER:,} can be stored")
    check_json_size(text.decode())
    return text + b" " * (-len(text) % 8)


def parse_header(file: BufferedReader, size: int, path: object) -> tuple[dict[str, Place], Any, int]:
    """Return where each tensor is, what stands under our metadata key, and where the first tensor begins.

    Parameters
    ----------
    file : open file of `size` bytes, at its start
    path : object
        For messages.

    Raises
    ------
    ValueError
        If the header is no such JSON, or its tensors would not fill the rest of the file.
    """
    header = _parse_json(_header_bytes(file, size, path), path)
    metadata = header.pop("__metadata__", None)
    places = {name: _place(f"{path}: tensor {brief(name)}", header.pop(name)) for name in list(header)}
    _check_order(places, size - file.tell(), path)
    return places, _about(metadata, path), file.tell()


def _header_bytes(file: BufferedReader, size: int, path: object) -> bytes:
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > size - 8:
        raise ValueError(f"{path}: not a safetensors file: {size} bytes, header said to take {length}")
    if length > MAX_HEADER:
        raise ValueError(f"{path}: the header takes {length:,} bytes, at most {MAX_HEADER:,} are read")
    return file.read(length)


def _parse_json(text: bytes, path: object) -> dict[str, Any]:
    try:
        header = parse_json(text.decode())
    except ValueError as error:
        raise ValueError(f"{path}: not a safetensors file: the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise ValueError(f"{path}: not a safetensors file: the header is not a JSON object")
    return header


def _about(metadata: Any, path: object) -> Any:
    """Return what stands under our key. Files of others may have other keys, or no metadata at all."""
    metadata = {} if metadata is None else metadata
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise ValueError(f"{path}: the metadata are not JSON text: they must map names to texts")
    try:
        return parse_json(metadata.get(KEY, "null"))
    except ValueError as error:
        raise ValueError(f"{path}: the metadata are not JSON text: {error}") from error


def _place(where: str, entry: Any) -> Place:
    """Return what a header entry says, as far as it can be checked by itself."""
    try:
        code, shape, (start, stop) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: its header entry cannot be read: {brief(error)}") from error
    if not isinstance(code, str) or code not in DTYPES:
        raise ValueError(f"{where} has dtype {brief(code)}, which NumPy has not: only {_known_dtypes()}")
    if not isinstance(shape, list):
        raise ValueError(f"{where}: its shape must be a list, got {brief(shape)}")
    if not all(type(number) is int and 0 <= number < 2**63 for number in (*shape, start, stop)):
        raise ValueError(f"{where}: shape and offsets must be whole numbers >= 0 and < 2**63")
    if len(shape) > MAX_AXES:
        raise ValueError(f"{where} has {len(shape)} axes, an array at most {MAX_AXES}")
    place = Place(np.dtype(DTYPES[code]), tuple(shape), start, stop)
    if stop - start != place.n_bytes:
        needs = f"{place.dtype} {place.shape} needs {place.n_bytes} bytes"
        raise ValueError(f"{where} of {needs}, but its place is {start} to {stop}")
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


def _code_of(array: Array) -> str:
    return NAMES[array.dtype.newbyteorder("<")]


def _known_dtypes() -> str:
    known = sorted(DTYPES)
    return f"{', '.join(known[:2])}, ... {', '.join(known[-4:])}"
