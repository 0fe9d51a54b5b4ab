"""CSV tables: what is read, and that each wrong one ends in a message that names row, column and fix."""

import gzip
import tracemalloc
import zlib

import numpy as np
import pytest

from pellucid.app import tables
from pellucid.app.tables import labels, numbers, read_table
from pellucid.data import DataError


def texts(table, column):
    found = labels(table, column)
    return [found.names[k] for k in found.codes]


def test_numbers_and_labels():
    table = read_table(b'a,"b, c",y\n 1 ,-2e3,x\n+0.5,.25,"two\nlines"\n')
    assert table.columns == ("a", "b, c", "y")
    np.testing.assert_array_equal(numbers(table, ["b, c", "a"]), [[-2000, 1], [0.25, 0.5]])
    assert (len(table), texts(read_table(b"a,y\n1,x \n1,  z\n"), "y")) == (2, ["x", "z"])


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.rstrip(b"\n"),
        lambda text: text + b"\n\r\n",
        gzip.compress,
    ],
)
def test_spellings_of_one_table(change, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(change("a,ä\n1,é\n2,ü\n".encode()))
    table = read_table(path)
    assert (table.columns, texts(table, "ä")) == (("a", "ä"), ["é", "ü"])
    np.testing.assert_array_equal(numbers(table, ["a"]), [[1], [2]])


def test_the_checksum_is_that_of_the_unpacked_file():
    text = b"a,b\n1,2\n\n"
    assert read_table(gzip.compress(text)).sha256 == read_table(text).sha256
    # from sha256sum
    assert read_table(b"abc,d\n1,2").sha256.startswith("27357fd37f190aa7a28f")


def test_a_long_table_with_cells_of_many_lines():
    """polars reads a long text in pieces, one for each thread: none may begin inside a cell."""
    rows = "".join(f'{i},"one, ""two""\nthree\n{i % 9000}"\n' for i in range(30_000))
    table = read_table(("a,y\n" + rows).encode())
    assert numbers(table, ["a"])[:, 0].tolist() == list(range(30_000))
    assert texts(table, "y")[29_999] == 'one, "two"\nthree\n2999'


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("3 03 3.0 -0 -4", "3 3 3 0 -4"),
        ("9007199254740993 9007199254740992 1", "9007199254740993 9007199254740992 1"),
        ("1e2 100 +7", "100 100 7"),
        ("3 03 b", "3 03 b"),
        ("nan 1 2", "nan 1 2"),
        (f"{'0' * 5000}7 -{'0' * 5000}8 0000 1e2", "7 -8 0 100"),
    ],
)
def test_whole_numbers_as_labels_are_written_in_one_way(cells, expected):
    table = read_table(("x,y\n" + "".join(f"0,{cell}\n" for cell in cells.split())).encode())
    assert texts(table, "y") == expected.split()


WRONG = [
    (b"", "the file is empty"),
    (b"\n \n", "the file is empty"),
    (b"\xef\xbb\xbf", "the file is empty"),
    (gzip.compress(gzip.compress(b"a,b\n1,2\n")), "it holds zero bytes"),
    (zlib.compress(b"a,b\n" + b"1,2\n" * 6), "row 1: byte 0x9c is not UTF-8 text"),
    (b'"widt"\x7fidt', "not a CSV table"),
    (b'"' + b'a"a' * 500 + b',b"\n1,2', "not a CSV table"),
    (b'a,"b\nc","b\nc"\n1,2,3\n', r"two columns are called 'b\nc': rename one"),
    (b"a,y\n", "no rows below the header"),
    (b"a,a\n1,2\n", "two columns are called 'a': rename one"),
    (b"a, a \n1,2\n", "two columns are called 'a': rename one"),
    (b"a,,y\n1,2,3\n", "column 2 has no name in the header"),
    (b"a;y\n1;2\n", "only one column, 'a;y': cells must be separated by commas"),
    (b"a,y\n1,2\n3,4,5\n", "row 3 has 3 cells, the header 2"),
    (b'a,y\n1,2\n3,"4\n', 'an odd number of ": a quoted cell does not end'),
    (b"a,y\n1,caf\xe9\n", "row 2: byte 0xe9 is not UTF-8 text: save the table as UTF-8 CSV"),
    ("a,y\n1,2\n".encode("utf-16"), "it holds zero bytes; save it as UTF-8 CSV"),
    (gzip.compress(b"a,y\n1,2\n" * 99)[:-9], "damaged gzip data"),
]


