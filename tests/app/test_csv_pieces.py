"""Pieces of CSV files: whole records wherever quotes stand, and little in memory beside the file."""

import csv
import io
import random

import pytest

from pellucid.app import csv_pieces
from pellucid.app.csv_pieces import Content, Piece, end_of_record, read_content
from pellucid.data import DataError


def a_table(rng, n_rows):
    """Return the text of a table with cells of many kinds, and its rows."""
    cells = ["1", "", "two words", "é", "a,b", 'say "so"', "two\nlines", "\n", "x" * 30]
    rows = [[rng.choice(cells) for _ in range(3)] for _ in range(n_rows)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(), rows


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 1000])
@pytest.mark.parametrize("piece_bytes", [1, 20, 300])
def test_pieces_are_whole_records_of_the_whole_file(monkeypatch, chunk_bytes, piece_bytes):
    monkeypatch.setattr(csv_pieces, "PIECE_BYTES", piece_bytes)
    text, rows = a_table(random.Random(0), 40)
    chunks = [text[i : i + chunk_bytes] for i in range(0, len(text), chunk_bytes)]
    pieces = list(Content("a", chunks, "").pieces())
    assert b"".join(pieces) == text
    assert [row for piece in pieces for row in Piece(piece, 3).rows] == rows
    assert piece_bytes == 300 or len(pieces) > 20


def test_columns_are_those_of_the_rows():
    text, rows = a_table(random.Random(1), 30)
    for piece in (Piece(text, 3), Piece(b"1,2,3\n4,5,6\n", 3), Piece(b"1,2,3\n\n", 3, 2)):
        for k in range(3):
            assert piece.column(k) == [piece.cell(i, k).encode() for i in range(piece.n_rows)]
    assert Piece(text, 3).n_rows == len(rows)
    assert Piece(b"1,2,3\n\n", 3, 2).column(2) == [b"3", b""]


def test_records_beyond_the_number_asked_for_are_not_looked_at():
    assert Piece(b"1,2\n3\n4,5\n", 2, 2).column(1) == [b"2", b""]


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
def test_where_records_end(content, first, last):
    assert (end_of_record(content, first=True), end_of_record(content)) == (first, last)


def test_a_row_that_never_ends(monkeypatch):
    monkeypatch.setattr(csv_pieces, "MAX_ROW_BYTES", 1000)
    monkeypatch.setattr(csv_pieces, "PIECE_BYTES", 100)
    whole = read_content(b'a,b\n1,"' + b"\n" * 5000 + b'"\n')
    with pytest.raises(
        DataError, match=r'^<bytes>: a row of more than 1,000 bytes.*is a " in it not doubled\?'
    ):
        list(whole.pieces())


def test_a_row_too_long_without_quotes_is_not_blamed_on_them(monkeypatch):
    monkeypatch.setattr(csv_pieces, "MAX_ROW_BYTES", 1000)
    monkeypatch.setattr(csv_pieces, "PIECE_BYTES", 100)
    whole = read_content(b"a,b\n" + b"0.12345," * 500 + b"1\n")
    with pytest.raises(DataError, match=r"1,000 bytes, which is not read: use fewer columns or digits$"):
        list(whole.pieces())


def test_blank_lines_at_the_end_are_left_out(monkeypatch):
    monkeypatch.setattr(csv_pieces, "CHUNK_BYTES", 4)
    assert b"".join(read_content(b"a,b\n1,2" + b"\n" * 20).pieces()) == b"a,b\n1,2\n"
