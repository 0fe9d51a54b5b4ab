"""CSV files with a header, plain or gzip: columns of numbers and columns of labels.

Messages name the row (the header is row 1) and the column. Nothing is guessed: an empty cell is never 0, and
a word is never a number. Memory holds the unpacked file, the requested numbers (8 bytes each), and a few MB
for the block of rows being parsed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np
from numpy.typing import NDArray

from pellucid.app.row_blocks import RowBlock, row_blocks
from pellucid.data import DataError
from pellucid.data.unpack import CHUNK_BYTES, name_of, read_unpacked, sha256
from pellucid.wording import brief, plain

if TYPE_CHECKING:
    import polars

Floats = NDArray[np.float64]

#: Limits on the unpacked file: a small gzip file can hold a very large one.
MAX_BYTES = 1 << 30
MAX_CELLS = 100_000_000
#: Twice the width of the widest gene-expression tables.
MAX_COLUMNS = 1 << 15
#: A column with more labels than this is not a column of classes.
MAX_LABELS = 10_000
MAX_LABEL_BYTES = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, eq=False)
class Table:
    r"""A CSV file whose rows have as many cells as the header.

    Examples
    --------
    >>> table = read_table(b"width,kind\n1.5,oak\n2,elm\n")
    >>> table.columns, numbers(table, ["width"]).tolist(), labels(table, "kind").names
    (('width', 'kind'), [[1.5], [2.0]], ('oak', 'elm'))
    """

    name: str  #: The file, for messages.
    sha256: str  #: Of the unpacked file.
    columns: tuple[str, ...]
    n_rows: int  #: Rows below the header.
    body: memoryview  #: The text below the header.

    def __len__(self) -> int:
        return self.n_rows

    @cached_property
    def places(self) -> dict[str, int]:
        """The index of each column."""
        return {column: k for k, column in enumerate(self.columns)}

    def blocks(self) -> Iterator[tuple[slice, RowBlock]]:
        """Yield blocks of rows, each after the slice of row indices that it covers."""
        start = 0
        for block in row_blocks(self.body, self.name, first_row=2):
            yield slice(start, start := start + block.n_rows), block


@dataclass(frozen=True, eq=False)
class LabelColumn:
    """A column of labels."""

    names: tuple[str, ...]  #: The distinct labels, in order of first appearance.
    codes: NDArray[np.int16]  #: For each row, the index of its label in `names`.

    def numbers_in(self, classes: Sequence[str]) -> NDArray[np.int64]:
        """Return each row's class number; all labels must be among the classes."""
        number = {name: k for k, name in enumerate(classes)}
        return np.array([number[name] for name in self.names])[self.codes]


def read_table(source: str | Path | bytes) -> Table:
    r"""Read a CSV file with a header, plain or gzip, or its content: UTF-8 text, cells separated by commas.

    Raises
    ------
    DataError
        If the file is empty, too large or not text, has no rows below the header, two columns of the same
        name, or a row with more or fewer cells than the header. The message says what to do.

    Examples
    --------
    >>> read_table(b"a,a\n1,2\n")
    Traceback (most recent call last):
    ...
    pellucid.data.unpack.DataError: <bytes>: two columns are called 'a': rename one
    """
    name = name_of(source)
    content, digest = _read_content(source, name)
    header = next(row_blocks(memoryview(content), name, first_row=1)).row(0)
    columns = _column_names(header)
    body = memoryview(content)[len(header.text) :]
    return Table(name, digest, columns, _count_rows(body, columns, name), body)


def numbers(table: Table, columns: Sequence[str]) -> Floats:
    r"""Return columns as an array of finite numbers, shape (rows, columns).

    Examples
    --------
    >>> numbers(read_table(b"a,b\n1,\n"), ["a", "b"])
    Traceback (most recent call last):
    ...
    pellucid.data.unpack.DataError: <bytes>: row 2, column b: empty, expected a number: correct it or ...
    """
    values = np.empty((len(table), len(columns)))
    places, n_right = [table.places[column] for column in columns], np.zeros(len(columns))
    wrong: tuple[int, int, str] | None = None
    for rows, block in table.blocks():
        target = values[rows] if wrong is None else None  # unfilled pages of `values` take no memory
        is_right = np.isfinite(_floats(block, places, target))
        n_right += len(is_right) if is_right.all() else is_right.sum(axis=0)
        if wrong is None and not is_right.all():
            i, k = divmod(int(is_right.argmin()), len(columns))
            wrong = rows.start + i + 2, k, block.column(places[k])[i].strip()
    if wrong is not None:
        row, k, cell = wrong
        found = f"{brief(cell, 40)} is not a finite number" if cell else "empty, expected a number"
        remedy = "row" if n_right[k] > len(table) / 2 else "column: features must be numbers"
        raise DataError(
            f"{table.name}: row {row}, column {plain(columns[k])}: {found}: correct it or remove the {remedy}"
        )
    return values


