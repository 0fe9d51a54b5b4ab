"""CSV files in pieces of whole records, so that little more than the file's own bytes is ever in memory.

A newline within quotes ends no record. What the cells mean is decided in `tables`.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from pellucid.data import DataError
from pellucid.data.unpack import CHUNK_BYTES, open_unpacked
from pellucid.wording import plain

#: Limits on what a small packed file may unpack to.
MAX_BYTES = 1 << 30
MAX_CELLS = 100_000_000
#: Of one record. No more of a file is looked at at once, but for the piece in which a record ends.
MAX_ROW_BYTES = 1 << 19
#: The cells of a piece take up to 20 times its length while they become numbers: some 3 MB.
PIECE_BYTES = 1 << 17
BLANKS = (b" ", b"\t", b"\r", b"\v", b"\f")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, eq=False)
class Content:
    """An unpacked file, in chunks: so it is never copied while it grows.

    Attributes
    ----------
    name : str
        For messages.
    chunks : list of bytes
    sha256 : str
    """

    name: str
    chunks: Sequence[bytes]
    sha256: str

    def pieces(self) -> Iterator[bytes]:
        """Yield whole records, each ended by a newline, some `PIECE_BYTES` at a time."""
        rest = b""
        for chunk in self.chunks:
            for start in range(0, len(chunk), PIECE_BYTES):
                rest += chunk[start : start + PIECE_BYTES]
                stop = end_of_record(rest)
                if stop:
                    yield rest[:stop]
                rest = rest[stop:]
                self._check_row(rest)
        if rest:
            yield rest + b"\n"

    def _check_row(self, row: bytes) -> None:
        if len(row) > MAX_ROW_BYTES:
            remedy = 'is a " in it not doubled?' if b'"' in row else "use fewer columns or digits"
            raise DataError(
                f"{self.name}: a row of more than {MAX_ROW_BYTES:,} bytes, which is not read: {remedy}"
            )


@dataclass(frozen=True, eq=False)
class Piece:
    r"""Records of a table.

    Attributes
    ----------
    content : bytes
        Each record is ended by a newline.
    width : int
        How many cells a record should have.
    most : int or None
        Records beyond this number are not looked at, and the last may lack cells; None: each is whole.

    Examples
    --------
    >>> piece = Piece(b'1,2\n3,"a, b"\n', 2)
    >>> piece.rows, piece.column(1)
    ([['1', '2'], ['3', 'a, b']], [b'2', b'a, b'])
    """

    content: bytes
    width: int
    most: int | None = None

    @cached_property
    def is_plain(self) -> bool:
        """Whether commas and newlines alone divide the cells, of which none is missing."""
        return b'"' not in self.content and self.most is None

    @cached_property
    def has_blanks(self) -> bool:
        """Whether there may be blanks around cells."""
        return not self.content.isascii() or any(blank in self.content for blank in BLANKS)

    @cached_property
    def rows(self) -> list[list[str]]:
        """The cells of each record."""
        lines = (line.decode() for line in io.BytesIO(self.content))
        if b'"' in self.content:
            return list(islice(csv.reader(lines, strict=True), self.most))
        return [line.rstrip("\r\n").split(",") for line in islice(lines, self.most)]

    @cached_property
    def n_rows(self) -> int:
        """How many records are looked at."""
        return self.content.count(b"\n") if self.is_plain else len(self.rows)

    def cell(self, i: int, k: int) -> str:
        """Return a cell; an empty one in the place of one that is missing."""
        return self.rows[i][k] if k < len(self.rows[i]) else ""

    def widths(self) -> list[int]:
        """Return how many cells each record has."""
        if b'"' in self.content:
            return [len(row) for row in self.rows]
        return [line.count(b",") + 1 for line in self.content.split(b"\n")[:-1]]

    def column(self, k: int) -> list[bytes]:
        """Return a cell of each record."""
        if not self.is_plain:
            return [self.cell(i, k).encode() for i in range(self.n_rows)]
        lines = self.content.split(b"\n")[:-1]
        if k < self.width // 2:
            return [line.split(b",", k + 1)[k] for line in lines]
        return [line.rsplit(b",", self.width - k)[k - self.width] for line in lines]


def read_content(source: str | Path | bytes) -> Content:
    """Read a file, plain or gzip, and look at what can be seen without dividing it into cells.

    Raises
    ------
    DataError
        If it is empty, has zero bytes, has " odd in number, or is too large.
    """
    import hashlib

    name = "<bytes>" if isinstance(source, bytes) else str(source)
    digest, n_bytes, n_quotes = hashlib.sha256(), 0, 0
    chunks: list[bytes] = []
    with open_unpacked(source) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            n_bytes += len(chunk)
            check_size(name, n_bytes, 0)
            n_quotes += chunk.count(b'"')
            chunks.append(chunk if chunks else chunk.removeprefix(BYTE_ORDER_MARK))
    _check(name, chunks, n_quotes)
    return Content(name, _without_blank_end(chunks), digest.hexdigest())


def end_of_record(content: bytes, *, first: bool = False) -> int:
    r"""Return where the last record, or the first, ends; 0 where none does.

    Examples
    --------
    >>> end_of_record(b'a,b\n"c\nd', first=True), end_of_record(b'"c\nd"\n1'), end_of_record(b'"c\n')
    (4, 6, 0)
    """
    if b'"' not in content:
        return (content.find(b"\n") if first else content.rfind(b"\n")) + 1
    text = np.frombuffer(content, np.uint8)
    inside = np.logical_xor.accumulate(text == ord('"'))
    ends = (text == ord("\n")) & ~inside
    if not ends.any():
        return 0
    return int(ends.argmax()) + 1 if first else len(ends) - int(ends[::-1].argmax())


def check_size(name: str, n_bytes: int, n_cells: int) -> None:
    """Raise if a table is larger than is read."""
    if n_bytes > MAX_BYTES or n_cells > MAX_CELLS:
        raise DataError(
            f"{name}: a table may have {MAX_BYTES >> 20:,} MiB unpacked and {MAX_CELLS:,} cells, "
            "this one has more: use fewer rows"
        )


def _check(name: str, chunks: Sequence[bytes], n_quotes: int) -> None:
    if all(chunk.isspace() for chunk in chunks if chunk):
        raise DataError(f"{name}: the file is empty")
    if any(b"\0" in chunk for chunk in chunks):
        raise DataError(f"{name}: not a CSV table: it holds zero bytes; save it as UTF-8 CSV")
    if n_quotes % 2:
        raise DataError(
            f'{name}: the " are odd in number: a quoted cell does not end, or one in it is not doubled'
        )


def _without_blank_end(chunks: list[bytes]) -> list[bytes]:
    """Return chunks without the empty lines at their end; at least one has something else."""
    while not (last := chunks.pop().rstrip(b"\r\n")):
        pass
    return [*chunks, last]


def checked_widths(piece: Piece, name: str, first_row: int) -> list[int]:
    """Return how many cells each record has.

    Raises
    ------
    DataError
        If a record has more than the header, or the bytes are no text, or no CSV. The header is row 1.
    """
    try:
        piece.content.decode()
        widths = piece.widths()
    except UnicodeDecodeError as wrong:
        row = first_row + piece.content.count(b"\n", 0, wrong.start)
        found = f"byte 0x{piece.content[wrong.start]:02x} is not UTF-8 text"
        raise DataError(f"{name}: row {row}: {found}: save the table as UTF-8 CSV") from wrong
    except csv.Error as wrong:
        why = str(wrong).partition(" - ")[0]
        found = f"not a CSV table: {plain(why, 200)}"
        raise DataError(f"{name}: {found}: text with quotes needs them doubled") from wrong
    if max(widths) > piece.width:
        i = next(i for i, width in enumerate(widths) if width > piece.width)
        found = f"row {first_row + i} has {widths[i]} cells, the header {piece.width}"
        raise DataError(f"{name}: {found}: text with commas needs quotes")
    return widths
