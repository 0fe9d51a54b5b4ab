"""CSV files with a header, plain or gzip, as tables of text; columns of numbers and labels taken from them.

polars parses; what a cell means is decided here, so that a message can name its row (the header is row 1)
and column. Nothing is guessed: an empty cell is never 0, and a word never a number.
"""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pellucid.data import DataError
from pellucid.data.files import read_unpacked, sha256
from pellucid.reading import brief, plain

if TYPE_CHECKING:
    import polars

#: Limits on what a small packed file may unpack to: a table in memory takes some 24 bytes a cell.
MAX_BYTES = 1 << 30
MAX_CELLS = 100_000_000
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, eq=False)
class Table:
    r"""A CSV file as text.

    Attributes
    ----------
    name : str
        The file, for messages.
    columns : tuple of str
    cells : polars.DataFrame
        One column of text each, named ``column_0`` … or ``column_1`` …; the header is not among the rows.
    sha256 : str
        Of the unpacked file.

    Examples
    --------
    >>> table = read_table(b"width,kind\n1.5,oak\n2,elm\n")
    >>> table.columns, numbers(table, ["width"]).tolist(), texts(table, "kind")
    (('width', 'kind'), [[1.5], [2.0]], ['oak', 'elm'])
    """

    name: str
    columns: tuple[str, ...]
    cells: "polars.DataFrame"
    sha256: str

    def __len__(self) -> int:
        return len(self.cells)


def read_table(source: str | Path | bytes) -> Table:
    r"""Read a CSV file with a header.

    Parameters
    ----------
    source : str, Path or bytes
        The file, plain or gzip, or its content: UTF-8, cells divided by commas.

    Raises
    ------
    DataError
        If the file is empty, has no rows below the header, two columns of one name, a row of another length,
        or is no text; or if it is too large. The message says what to do.

    Examples
    --------
    >>> read_table(b"a,a\n1,2\n")
    Traceback (most recent call last):
    ...
    pellucid.data.files.DataError: <bytes>: two columns are called 'a': rename one
    """
    name = "<bytes>" if isinstance(source, bytes) else str(source)
    content = read_unpacked(source, MAX_BYTES)
    digest = sha256(content)
    if content.startswith(BYTE_ORDER_MARK):
        del content[: len(BYTE_ORDER_MARK)]
    _check_content(content, name)
    cells = _parse(_as_polars_needs(content), name)
    columns = tuple((cell or "").strip() for cell in cells.row(0))
    _check_columns(columns, name)
    if len(cells) == 1:
        raise DataError(f"{name}: no rows below the header")
    return Table(name, columns, cells.slice(1), digest)


def numbers(table: Table, columns: Sequence[str]) -> NDArray[np.float64]:
    r"""Return columns as an array of finite numbers, shape (rows, columns).

    Raises
    ------
    DataError
        At the first cell that is empty or no finite number.

    Examples
    --------
    >>> numbers(read_table(b"a,b\n1,\n"), ["a", "b"])
    Traceback (most recent call last):
    ...
    pellucid.data.files.DataError: <bytes>: row 2, column b: empty, expected a number: fill it or leave ...
    """
    values = np.empty((len(table), len(columns)))
    for k, column in enumerate(columns):
        values[:, k] = _floats(_text_column(table, column))
    wrong = ~np.isfinite(values)
    if wrong.any():
        row, k = (int(i) for i in np.argwhere(wrong)[0])
        cell = _text_column(table, columns[k])[row]
        found = f"{brief(cell, 40)} is not a finite number" if cell else "empty, expected a number"
        raise DataError(
            f"{table.name}: row {row + 2}, column {plain(columns[k])}: {found}: fill it or leave out the "
            f"{'row' if _mostly_numbers(values[:, k]) else 'column: features must be numbers'}"
        )
    return values


