"""Blocks of whole rows: cut outside quotes, and the same cells whatever the size of a block."""

import csv
import io
import random

import polars
import pytest

from pellucid.app import row_blocks
from pellucid.app.row_blocks import RowBlock
from pellucid.app.tables import read_table
from pellucid.data import DataError


def a_table(rng, n_rows):
    """Return the text of a table with cells of many kinds, and its rows."""
    cells = ["1", "", "two words", "é", "a,b", 'say "so"', "two\nlines", "\n", "x" * 30]
    rows = [[rng.choice(cells) for _ in range(3)] for _ in range(n_rows)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(), rows


def cells_of(block):
    """Return the cells that polars finds, row by row."""
    cells = [cell or "" for cell in block.cells(polars.String)]
    return [cells[start : start + 3] for start in range(0, len(cells), 3)]


@pytest.mark.parametrize("block_bytes", [1, 20, 300])
def test_blocks_are_whole_rows_of_the_whole_file(monkeypatch, block_bytes):
    monkeypatch.setattr(row_blocks, "BLOCK_BYTES", block_bytes)
    text, rows = a_table(random.Random(0), 40)
    blocks = list(row_blocks.row_blocks(memoryview(text)[:-1], "a", 1))
    assert b"".join(block.text for block in blocks) == text
    assert [row for block in blocks for row in cells_of(block)] == rows
    assert block_bytes == 300 or len(blocks) > 20
    assert blocks[-1].first_row == len(rows) + 1 - blocks[-1].n_rows


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_columns_are_those_of_the_rows(newline):
    text, rows = a_table(random.Random(1), 30)
    text = b"".join(b"%s" % line for line in text.replace(b"\n", newline.encode()).splitlines(keepends=True))
    for content in (text, b"1,2,3\n4,5,6\n", b"1,2,3\r\n4,5,\r\n"):
        block = RowBlock.of(content, "a", 1)
        for k in range(3):
            assert block.column(k) == [row[k] for row in cells_of(block)]
    assert RowBlock.of(text, "a", 1).n_rows == len(rows)


@pytest.mark.parametrize(
    ("content", "first", "last"),
    [
        (b"", 0, 0),
        (b"a", 0, 0),
        (b"a\nb\nc", 2, 4),
        (b'"a\nb"\nc\n', 6, 8),
        (b'"a\nb', 0, 0),
        (b'""\n"\n"', 3, 3),
    ],
)
def test_where_rows_end(content, first, last):
    block = RowBlock.of(content, "a", 1)
    assert (len(block.row(0).text) if block.n_rows else 0, len(block.text)) == (first, last)


def test_a_row_that_never_ends(monkeypatch):
    monkeypatch.setattr(row_blocks, "MAX_ROW_BYTES", 1000)
    monkeypatch.setattr(row_blocks, "BLOCK_BYTES", 100)
    with pytest.raises(
        DataError, match=r'^<bytes>: row 2 has more than 1,000 bytes.*is a " in it not doubled\?'
    ):
        read_table(b'a,b\n1,"' + b"\n" * 5000 + b'"\n')


def test_a_row_too_long_without_quotes_is_not_blamed_on_them(monkeypatch):
    monkeypatch.setattr(row_blocks, "MAX_ROW_BYTES", 1000)
    monkeypatch.setattr(row_blocks, "BLOCK_BYTES", 100)
    with pytest.raises(DataError, match=r"1,000 bytes, which is the limit: use fewer columns or digits$"):
        read_table(b"a,b\n" + b"0.12345," * 500 + b"1\n")
