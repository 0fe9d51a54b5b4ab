"""The IDX format of the MNIST files (LeCun, Cortes and Burges 1998): a header, then the values.

Bytes 0 and 1 are zero, byte 2 is the type (0x08: unsigned byte), byte 3 the number of dimensions. Then follow
one big-endian 32-bit count per dimension, and the values, with the last dimension varying fastest.

>>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
array([7, 8, 9], dtype=uint8)
"""

import io
import math
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data.unpack import CHUNK_BYTES, Content, DataError, name_of, open_unpacked, read_at_most

UNSIGNED_BYTE = 0x08
MAX_DIMENSIONS = 8
MAX_BYTES = 1 << 30


def read_idx(
    source: str | Path | bytes,
    *,
    shape: Sequence[int | None] | None = None,
    n_classes: int | None = None,
    max_bytes: int = MAX_BYTES,
) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzip.

    Parameters
    ----------
    source : str, Path or bytes
        The file, or its content. The content decides whether it is gzip, not the name.
    shape : sequence of int or None, optional
        The shape the file must have, with None for any count: ``(None, 28, 28)``. Default: any shape.
    n_classes : int, optional
        For labels: each value must be below this number. Default: values are not checked.
    max_bytes : int, default 2**30
        Reject files whose header states more values than this.

    Returns
    -------
    ndarray of uint8, read-only
        The values, in the shape from the header.

    Raises
    ------
    DataError
        If the magic number, type, a dimension or a count is wrong, the file is too short or too long, a label
        is out of range, or the gzip data are damaged. The message names the file, the byte offset in the
        unpacked file, the value found and the value expected.
    OSError
        If the file cannot be opened.

    Notes
    -----
    Memory grows with the bytes that arrive, up to the size in the header: neither a forged header nor a gzip
    bomb can exhaust it.

    Examples
    --------
    >>> read_idx(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 5, 6]), shape=(None, 2))
    array([[5, 6]], dtype=uint8)
    >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 5, 10]), n_classes=10)
    Traceback (most recent call last):
        ...
    pellucid.data.unpack.DataError: <bytes>: byte 9: label 10, expected 0 to 9
    """
    name = name_of(source)
    with open_unpacked(source) as stream:
        counts = _read_counts(stream, name, shape)
        size = math.prod(counts)
        if size > max_bytes:
            stated = f"the header states {size:,} values"
            raise DataError(f"{name}: {stated}, the limit is max_bytes={max_bytes:,}")
        return _to_array(read_at_most(stream, size + 1), counts, name, n_classes)


def parse_idx(
    data: Content, name: str, shape: Sequence[int | None], n_classes: int | None
) -> NDArray[np.uint8]:
    """Return unpacked IDX content in memory as an array, without copying it; errors name the file `name`."""
    counts = _read_counts(io.BytesIO(data[: 4 + 4 * MAX_DIMENSIONS]), name, shape)
    return _to_array(memoryview(data)[4 + 4 * len(counts) :], counts, name, n_classes)


def _to_array(body: Content, counts: tuple[int, ...], name: str, n_classes: int | None) -> NDArray[np.uint8]:
    _check_length(len(body), counts, name)
    values = np.frombuffer(body, np.uint8).reshape(counts)
    values.flags.writeable = False
    if n_classes is not None:
        _check_labels(values, n_classes, name)
    return values


def _read_counts(stream: io.BufferedIOBase, name: str, shape: Sequence[int | None] | None) -> tuple[int, ...]:
    magic = bytes(read_at_most(stream, 4))
    _check_magic(magic, name)
    n_dims = magic[3]
    _check_dimensions(n_dims, shape, name)
    header = read_at_most(stream, 4 * n_dims)
    if len(header) < 4 * n_dims:
        raise DataError(
            f"{name}: byte {4 + len(header)}: the file ends, expected {4 + 4 * n_dims} header bytes"
        )
    counts = struct.unpack(f">{n_dims}I", header)
    for axis, (found, wanted) in enumerate(zip(counts, shape or counts, strict=True)):
        if wanted is not None and found != wanted:
            raise DataError(f"{name}: byte {4 + 4 * axis}: dimension {axis} is {found}, expected {wanted}")
    return counts


def _check_magic(magic: bytes, name: str) -> None:
    for offset, (found, wanted) in enumerate(zip(magic, (0, 0, UNSIGNED_BYTE), strict=False)):
        if found != wanted:
            meaning = "the start of an IDX file" if offset < 2 else "the type unsigned byte"
            raise DataError(f"{name}: byte {offset}: 0x{found:02x}, expected 0x{wanted:02x} ({meaning})")
    if len(magic) < 4:
        raise DataError(f"{name}: byte {len(magic)}: the file ends, expected 4 bytes of magic number")


def _check_dimensions(n_dims: int, shape: Sequence[int | None] | None, name: str) -> None:
    if shape is not None and n_dims != len(shape):
        raise DataError(f"{name}: byte 3: {n_dims} dimensions, expected {len(shape)}")
    if not 1 <= n_dims <= MAX_DIMENSIONS:
        raise DataError(f"{name}: byte 3: {n_dims} dimensions, expected 1 to {MAX_DIMENSIONS}")


def _check_length(found: int, counts: tuple[int, ...], name: str) -> None:
    start, size = 4 + 4 * len(counts), math.prod(counts)
    stated = f"the header states {' x '.join(map(str, counts))} values"
    if found < size:
        raise DataError(
            f"{name}: byte {start + found}: the file ends, expected {start + size} bytes ({stated})"
        )
    if found > size:
        raise DataError(f"{name}: byte {start + size}: more data, expected the end of the file ({stated})")


def _check_labels(values: NDArray[np.uint8], n_classes: int, name: str) -> None:
    flat = values.reshape(-1)
    for start in range(0, len(flat), CHUNK_BYTES):
        block = flat[start : start + CHUNK_BYTES]
        if block.max() >= n_classes:
            i = int((block >= n_classes).argmax())
            offset = 4 + 4 * values.ndim + start + i
            raise DataError(f"{name}: byte {offset}: label {block[i]}, expected 0 to {n_classes - 1}")
