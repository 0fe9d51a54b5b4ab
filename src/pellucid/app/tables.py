"""CSV files with a header, plain or gzip: columns of numbers and of labels taken from them.

What a cell means is decided here, so that a message can name its row (the header is row 1) and column.
Nothing is guessed: an empty cell is never 0, and a word never a number. Beside the unpacked file there are in
memory the numbers asked for, 8 bytes each, and a few MB for the piece that is being read.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pellucid.app.csv_pieces import Content, Piece, check_size, checked_widths, end_of_record, read_content
from pellucid.data import DataError
from pellucid.wording import brief, plain

if TYPE_CHECKING:
    import polars

#: Names take some 100 bytes each. The widest tables of genes have a third to two thirds of it.
MAX_COLUMNS = 1 << 15
#: No classifier tells so many classes apart: a column with more is none of labels.
MAX_LABELS = 10_000
MAX_LABEL_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Table:
    r"""A CSV file.

    Attributes
    ----------
    content : Content
        The records below the header.
    columns : tuple of str
    n_rows : int
        Rows up to the first that lacks cells, it included: nothing is read beyond it.
    is_whole : bool
        Whether no row lacks cells.

    Examples
    --------
    >>> table = read_table(b"width,kind\n1.5,oak\n2,elm\n")
    >>> table.columns, numbers(table, ["width"]).tolist(), labels(table, "kind").names
    (('width', 'kind'), [[1.5], [2.0]], ('oak', 'elm'))
    """

    content: Content
    columns: tuple[str, ...]
    n_rows: int
    is_whole: bool

    def __len__(self) -> int:
        return self.n_rows

    @property
    def name(self) -> str:
        """The file, for messages."""
        return self.content.name

    @property
    def sha256(self) -> str:
        """Of the unpacked file."""
        return self.content.sha256

    @cached_property
    def places(self) -> dict[str, int]:
        """The number of each column."""
        return {column: k for k, column in enumerate(self.columns)}

    def pieces(self) -> Iterator[tuple[slice, Piece]]:
        """Yield the rows piece by piece, and which they are."""
        start = 0
        for content in self.content.pieces():
            n_left = self.n_rows - start
            has_last = not self.is_whole and content.count(b"\n") >= n_left
            piece = Piece(content, len(self.columns), n_left if has_last else None)
            yield slice(start, start := start + piece.n_rows), piece
            if start == self.n_rows:
                return


@dataclass(frozen=True, eq=False)
class Labels:
    """A column of labels.

    Attributes
    ----------
    names : tuple of str
        The different labels, in the order in which they come.
    codes : array of int16
        For each row, which of them it has.
    """

    names: tuple[str, ...]
    codes: NDArray[np.int16]


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
    pellucid.data.unpack.DataError: <bytes>: two columns are called 'a': rename one
    """
    whole = read_content(source)
    columns, content = _divided(whole)
    n_rows, is_whole = _count_rows(content, len(columns))
    _check_columns(columns, content.name)
    if n_rows == 0:
        raise DataError(f"{content.name}: no rows below the header")
    return Table(content, columns, n_rows, is_whole)


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
    pellucid.data.unpack.DataError: <bytes>: row 2, column b: empty, expected a number: fill it or leave ...
    """
    values = np.empty((len(table), len(columns)))
    places, n_right = [table.places[column] for column in columns], np.zeros(len(columns))
    wrong: tuple[int, int, str] | None = None
    for rows, piece in table.pieces():
        target = values[rows] if wrong is None else None  # memory is taken as it is filled
        block = np.take(_floats(piece), places, axis=1, out=target, mode="clip")
        is_right = np.isfinite(block)
        n_right += len(block) if is_right.all() else is_right.sum(axis=0)
        if wrong is None and not is_right.all():
            i, k = divmod(int(is_right.argmin()), len(columns))
            wrong = rows.start + i + 2, k, piece.cell(i, places[k]).strip()
    if wrong is not None:
        row, k, cell = wrong
        found = f"{brief(cell, 40)} is not a finite number" if cell else "empty, expected a number"
        remedy = "row" if n_right[k] > len(table) / 2 else "column: features must be numbers"
        raise DataError(
            f"{table.name}: row {row}, column {plain(columns[k])}: {found}: fill it or leave out the {remedy}"
        )
    return values


def labels(table: Table, column: str) -> Labels:
    r"""Return a column of labels: text, or whole numbers written the same way each time.

    Raises
    ------
    DataError
        If a cell is empty, the column holds numbers that are not whole, or more labels than classes can be.

    Examples
    --------
    >>> labels(read_table(b"a,y\n1,3.0\n1,04\n1,3\n"), "y")
    Labels(names=('3', '4'), codes=array([0, 1, 0], dtype=int16))
    >>> labels(read_table(b"a,y\n1,3\n1,0.5\n"), "y")
    Traceback (most recent call last):
    ...
    pellucid.data.unpack.DataError: <bytes>: row 3, column y: 0.5 is not a class: labels must be text or ...
    """
    codes, known = np.empty(len(table), np.int16), dict[bytes, int]()
    for rows, piece in table.pieces():
        cells = piece.column(table.places[column])
        _take_up(known, cells, f"{table.name}: column {plain(column)}")
        codes[rows] = [known[cell] for cell in cells]
    spelt = [cell.decode().strip() for cell in known]
    if "" in spelt:
        _refuse_empty(table, column, int((codes == spelt.index("")).argmax()))
    names = _names(spelt)
    if isinstance(names, int):
        row, found = int((codes == names).argmax()) + 2, plain(spelt[names])
        raise DataError(
            f"{table.name}: row {row}, column {plain(column)}: {found} is not a class: "
            "labels must be text or whole numbers; is --label right?"
        )
    different = tuple(dict.fromkeys(names))
    number = {name: k for k, name in enumerate(different)}
    return Labels(different, np.array([number[name] for name in names], np.int16)[codes])


def _take_up(known: dict[bytes, int], cells: Sequence[bytes], where: str) -> None:
    """Number the cells that are not known yet."""
    for cell in dict.fromkeys(cells):
        known.setdefault(cell, len(known))
    if len(known) > MAX_LABELS or sum(map(len, known)) > MAX_LABEL_BYTES:
        raise DataError(
            f"{where} holds more than {MAX_LABELS:,} different labels, or {MAX_LABEL_BYTES:,} bytes of them: "
            "is --label right?"
        )


def _names(spelt: Sequence[str]) -> list[str] | int:
    """Return labels, numbers written in one way; or the place of the first number that is not whole."""
    values = _as_floats(_series(spelt))
    if not np.isfinite(values).all():
        return list(spelt)
    broken = np.flatnonzero(values != np.floor(values))
    if broken.size:
        return int(broken[0])
    return [_whole(text, value) for text, value in zip(spelt, values.tolist(), strict=True)]


def _whole(cell: str, value: float) -> str:
    """Write a whole number in one way; beyond 2^53 a float would change it."""
    digits = cell.removeprefix("-").removeprefix("+").lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        return str(int(value))
    return f"-{digits}" if cell.startswith("-") else digits


def _refuse_empty(table: Table, column: str, row: int) -> None:
    """Raise for a row without a label."""
    rows, piece = next(found for found in table.pieces() if row < found[0].stop)
    blank = not any(piece.cell(row - rows.start, k) for k in range(len(table.columns)))
    where = ": a blank row, take it out" if blank else f", column {plain(column)}: empty, expected a label"
    raise DataError(f"{table.name}: row {row + 2}{where}")


def _floats(piece: Piece) -> NDArray[np.float64]:
    """Return all cells as numbers, shape (rows, columns)."""
    import polars

    if piece.is_plain:
        text = piece.content[:-1].replace(b"\n", b",").decode()
        cells = polars.Series([text]).str.split(",").explode()
    else:
        cells = _series([piece.cell(i, k) for i in range(piece.n_rows) for k in range(piece.width)])
    if piece.has_blanks:
        cells = cells.str.strip_chars()
    return _as_floats(cells).reshape(-1, piece.width)


def _series(cells: Sequence[str]) -> "polars.Series":
    import polars

    return polars.Series(cells, dtype=polars.String)


def _as_floats(cells: "polars.Series") -> NDArray[np.float64]:
    """Return texts as numbers, NaN where one is none."""
    import polars

    return cells.cast(polars.Float64, strict=False).to_numpy()


def _divided(whole: Content) -> tuple[tuple[str, ...], Content]:
    """Return the names in the header, and what is below it."""
    first = next(whole.pieces())
    header = Piece(first[: end_of_record(first, first=True)], MAX_COLUMNS)
    n_names = header.content.count(b",") + 1
    if n_names > MAX_COLUMNS:
        raise DataError(
            f"{whole.name}: a table may have {MAX_COLUMNS:,} columns, this one has {n_names:,}: use fewer"
        )
    checked_widths(header, whole.name, 1)
    columns = tuple(cell.strip() for cell in header.rows[0])
    chunks = [whole.chunks[0][len(header.content) :], *whole.chunks[1:]]
    return columns, Content(whole.name, chunks, whole.sha256)


def _count_rows(content: Content, width: int) -> tuple[int, bool]:
    """Return the number of rows up to the first that lacks cells, and whether none does."""
    n_rows = 0
    check_size(content.name, 0, width)
    for piece in content.pieces():
        widths = checked_widths(Piece(piece, width), content.name, n_rows + 2)
        if min(widths) < width:
            return n_rows + next(i for i, found in enumerate(widths, 1) if found < width), False
        n_rows += len(widths)
        check_size(content.name, 0, n_rows * width)
    return n_rows, True


def _check_columns(columns: Sequence[str], name: str) -> None:
    if "" in columns:
        raise DataError(f"{name}: column {columns.index('') + 1} has no name in the header: give it one")
    column, count = Counter(columns).most_common(1)[0]
    if count > 1:
        raise DataError(f"{name}: two columns are called {brief(column)}: rename one")
    if len(columns) == 1:
        raise DataError(f"{name}: only one column, {brief(column, 40)}: cells must be divided by commas")