def texts(table: Table, column: str) -> list[str]:
    r"""Return a column of labels: text, or whole numbers written the same way each time.

    Raises
    ------
    DataError
        If a cell is empty, or the column holds numbers that are not whole.

    Examples
    --------
    >>> texts(read_table(b"a,y\n1,3.0\n1,04\n"), "y")
    ['3', '4']
    >>> texts(read_table(b"a,y\n1,3\n1,0.5\n"), "y")
    Traceback (most recent call last):
    ...
    pellucid.data.files.DataError: <bytes>: row 3, column y: 0.5 is not a class: labels must be text or ...
    """
    cells = _text_column(table, column)
    empty = (cells.fill_null("") == "").arg_true()
    if len(empty):
        row = int(empty[0])
        blank = all(cell is None for cell in table.cells.row(row))
        where = "a blank row, take it out" if blank else f"column {plain(column)}: empty, expected a label"
        raise DataError(f"{table.name}: row {row + 2}{': ' if blank else ', '}{where}")
    values = _floats(cells)
    if not np.isfinite(values).all():
        return cells.to_list()
    broken = np.flatnonzero(values != np.floor(values))
    if broken.size:
        row = int(broken[0])
        raise DataError(
            f"{table.name}: row {row + 2}, column {plain(column)}: {plain(cells[row])} is not a class: "
            "labels must be text or whole numbers; is --label right?"
        )
    return [_whole(cell, value) for cell, value in zip(cells.to_list(), values.tolist(), strict=True)]


def _whole(cell: str, value: float) -> str:
    """Write a whole number in one way; beyond 2^53 a float would change it."""
    digits = cell.removeprefix("-").removeprefix("+").lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        return str(int(value))
    return f"-{digits}" if cell.startswith("-") else digits


def _text_column(table: Table, column: str) -> "polars.Series":
    return table.cells.to_series(table.columns.index(column)).str.strip_chars()


def _floats(cells: "polars.Series") -> NDArray[np.float64]:
    """Return cells as numbers, NaN where a cell is none."""
    import polars

    return cells.cast(polars.Float64, strict=False).fill_null(float("nan")).to_numpy()


def _mostly_numbers(values: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(values).mean() > 0.5)


def _as_polars_needs(content: bytearray) -> bytes:
    """Return the content without empty lines at its end and with the mark of UTF-8; `content` is emptied.

    Without the mark, polars would unpack what begins like zlib, zstd or gzip once more, under no limit.
    """
    while content.endswith((b"\r", b"\n")):
        content.pop()
    marked = b"".join((BYTE_ORDER_MARK, content))
    content.clear()
    return marked


def _parse(content: bytes, name: str) -> "polars.DataFrame":
    """Return all records as text, the header among them: so that polars renames no column."""
    import polars

    try:
        return polars.read_csv(content, has_header=False, infer_schema_length=0)
    except polars.exceptions.PolarsError as error:
        raise DataError(f"{name}: {_why(content, error)}") from error


def _why(content: bytes, error: Exception) -> str:
    """Say in a user's words what kept a table from being read."""
    for number, line in enumerate(io.BytesIO(content), 1):
        try:
            line.decode()
        except UnicodeDecodeError as wrong:
            found = f"byte 0x{line[wrong.start]:02x} is not UTF-8 text"
            return f"row {number}: {found}: save the table as UTF-8 CSV"
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
    try:
        widths = (len(row) for row in csv.reader(text))
        width = next(widths)
        long = next((found for found in enumerate(widths, 2) if found[1] > width), None)
    except csv.Error as wrong:
        return f"not a CSV table: {plain(str(wrong), 200)}"
    if long is None:
        return f"not a CSV table: {plain(str(error).splitlines()[0], 200)}"
    return f"row {long[0]} has {long[1]} cells, the header {width}: text with commas needs quotes"


def _check_content(content: bytearray, name: str) -> None:
    if not content or content.isspace():
        raise DataError(f"{name}: the file is empty")
    if b"\0" in content:
        raise DataError(f"{name}: not a CSV table: it holds zero bytes; save it as UTF-8 CSV")
    if content.count(b'"') % 2:
        raise DataError(
            f'{name}: the " are odd in number: a quoted cell does not end, or one in it is not doubled'
        )
    cells = content.count(b",") + content.count(b"\n")
    if len(content) > MAX_BYTES or cells > MAX_CELLS:
        raise DataError(
            f"{name}: a table may have {MAX_BYTES >> 20:,} MiB unpacked and {MAX_CELLS:,} cells, "
            "this one has more: use fewer rows"
        )


def _check_columns(columns: Sequence[str], name: str) -> None:
    if "" in columns:
        raise DataError(f"{name}: column {columns.index('') + 1} has no name in the header: give it one")
    column, count = Counter(columns).most_common(1)[0]
    if count > 1:
        raise DataError(f"{name}: two columns are called {brief(column)}: rename one")
    if len(columns) == 1:
        raise DataError(f"{name}: only one column, {brief(column, 40)}: cells must be divided by commas")