@pytest.mark.parametrize(("content", "message"), WRONG, ids=range(len(WRONG)))
def test_what_is_no_table(content, message):
    with pytest.raises(DataError) as caught:
        read_table(content)
    assert str(caught.value).startswith("<bytes>: ")
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


CELLS = [
    (
        b"a,b,y\n1,2,x\n1,,y\n1,3,y\n",
        "row 3, column b: empty, expected a number: correct it or remove the row",
    ),
    (b"a,b,y\n1\n2,3,x\n", "row 2 has 1 cell, the header 3, so column b is missing: complete the row or"),
    (b"a,b,y\n1,nan,x\n", "row 2, column b: 'nan' is not a finite number"),
    (b"a,b,y\n1,1e999,x\n", "row 2, column b: '1e999' is not a finite number"),
    (
        b"a,b,y\nbob,1,x\nann,1,y\n",
        "row 2, column a: 'bob' is not a finite number: correct it or remove the column",
    ),
    (b"a,b,y\n1,2 3,x\n", "row 2, column b: '2 3' is not"),
    (b'a,b,y\n1,"1,5",x\n', "row 2, column b: '1,5' is not"),
    (b'a,b,y\n1,"2",x\n\n1,2,x\n', "row 3: a blank row: remove it"),
    (
        b"a,b,y\n1," + b"x" * 500 + b",x\n",
        "row 2, column b: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... is not a",
    ),
]


@pytest.mark.parametrize(("content", "message"), CELLS, ids=range(len(CELLS)))
def test_cells_that_are_no_numbers(content, message):
    with pytest.raises(DataError, match=r"^<bytes>: ") as caught:
        numbers(read_table(content), ["a", "b"])
    assert message in str(caught.value)


LABELS = [
    (b"a,y\n1,x\n2,\n3,y\n", "row 3, column y: empty, expected a label"),
    (b"a,y\n1,x\n\n3,y\n", "row 3: a blank row: remove it"),
    (b"a,y\n1,  \n", "row 2, column y: empty, expected a label"),
    (b"a,y\n1,1\n2,0.5\n", "row 3, column y: 0.5 is not a class: labels must be text or whole numbers"),
]


@pytest.mark.parametrize(("content", "message"), LABELS, ids=range(len(LABELS)))
def test_cells_that_are_no_labels(content, message):
    with pytest.raises(DataError) as caught:
        texts(read_table(content), "y")
    assert message in str(caught.value)


def test_a_small_file_cannot_unpack_to_a_large_one(monkeypatch):
    monkeypatch.setattr(tables, "MAX_BYTES", 1000)
    with pytest.raises(DataError, match="this one has more: use fewer rows"):
        read_table(gzip.compress(b"a,b\n" * 900))
    monkeypatch.setattr(tables, "MAX_CELLS", 100)
    with pytest.raises(DataError, match="and 100 cells, this one has more"):
        read_table(b"a" + b"," * 200)


def test_a_name_of_two_lines_is_shown_on_one():
    table = read_table(b'"wid\nth",y\noak,0.5\n')
    for complaint in (lambda: numbers(table, ["wid\nth"]), lambda: texts(read_table(b'a,"y\n"\n1,\n'), "y")):
        with pytest.raises(DataError) as caught:
            complaint()
        assert str(caught.value).isprintable()
    with pytest.raises(DataError, match=r"row 2, column 'wid\\nth': 'oak' is not a finite number"):
        numbers(table, ["wid\nth"])


def test_python_holds_a_table_no_more_than_twice():
    text = b"a,b\n" + b"1,2\n" * 1_000_000
    tracemalloc.start()
    table = read_table(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table) == 1_000_000
    assert peak < 2.3 * len(text)


