"""Read a CSV file in blocks of whole rows; polars parses the cells of each block.

This module checks what polars accepts silently or refuses without naming the row: rows with more or fewer
cells than the header, quotes that are not doubled, bytes that are not UTF-8. polars parses a block as one
long column of cells, so that a wide table takes no longer than a long one of the same size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from pellucid.data import DataError
from pellucid.wording import counted, plain

if TYPE_CHECKING:
    import polars

Places = NDArray[np.int32]
#: Parsing a block takes up to 20 times its size in memory.
BLOCK_BYTES = 1 << 18
MAX_ROW_BYTES = 1 << 19
COMMA, NEWLINE, RETURN, QUOTE = b',\n\r"'


@dataclass(frozen=True, eq=False)
class RowBlock:
    r"""Whole rows of a file.

    Examples
    --------
    >>> block = RowBlock.of(b'a,b\n"c\nd",e\nf', "a.csv", 1)  # separators in quotes are text
    >>> block.text, block.widths.tolist(), block.column(0)
    (b'a,b\n"c\nd",e\n', [2, 2], ['a', 'c\nd'])
    """

    name: str  #: The file, for messages.
    first_row: int
    text: bytes  #: Each row ends with a newline.
    marks: Places  #: The offset of the comma or newline that ends each cell.
    lasts: Places  #: The indices of the marks that end a row.

    @classmethod
    def of(cls, content: bytes, name: str, first_row: int) -> Self:
        """Return the complete rows at the start of this text."""
        text = np.frombuffer(content, np.uint8)
        marks = np.flatnonzero((text == COMMA) | (text == NEWLINE)).astype(np.int32)
        if b'"' in content:
            quotes = np.flatnonzero(text == QUOTE)
            marks = marks[np.searchsorted(quotes, marks) % 2 == 0]
        lasts = np.flatnonzero(text[marks] == NEWLINE).astype(np.int32)
        n_marks = lasts[-1] + 1 if lasts.size else 0
        stop = marks[n_marks - 1] + 1 if n_marks else 0
        return cls(name, first_row, content[:stop], marks[:n_marks], lasts)

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.lasts)

    @property
    def widths(self) -> Places:
        """The number of cells in each row."""
        return np.diff(self.lasts, prepend=np.int32(-1))

    def row(self, i: int) -> Self:
        """Return a block of one row."""
        start = self.marks[self.lasts[i - 1]] + 1 if i else 0
        content = self.text[start : self.marks[self.lasts[i]] + 1]
        return type(self).of(content, self.name, self.first_row + i)

    def column(self, k: int) -> list[str]:
        """Return column `k`; all rows must have the same number of cells."""
        import polars

        width = int(self.lasts[0]) + 1
        starts, stops = np.append(np.int32(0), self.marks[:-1] + 1)[k::width], self.marks[k::width]
        cells = [self.text[i:j] for i, j in zip(starts.tolist(), stops.tolist(), strict=True)]
        if k == width - 1:
            cells = [cell.removesuffix(b"\r") for cell in cells]
        if b'"' not in self.text:
            return [cell.decode() for cell in cells]
        return [cell or "" for cell in self._parsed(b",".join(cells) + b",", len(cells), polars.String)]

    def cells(self, dtype: Any) -> "polars.Series":
        """Return all cells, row by row; None where one is empty or not of this dtype."""
        return self._parsed(self._with_commas(), len(self.marks), dtype)

    def check(self, columns: Sequence[str] | None = None) -> None:
        """Raise `DataError` unless the text is UTF-8, well quoted and, given `columns`, in rows that wide."""
        try:
            self.text.decode()
        except UnicodeDecodeError as error:
            found = f"byte 0x{self.text[error.start]:02x} is not UTF-8 text"
            raise DataError(f"{self._where(error.start)}: {found}: save the table as UTF-8 CSV") from error
        if b'"' in self.text and (wrong := self._wrong_quotes()).size:
            raise DataError(
                f'{self._where(wrong[0])}: not a CSV table: a cell that begins with a " must end with one, '
                'and each " inside it must be doubled'
            )
        if columns is not None and (self.widths != len(columns)).any():
            self.row(int((self.widths != len(columns)).argmax()))._refuse_width(columns)

    def _where(self, place: int) -> str:
        """Return the file and the row of an offset in the text, for messages."""
        return f"{self.name}: row {self.first_row + np.searchsorted(self.marks[self.lasts], place)}"

    def _wrong_quotes(self) -> NDArray[np.intp]:
        """Return the offsets of quotes in quoted cells that are neither at the cell's end nor doubled.

        polars reads some of these cells, but drops their quotes.
        """
        text = np.frombuffer(b"\n" + self.text + b"\n", np.uint8)
        quotes = np.flatnonzero(text == QUOTE)
        before, after, second = text[quotes[::2] - 1], text[quotes[1::2] + 1], text[quotes[1::2] + 2]
        is_first = before != QUOTE
        is_in_quoted_cell = ((before == COMMA) | (before == NEWLINE))[is_first][np.cumsum(is_first) - 1]
        is_at_end = (after == COMMA) | (after == NEWLINE) | ((after == RETURN) & (second == NEWLINE))
        is_wrong = is_in_quoted_cell & ~is_at_end & (after != QUOTE)
        return quotes[1::2][is_wrong] - 1  # type: ignore[no-any-return]

    def _refuse_width(self, columns: Sequence[str]) -> None:
        width, where = len(self.marks), f"{self.name}: row {self.first_row}"
        if not self.text.strip():
            raise DataError(f"{where}: a blank row: remove it")
        if width > len(columns):
            raise DataError(
                f"{where} has {width} cells, the header {len(columns)}: text with commas needs quotes"
            )
        raise DataError(
            f"{where} has {counted(width, 'cell')}, the header {len(columns)}, so column "
            f"{plain(columns[width])} is missing: complete the row or remove it"
        )

    def _with_commas(self) -> bytes:
        """Return the text with a comma in place of each newline that ends a row."""
        text = np.frombuffer(self.text, np.uint8).copy()
        ends = self.marks[self.lasts]
        text[ends] = COMMA
        if b"\r" in self.text:
            text = np.delete(text, ends[text[ends - 1] == RETURN] - 1)
        return text.tobytes()

    def _parsed(self, cells: bytes, n_cells: int, dtype: Any) -> "polars.Series":
        """Parse cells, each followed by a comma, as one column.

        Commas serve as line ends. Zero bytes, which the text does not contain, serve as column separators.
        """
        import polars

        kinds = {"schema": {"cell": dtype}, "ignore_errors": dtype != polars.String}
        try:
            frame = polars.read_csv(cells, has_header=False, separator="\0", eol_char=",", **kinds)
            if len(frame) == n_cells:
                return frame.to_series()
        except polars.exceptions.PolarsError:
            pass
        raise DataError(
            f'{self.name}: not a CSV table: some " in it are neither around a cell nor doubled inside one'
        )


def row_blocks(text: memoryview, name: str, first_row: int) -> Iterator[RowBlock]:
    r"""Cut text, which need not end with a newline, into blocks of whole rows.

    Examples
    --------
    >>> [block.text for block in row_blocks(memoryview(b"a,b\n1,2"), "a.csv", 1)]
    [b'a,b\n1,2\n']
    """
    start, size = 0, BLOCK_BYTES
    while start < len(text):
        content = bytes(text[start : start + size])
        is_end = start + size >= len(text)
        block = RowBlock.of(content + b"\n" * is_end, name, first_row)
        if block.n_rows:
            yield block
            start, size, first_row = start + len(block.text), BLOCK_BYTES, first_row + block.n_rows
        elif len(content) <= MAX_ROW_BYTES:
            size = min(2 * size, MAX_ROW_BYTES + 1)
        else:
            remedy = 'is a " in it not doubled?' if b'"' in content else "use fewer columns or digits"
            raise DataError(
                f"{name}: row {first_row} has more than {MAX_ROW_BYTES:,} bytes, which is the limit: {remedy}"
            )
