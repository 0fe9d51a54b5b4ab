import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pellucid.data import DataError, read_idx
from pellucid.data.idx import parse_idx

IMAGES = np.arange(2 * 3 * 4).reshape(2, 3, 4)
LABELS = np.array([3, 1, 4, 1, 5, 9])


def complaint(source, **options):
    with pytest.raises(DataError) as caught:
        read_idx(source, **options)
    return str(caught.value).removeprefix("<bytes>: ")


def test_literal_file():
    data = bytes.fromhex("00000802 00000002 00000003 010203 0405ff")
    np.testing.assert_array_equal(read_idx(data), [[1, 2, 3], [4, 5, 255]])


@pytest.mark.parametrize("packed", [False, True])
def test_file_on_disk(tmp_path, idx_bytes, packed):
    data = idx_bytes(IMAGES)
    path = tmp_path / "images.misleading-name"
    path.write_bytes(gzip.compress(data) if packed else data)
    values = read_idx(path, shape=(None, 3, 4))
    assert values.dtype == np.uint8
    assert not values.flags.writeable
    np.testing.assert_array_equal(values, IMAGES)
    np.testing.assert_array_equal(read_idx(str(path)), IMAGES)


@given(array=hnp.arrays(np.uint8, hnp.array_shapes(max_dims=4, min_side=0)))
def test_any_array_comes_back(array, idx_bytes):
    np.testing.assert_array_equal(read_idx(idx_bytes(array)), array)


@pytest.mark.parametrize("n", range(40))
def test_truncated_at_every_byte(idx_bytes, n):
    data = idx_bytes(IMAGES)
    assert len(data) == 40
    message = complaint(data[:n])
    assert message.startswith(f"byte {n}: the file ends, expected ")


@pytest.mark.parametrize("n", range(3, 16))
def test_truncated_file_inside_good_gzip(idx_bytes, n):
    assert complaint(gzip.compress(idx_bytes(IMAGES)[:n])).startswith(f"byte {n}: the file ends")


@pytest.mark.parametrize("n", range(2, 60, 3))
def test_truncated_gzip(idx_bytes, n):
    packed = gzip.compress(idx_bytes(np.arange(200)))
    assert n < len(packed)
    assert complaint(packed[:n]).startswith("damaged gzip data: ")


def test_gzip_with_wrong_checksum(idx_bytes):
    packed = bytearray(gzip.compress(idx_bytes(IMAGES)))
    packed[-8] ^= 1
    assert complaint(bytes(packed)).startswith("damaged gzip data: CRC check failed")


def test_message_names_the_file(tmp_path, idx_bytes):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(idx_bytes(IMAGES))
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte: byte 3: 3 dimensions, expected 1$"):
        read_idx(path, shape=(None,))


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (0, 0x1F, "byte 0: 0x1f, expected 0x00 (the start of an IDX file)"),
        (1, 7, "byte 1: 0x07, expected 0x00 (the start of an IDX file)"),
        (2, 0x0D, "byte 2: 0x0d, expected 0x08 (the type unsigned byte)"),
        (3, 4, "byte 3: 4 dimensions, expected 3"),
        (3, 0, "byte 3: 0 dimensions, expected 3"),
        (7, 3, "byte 40: the file ends, expected 52 bytes (the header states 3 x 3 x 4 values)"),
        (7, 1, "byte 28: more data, expected the end of the file (the header states 1 x 3 x 4 values)"),
        (11, 5, "byte 8: dimension 1 is 5, expected 3"),
        (12, 1, "byte 12: dimension 2 is 16777220, expected 4"),
    ],
)
def test_wrong_header(idx_bytes, offset, value, message):
    data = bytearray(idx_bytes(IMAGES))
    data[offset] = value
    assert complaint(bytes(data), shape=(None, 3, 4)) == message


@pytest.mark.parametrize("n_dims", [0, 9, 255])
def test_number_of_dimensions_is_limited(n_dims):
    message = complaint(bytes([0, 0, 8, n_dims]))
    assert message == f"byte 3: {n_dims} dimensions, expected 1 to 8"


def test_content_in_memory_is_read_in_place(idx_bytes):
    data = bytearray(idx_bytes(IMAGES))
    for content in (data, memoryview(data)):
        values = parse_idx(content, "images", (None, 3, 4), None)
        np.testing.assert_array_equal(values, IMAGES)
        assert np.shares_memory(values, np.frombuffer(data, np.uint8))
        assert not values.flags.writeable
    with pytest.raises(DataError, match="images: byte 40: more data"):
        parse_idx(data + b"0", "images", (None, 3, 4), None)
    with pytest.raises(DataError, match="images: byte 9: the file ends, expected 16 header bytes"):
        parse_idx(data[:9], "images", (None, 3, 4), None)


def test_trailing_byte(idx_bytes):
    assert complaint(idx_bytes(LABELS) + b"\0").startswith("byte 14: more data, expected the end")


def test_label_out_of_range(idx_bytes):
    data = idx_bytes(np.array([3, 9, 10, 11]))
    assert complaint(data, n_classes=10) == "byte 10: label 10, expected 0 to 9"
    assert read_idx(idx_bytes(LABELS), n_classes=10).max() == 9


def test_empty():
    assert complaint(b"") == "byte 0: the file ends, expected 4 bytes of magic number"


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nowhere")


def peak_of(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_forged_count_takes_no_memory():
    data = bytes.fromhex("00000801 3fffffff") + b"\1\2\3"
    assert peak_of(lambda: complaint(data)) < 5_000_000
    assert complaint(bytes.fromhex("00000802 ffffffff ffffffff")).endswith(
        "the limit is max_bytes=1,073,741,824"
    )


def test_gzip_bomb_takes_no_memory(tmp_path, idx_bytes):
    path = tmp_path / "bomb"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(idx_bytes(LABELS))
        for _ in range(64):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 100_000
    assert peak_of(lambda: complaint(path)) < 5_000_000


def test_max_bytes(idx_bytes):
    assert complaint(idx_bytes(LABELS), max_bytes=5) == "the header states 6 values, the limit is max_bytes=5"


@given(data=st.binary(max_size=60))
def test_no_bytes_crash_it(data):
    try:
        read_idx(b"\0\0\x08" + data)
    except DataError as error:
        assert "byte" in str(error) or "max_bytes" in str(error)