def peak_over_stated(content):
    """Return how many bytes reading takes beyond twice the larger of the file and its numbers."""
    read_table(b"a,y\n1,x\n")
    tracemalloc.start()
    table = read_table(content)
    found = labels(table, "y"), numbers(table, table.columns[:-1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found[1]) == len(table)
    return peak - 2 * max(len(content), 8 * len(table) * len(table.columns)) - len(content)  # the copy read


@pytest.mark.parametrize(
    "content",
    [
        b"a,y\n" + b"1,x\n2,z\n" * 300_000,
        b"a,b,y\n" + b"0.123456789,1.23456789e-05,x\n" * 60_000,
        b"a,b,y\n" + b'"1",2,"x"\n' * 40_000,
        b",".join(b"%d" % i for i in range(30_000)) + b",y\n" + (b"1," * 30_000 + b"x\n") * 20,
        "a,y\n1,{}\n".format("x" * 400_000 + "\U0001f600").encode(),
    ],
    ids=["long", "of long cells", "in quotes", "wide", "one long label"],
)
def test_memory_is_twice_the_larger_of_file_and_numbers(content):
    assert peak_over_stated(content) < 8 << 20


def test_a_label_column_of_too_many_labels():
    many = b"a,y\n" + b"".join(b"1,%d\n" % i for i in range(10_001))
    with pytest.raises(
        DataError, match=r"column y holds more than 10,000 different labels.* is --label right"
    ):
        labels(read_table(many), "y")
    assert len(labels(read_table(many[: many.rindex(b"1,")]), "y").names) == 10_000
    with pytest.raises(DataError, match=r"or 1,048,576 characters of them: is --label right"):
        labels(
            read_table(b"a,y\n1," + b"x" * 500_000 + b"\n2," + b"y" * 500_000 + b"\n3," + b"z" * 99_999), "y"
        )


def test_more_columns_than_are_read():
    with pytest.raises(DataError, match=r"may have 32,768 columns, this one has 40,000: use fewer"):
        read_table(b"," * 39_999 + b"\n1,2\n")


@pytest.mark.parametrize("end", [b"", b'"5",6,7\n'])
def test_a_short_row_far_below(end):
    text = b"a,b,y\n" + b"1,2,x\n" * 200_000 + b"3\n" + b"1,2,x\n" * 100_000 + end
    with pytest.raises(
        DataError, match=r"row 200002 has 1 cell, .* so column b is missing: complete the row or"
    ):
        read_table(text)


def test_short_rows_take_no_memory():
    """Each blank row could stand for the header's 30,000 empty cells."""
    header = b",".join(b"%d" % i for i in range(30_000))
    text = header + b"\n1,2\n" + b"\n" * 1_000_000 + b"1"
    tracemalloc.start()
    with pytest.raises(DataError, match=r"row 2 has 2 cells, the header 30000, so column 2 is missing: "):
        read_table(text)
    assert tracemalloc.get_traced_memory()[1] < 2 * len(text) + (8 << 20)
    tracemalloc.stop()


def test_blank_lines_at_the_end_are_left_out(monkeypatch):
    monkeypatch.setattr(tables, "CHUNK_BYTES", 4)
    assert bytes(read_table(b"a,b\n1,2" + b"\n" * 20).body) == b"1,2"


@pytest.mark.parametrize("row", [b'"x"y,2', b'1,"x" ', b'"a"b"c",2', b'"" "",2'])
def test_quotes_that_are_not_doubled_are_named_with_their_row(row):
    text = b"a,y\n" + b'1,"x"\n' * 40_000 + row + b"\n1,z\n"
    with pytest.raises(DataError, match=r"<bytes>: row 40002: not a CSV table: .* must be doubled"):
        read_table(text)


def test_quotes_inside_cells_without_quotes_are_text():
    assert texts(read_table(b'a,y\n1,say "so"\n2,"1"" pipe"\n'), "y") == ['say "so"', '1" pipe']


@pytest.mark.parametrize("row", [b'a"b,"c"d"', b'1,a"b\n2,c"d', b'a"b,c"d'])
def test_separators_between_stray_quotes_are_refused(row):
    with pytest.raises(DataError, match=r"row 2 has 1 cell|not a CSV table|row 2 has 2 cells|row 3 has"):
        labels(read_table(b"a,y\n" + row + b"\n"), "y")
