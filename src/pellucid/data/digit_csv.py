"""Images as CSV files of whole numbers from 0 to 255, such as Kaggle's ``label,pixel0,...,pixel783``.

`numpy.loadtxt` parses a block of rows. A block with anything unusual, such as leading zeros or blanks, is
parsed again cell by cell, so that an error names its row and column. The header is row 1.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data.unpack import DataError, name_of, open_unpacked

N_PIXELS = 784
BLOCK_BYTES = 1 << 18
MAX_ROWS = 1_000_000
COLUMNS = ("label", *(f"pixel{i}" for i in range(N_PIXELS)))
DIGITS_AND_SEPARATORS = b"0123456789,\n"


def read_digit_csv(
    source: str | Path | bytes, *, max_rows: int = MAX_ROWS
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    r"""Read labelled 28 x 28 images from a CSV file in the format of Kaggle's Digit Recognizer.

    Parameters
    ----------
    source : str, Path or bytes
        A CSV file, plain or gzip, or its content: the header ``label,pixel0,...,pixel783``, then one image
        per row. Each cell is a whole number of one to three digits.
    max_rows : int, default 1,000,000
        The maximum number of rows; a small gzip file can hold very many.

    Returns
    -------
    labels : ndarray of int64, shape (n,)
    pixels : ndarray of uint8, shape (n, 784)

    Raises
    ------
    DataError
        If the header, the number of cells, a cell or a label is wrong, a row is blank, there are no rows, or
        the gzip data are damaged. The message names the file, the row (the header is row 1), the column, the
        text found and what was expected.
    OSError
        If the file cannot be opened.

    Notes
    -----
    Kaggle's ``train.csv`` (42,000 rows, 77 MB) takes about a second, and twice the memory of its pixels
    (33 MB).

    Examples
    --------
    >>> header = "label," + ",".join(f"pixel{i}" for i in range(784))
    >>> row = "7," + ",".join(["255"] * 784)
    >>> labels, pixels = read_digit_csv(f"{header}\n{row}\n".encode())
    >>> labels, pixels.shape, pixels.max()
    (array([7]), (1, 784), np.uint8(255))
    >>> read_digit_csv(f"{header}\n{row.replace('255', '256', 1)}\n".encode())
    Traceback (most recent call last):
        ...
    pellucid.data.unpack.DataError: <bytes>: row 2, column pixel0: '256' is not a whole number from 0 to 255
    """
    name = name_of(source)
    with open_unpacked(source) as stream:
        blocks = _blocks(stream, name)
        first = next(blocks, b"")
        header, _, rest = first.partition(b"\n")
        _check_header(header, name)
        tables = list(_tables(chain([rest], blocks), name, max_rows))
    if not tables:
        raise DataError(f"{name}: no rows below the header")
    labels = np.concatenate([table[:, 0] for table in tables]).astype(np.int64)
    return labels, np.concatenate([table[:, 1:] for table in tables])


def parse_numbers(block: bytes, columns: Sequence[str], name: str, first_row: int = 1) -> NDArray[np.uint8]:
    """Read whole rows of numbers from 0 to 255, and from 0 to 9 in the column "label"."""
    table = _parse_fast(block, len(columns))
    if table is None or (table[:, columns.index("label")] > 9).any():
        return _parse_slowly(block, columns, name, first_row)
    return table


def _tables(blocks: Iterable[bytes], name: str, max_rows: int) -> Iterator[NDArray[np.uint8]]:
    row = 2
    for block in filter(None, blocks):
        table = parse_numbers(block, COLUMNS, name, row)
        row += len(table)
        if row - 2 > max_rows:
            raise DataError(f"{name}: more than max_rows={max_rows:,} rows")
        yield table


def _blocks(stream: io.BufferedIOBase, name: str) -> Iterator[bytes]:
    """Cut the stream into blocks of whole rows, each with a newline at its end."""
    rest = b""
    while piece := stream.read(BLOCK_BYTES):
        rows, newline, rest = (rest + piece).rpartition(b"\n")
        if not newline and len(rest) > BLOCK_BYTES:
            raise DataError(f"{name}: a row of more than {BLOCK_BYTES:,} bytes: this is not a CSV of digits")
        if newline:
            yield (rows + newline).replace(b"\r\n", b"\n")
    if rest:
        yield rest.removesuffix(b"\r") + b"\n"


def _check_header(header: bytes, name: str) -> None:
    found = header.removeprefix(b"\xef\xbb\xbf").split(b",") if header else []
    if not found:
        raise DataError(f"{name}: row 1: empty, expected the header label,pixel0,...,pixel{N_PIXELS - 1}")
    for number, (cell, wanted) in enumerate(zip(found, COLUMNS, strict=False), 1):
        if cell != wanted.encode():
            raise DataError(f"{name}: row 1, column {number}: {_show(cell)}, expected '{wanted}'")
    if len(found) != len(COLUMNS):
        raise DataError(f"{name}: row 1: {len(found)} columns, expected {len(COLUMNS)}")


def _parse_fast(block: bytes, n_columns: int) -> NDArray[np.uint8] | None:
    if block.translate(None, DIGITS_AND_SEPARATORS) or block.startswith(b"\n") or b"\n\n" in block:
        return None
    try:
        table = np.loadtxt(io.BytesIO(block), np.uint8, delimiter=",", comments=None, ndmin=2)
    except ValueError:
        return None
    n_digits = table.size + np.count_nonzero(table > 9) + np.count_nonzero(table > 99)
    return table if table.shape[1] == n_columns and n_digits + table.size == len(block) else None


def _parse_slowly(block: bytes, columns: Sequence[str], name: str, first_row: int) -> NDArray[np.uint8]:
    rows = block.removesuffix(b"\n").split(b"\n")
    return np.array(
        [_parse_row(row, columns, f"{name}: row {n}") for n, row in enumerate(rows, first_row)], np.uint8
    )


def _parse_row(row: bytes, columns: Sequence[str], where: str) -> list[int]:
    cells = row.split(b",")
    if not row.strip():
        raise DataError(f"{where}: blank, expected {len(columns)} columns")
    if len(cells) != len(columns):
        raise DataError(f"{where}: {len(cells)} columns, expected {len(columns)}")
    return [
        _parse_cell(cell, 9 if column == "label" else 255, f"{where}, column {column}")
        for cell, column in zip(cells, columns, strict=True)
    ]


def _parse_cell(cell: bytes, limit: int, where: str) -> int:
    if not (cell.isdigit() and len(cell) <= 3 and int(cell) <= limit):
        raise DataError(f"{where}: {_show(cell)} is not a whole number from 0 to {limit}")
    return int(cell)


def _show(cell: bytes) -> str:
    """Return a cell's text for a message, with escapes for bytes that are not UTF-8."""
    return repr(cell[:20].decode("utf-8", "backslashreplace"))