def labels(table: Table, column: str) -> LabelColumn:
    r"""Return a column of labels: text, or whole numbers in one spelling (3.0 and 03 are both 3).

    Examples
    --------
    >>> labels(read_table(b"a,y\n1,3.0\n1,04\n1,3\n"), "y")
    LabelColumn(names=('3', '4'), codes=array([0, 1, 0], dtype=int16))
    >>> labels(read_table(b"a,y\n1,3\n1,0.5\n"), "y")
    Traceback (most recent call last):
    ...
    pellucid.data.unpack.DataError: <bytes>: row 3, column y: 0.5 is not a class: labels must be text or ...
    """
    import polars

    codes, known, where = np.empty(len(table), np.int16), dict[str, int](), f"column {plain(column)}"

    def refuse(label: int, found: str) -> NoReturn:
        row = int((codes == label).argmax()) + 2
        raise DataError(f"{table.name}: row {row}, {where}: {found}")

    for rows, block in table.blocks():
        cells = block.column(table.places[column])
        _number_new(known, cells, f"{table.name}: {where}")
        codes[rows] = [known[cell] for cell in cells]
    names = [cell.strip() for cell in known]
    if "" in names:
        refuse(names.index(""), "empty, expected a label")
    values = _as_numbers(polars.Series(names, dtype=polars.String)).to_numpy()
    if np.isfinite(values).all():
        broken = values != np.floor(values)
        if broken.any():
            k, remedy = int(broken.argmax()), "labels must be text or whole numbers; is --label right?"
            refuse(k, f"{plain(names[k])} is not a class: {remedy}")
        names = [_whole(text, value) for text, value in zip(names, values.tolist(), strict=True)]
    different = tuple(dict.fromkeys(names))
    number = {name: k for k, name in enumerate(different)}
    return LabelColumn(different, np.array([number[name] for name in names], np.int16)[codes])


def _number_new(known: dict[str, int], cells: Sequence[str], where: str) -> None:
    """Assign numbers to the labels that are not in `known` yet."""
    for cell in dict.fromkeys(cells):
        known.setdefault(cell, len(known))
    if len(known) > MAX_LABELS or sum(map(len, known)) > MAX_LABEL_BYTES:
        raise DataError(
            f"{where} holds more than {MAX_LABELS:,} different labels, or {MAX_LABEL_BYTES:,} characters of "
            "them: is --label right?"
        )


def _whole(cell: str, value: float) -> str:
    """Return a whole number without plus sign or leading zeros.

    The digits are copied from the text, since a float beyond 2**53 would change them.
    """
    digits = cell.removeprefix("-").removeprefix("+").lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        return str(int(value))
    return f"-{digits}" if cell.startswith("-") else digits


def _floats(block: RowBlock, places: Sequence[int], out: Floats | None) -> Floats:
    """Return columns as numbers, NaN for cells that are not numbers."""
    import polars

    def chosen(cells: "polars.Series") -> Floats:
        return np.take(cells.to_numpy().reshape(block.n_rows, -1), places, axis=1, out=out, mode="clip")

    values = chosen(block.cells(polars.Float64))
    if np.isfinite(values).all():
        return values
    return chosen(_as_numbers(block.cells(polars.String)))  # accepts blanks around numbers


def _as_numbers(cells: "polars.Series") -> "polars.Series":
    import polars

    return cells.str.strip_chars().cast(polars.Float64, strict=False)


def _read_content(source: str | Path | bytes, name: str) -> tuple[bytearray, str]:
    """Return the unpacked text without blank lines at its end, and the SHA-256 of the file."""
    content = read_unpacked(source, MAX_BYTES)
    _check_size(name, len(content), 0)
    digest = sha256(content)
    if content.startswith(BYTE_ORDER_MARK):
        del content[: len(BYTE_ORDER_MARK)]
    if not content or content.isspace():
        raise DataError(f"{name}: the file is empty")
    if b"\0" in content:
        raise DataError(f"{name}: not a CSV table: it holds zero bytes; save it as UTF-8 CSV")
    if content.count(b'"') % 2:
        raise DataError(
            f'{name}: an odd number of ": a quoted cell does not end, or a " inside one is not doubled'
        )
    _strip_end(content)
    return content, digest


def _strip_end(content: bytearray) -> None:
    """Remove newlines at the end of content that does not consist of newlines alone."""
    n_kept = 0
    while not n_kept:
        tail = content[-CHUNK_BYTES:]
        n_kept = len(tail.rstrip(b"\r\n"))
        del content[len(content) - len(tail) + n_kept :]


def _check_size(name: str, n_bytes: int, n_cells: int) -> None:
    if n_bytes > MAX_BYTES or n_cells > MAX_CELLS:
        raise DataError(
            f"{name}: a table may have {MAX_BYTES >> 20:,} MiB unpacked and {MAX_CELLS:,} cells, "
            "this one has more: use fewer rows"
        )


def _column_names(header: RowBlock) -> tuple[str, ...]:
    """Return the column names in the header; raise if one is missing or repeated."""
    import polars

    name, width = header.name, len(header.marks)
    _check_size(name, 0, width)
    if width > MAX_COLUMNS:
        raise DataError(
            f"{name}: a table may have {MAX_COLUMNS:,} columns, this one has {width:,}: use fewer"
        )
    header.check()
    columns = tuple((cell or "").strip() for cell in header.cells(polars.String))
    if "" in columns:
        raise DataError(f"{name}: column {columns.index('') + 1} has no name in the header: give it one")
    column, count = Counter(columns).most_common(1)[0]
    if count > 1:
        raise DataError(f"{name}: two columns are called {brief(column)}: rename one")
    if width == 1:
        raise DataError(f"{name}: only one column, {brief(column, 40)}: cells must be separated by commas")
    return columns


def _count_rows(body: memoryview, columns: Sequence[str], name: str) -> int:
    """Return the number of rows, after checking each of them."""
    n_rows = 0
    for block in row_blocks(body, name, first_row=2):
        block.check(columns)
        n_rows += block.n_rows
        _check_size(name, 0, n_rows * len(columns))
    if n_rows == 0:
        raise DataError(f"{name}: no rows below the header")
    return n_rows
