import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import DataError, digit_csv, read_digit_csv

HEADER = ",".join(["label", *(f"pixel{i}" for i in range(784))])
ROW = ",".join(["7", *(str(i % 256) for i in range(784))])


def complaint(text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(DataError) as caught:
        read_digit_csv(data, **options)
    return str(caught.value).removeprefix("<bytes>: ")


def rows(*lines):
    return "\n".join([HEADER, *lines, ""])


def with_cell(column, text):
    cells = ROW.split(",")
    cells[column] = text
    return ",".join(cells)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_literal_table(newline, last):
    text = newline.join([HEADER, ROW, with_cell(0, "0")]) + newline * last
    labels, pixels = read_digit_csv(text.encode())
    assert labels.dtype == np.int64
    assert pixels.dtype == np.uint8
    assert labels.tolist() == [7, 0]
    np.testing.assert_array_equal(pixels, np.tile(np.arange(784) % 256, (2, 1)))


@pytest.mark.parametrize("packed", [False, True])
def test_many_blocks_and_files(tmp_path, packed, monkeypatch):
    monkeypatch.setattr(digit_csv, "BLOCK_BYTES", 5000)
    numbers = np.random.default_rng(0).integers(0, 256, (50, 785))
    numbers[:, 0] %= 10
    text = rows(*(",".join(map(str, row)) for row in numbers.tolist())).encode()
    path = tmp_path / "train.csv"
    path.write_bytes(gzip.compress(text) if packed else text)
    labels, pixels = read_digit_csv(path)
    np.testing.assert_array_equal(labels, numbers[:, 0])
    np.testing.assert_array_equal(pixels, numbers[:, 1:])


def test_byte_order_mark_is_accepted():
    labels, _ = read_digit_csv(b"\xef\xbb\xbf" + rows(ROW).encode())
    assert labels.tolist() == [7]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("abc", "'abc'"),
        ("256", "'256'"),
        ("1000", "'1000'"),
        ("-1", "'-1'"),
        ("1.0", "'1.0'"),
        (" 1", "' 1'"),
        ("", "''"),
        ("1e2", "'1e2'"),
        ("+1", "'+1'"),
        ("é", "'é'"),
        ("²", "'²'"),
    ],
)
@pytest.mark.parametrize("column", [1, 204, 784])
def test_wrong_pixel(text, shown, column):
    message = complaint(rows(*[ROW] * 15, with_cell(column, text), ROW))
    assert message == f"row 17, column pixel{column - 1}: {shown} is not a whole number from 0 to 255"


def test_not_utf8():
    data = rows(ROW, with_cell(3, "@")).encode().replace(b"@", b"\xff")
    assert complaint(data) == r"row 3, column pixel2: '\\xff' is not a whole number from 0 to 255"


def test_utf16_file():
    assert complaint(rows(ROW).encode("utf-16")).startswith(r"row 1, column 1: '\\xff\\xfe")


@pytest.mark.parametrize("label", ["10", "255", "-1", "", "x"])
def test_wrong_label(label):
    message = complaint(rows(ROW, with_cell(0, label)))
    assert message == f"row 3, column label: '{label}' is not a whole number from 0 to 9"


def test_first_fault_is_named_across_blocks(monkeypatch):
    monkeypatch.setattr(digit_csv, "BLOCK_BYTES", 4000)
    message = complaint(rows(*[ROW] * 30, with_cell(0, "11"), with_cell(5, "x")))
    assert message.startswith("row 32, column label: '11'")


@pytest.mark.parametrize(("row", "n"), [(ROW + ",1", 786), (ROW.rpartition(",")[0], 784), ("7", 1)])
def test_ragged_row(row, n):
    assert complaint(rows(ROW, row, ROW)) == f"row 3: {n} columns, expected 785"


def test_ragged_rows_that_add_up():
    long, short = ROW + ",1", ROW.rpartition(",")[0]
    assert complaint(rows(long, short)) == "row 2: 786 columns, expected 785"


@pytest.mark.parametrize("blank", ["", "  "])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_blank_row(blank, place):
    lines = [ROW, ROW]
    lines.insert(place, blank)
    assert complaint(rows(*lines)) == f"row {place + 2}: blank, expected 785 columns"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.removeprefix("label,"), "row 1, column 1: 'pixel0', expected 'label'"),
        (HEADER.replace("pixel5,", "pixel6,"), "row 1, column 7: 'pixel6', expected 'pixel5'"),
        (HEADER + ",more", "row 1: 786 columns, expected 785"),
        (HEADER.removesuffix(",pixel783"), "row 1: 784 columns, expected 785"),
        (ROW, "row 1, column 1: '7', expected 'label'"),
        ("", "row 1: empty, expected the header label,pixel0,...,pixel783"),
    ],
)
def test_wrong_header(header, message):
    assert complaint(f"{header}\n{ROW}\n") == message


def test_empty_file_and_no_rows():
    assert complaint("") == "row 1: empty, expected the header label,pixel0,...,pixel783"
    assert complaint(HEADER) == complaint(HEADER + "\n") == "no rows below the header"


def test_limits():
    assert complaint(rows(ROW, ROW, ROW), max_rows=2) == "more than max_rows=2 rows"
    assert complaint(HEADER + "\n" + "1" * (3 << 20)).startswith("a row of more than 262,144 bytes")
    assert complaint(gzip.compress(rows(ROW).encode())[:-9]).startswith("damaged gzip data")


CELLS = st.one_of(
    st.integers(0, 300).map(str), st.sampled_from(["", "007", "0000", "-1", "1.5", " 2", "a", "\n"])
)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=4), st.integers(0, 3))
def test_fast_and_slow_parser_agree(grid, seed):
    columns = ("label", "pixel0", "pixel1")
    block = ("\n".join(",".join(row) for row in grid) + "\n").encode()
    try:
        slow = digit_csv._parse_slowly(block, columns, "file", 1).tolist()
    except DataError as error:
        slow = str(error)
    try:
        fast = digit_csv.parse_numbers(block, columns, "file").tolist()
    except DataError as error:
        fast = str(error)
    assert fast == slow


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 255)), min_size=1, max_size=30))
def test_fast_parser_takes_every_good_block(numbers):
    block = "".join(f"{label},{pixel}\n" for label, pixel in numbers).encode()
    assert digit_csv._parse_fast(block, 2).tolist() == [list(row) for row in numbers]


def test_a_packed_table_is_not_held_whole_before_its_rows_are_counted():
    packed = gzip.compress(rows(*[ROW] * 10_000).encode(), 1)
    tracemalloc.start()
    assert "more than max_rows=500 rows" in complaint(packed, max_rows=500)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000  # unpacked, it has 30 MB
