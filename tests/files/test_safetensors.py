"""The safetensors format: bytes like the format's own package, and ValueError for any damage."""

import json
import os
import re
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pellucid.files import safetensors

DTYPES = [np.dtype(code) for code in safetensors.DTYPES.values()]
NAMES = st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda name: name != "__metadata__")
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
ABOUT = st.recursive(
    st.none() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=3), max_leaves=4
)


def same(a, b):
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


@given(tensors=st.dictionaries(NAMES, ARRAYS, max_size=6), about=ABOUT)
@settings(max_examples=200, deadline=None)
def test_bytes_equal_those_of_the_package(tensors, about, tmp_path_factory):
    package = pytest.importorskip("safetensors.numpy")
    path = tmp_path_factory.getbasetemp() / "ours.safetensors"
    safetensors.write(path, tensors, about)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = package.save(tensors, metadata={"pellucid": json.dumps(about)})
    assert path.read_bytes() == theirs
    read, read_about = safetensors.read(path)
    assert read_about == about
    assert read.keys() == tensors.keys()
    assert all(same(read[name], tensors[name]) for name in tensors)
    assert all(same(array, tensors[name]) for name, array in package.load(theirs).items())


def test_reads_files_without_metadata(tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "theirs.safetensors"
    package.save_file({"a": np.arange(6.0).reshape(2, 3)}, path)
    tensors, about = safetensors.read(path)
    assert about is None
    np.testing.assert_array_equal(tensors["a"], [[0, 1, 2], [3, 4, 5]])
    assert tensors["a"].flags.writeable


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3).T, np.arange(10)[::3], np.arange(4, dtype=">i4"), np.array(3.5)],
    ids=["transposed", "strided", "big-endian", "scalar"],
)
def test_any_layout_in_memory(array, tmp_path):
    safetensors.write(tmp_path / "a", {"a": array}, None)
    found = safetensors.read(tmp_path / "a")[0]["a"]
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("=")


@pytest.mark.parametrize("dtype", [complex, object, "U3", "M8[s]", np.longdouble])
def test_dtypes_that_cannot_be_stored(dtype, tmp_path):
    with pytest.raises(ValueError, match=r"'x': dtype .* cannot be stored, only BOOL, F16"):
        safetensors.write(tmp_path / "a", {"x": np.zeros(2, dtype)}, None)
    assert not list(tmp_path.iterdir())


def test_about_that_json_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        safetensors.write(tmp_path / "a", {}, {"loss": float("nan")})


def small_file(tmp_path):
    path = tmp_path / "small.safetensors"
    tensors = {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "0.bias": np.zeros(2, np.float32)}
    safetensors.write(path, tensors, {"n": 1})
    return path


def test_a_file_cut_at_any_byte(tmp_path):
    path = small_file(tmp_path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=re.escape(str(path))):
            safetensors.read(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match="the tensors take 32 bytes, but 33 follow the header"):
        safetensors.read(path)


def test_any_byte_of_the_header_changed(tmp_path):
    """Each change either reads or raises ValueError, nothing else."""
    path = small_file(tmp_path)
    whole = path.read_bytes()
    raised = 0
    for place in range(len(whole) - 32):
        for value in (0, 0x22, 0x39, 0x5B, 0x7D, 0xFF, whole[place] ^ 1):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                safetensors.read(path)
            except ValueError as error:
                raised += 1
                assert str(path) in str(error)
    assert raised > 500


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


#: What is wrong, the header, the bytes after it, a piece of the message.
DAMAGED = [
    ("gap", {"a": entry(), "b": entry(offsets=(12, 20))}, 20, "'b' begins at data byte 12, expected 8"),
    ("overlap", {"a": entry(), "b": entry(offsets=(4, 12))}, 12, "'b' begins at data byte 4, expected 8"),
    ("late start", {"a": entry(offsets=(4, 12))}, 12, "'a' begins at data byte 4, expected 0"),
    ("outside", {"a": entry(offsets=(0, 8))}, 4, "the tensors take 8 bytes, but 4 follow the header"),
    ("backwards", {"a": entry(offsets=(8, 0))}, 8, "needs 8 bytes, but its data_offsets are 8 to 0"),
    ("wrong size", {"a": entry(shape=[3])}, 8, "needs 12 bytes"),
    (
        "unknown dtype",
        {"a": entry("F13")},
        8,
        "'a' has dtype 'F13', which NumPy does not have: only BOOL, F16,",
    ),
    ("dtype of others", {"big": entry("BF16", [4])}, 8, "'big' has dtype 'BF16', which NumPy does not have"),
    ("dtype a list", {"a": entry(["F32"])}, 8, r"has dtype \['F32'\]"),
    (
        "no dtype",
        {"a": {"shape": [2], "data_offsets": [0, 8]}},
        8,
        "its header entry cannot be read: KeyError",
    ),
    ("negative side", {"a": entry(shape=[-2])}, 8, "whole numbers >= 0"),
    ("fractional side", {"a": entry(shape=[2.0])}, 8, "whole numbers >= 0"),
    ("true side", {"a": entry("I64", [True])}, 8, "whole numbers >= 0"),
    ("text shape", {"a": entry(shape="2")}, 8, "'a': its shape must be a list, got '2'"),
    ("empty text shape", {"a": entry(shape="", offsets=[0, 4])}, 4, "'a': its shape must be a list, got ''"),
    ("object shape", {"a": entry(shape={}, offsets=[0, 4])}, 4, "'a': its shape must be a list, got {}"),
    ("huge side", {"a": entry(shape=[2**63])}, 8, r"whole numbers >= 0 and < 2\*\*63"),
    ("empty, huge side", {"a": entry(shape=[0, 2**70], offsets=(0, 0))}, 0, "'a'"),
    ("empty, huge sides", {"a": entry(shape=[0, 2**62, 2**62], offsets=(0, 0))}, 0, "'a'"),
    ("100 sides", {"a": entry(shape=[1] * 99 + [2])}, 8, "'a' has 100 axes, an array has at most 64"),
    ("many huge sides", {"a": entry(shape=[2**62] * 10**4)}, 8, "'a' has 10000 axes"),
    ("a side of 4,000 digits", {"a": entry(shape=[10**4000] * 64)}, 8, r"whole numbers >= 0 and < 2\*\*63"),
    ("one offset", {"a": entry(offsets=[0])}, 8, "its header entry cannot be read"),
    ("no offsets", {"a": {"dtype": "F32", "shape": [2]}}, 8, "its header entry cannot be read"),
    ("entry a list", {"a": [1, 2]}, 8, "its header entry cannot be read"),
    ("header a list", [1, 2], 0, "the header is not a JSON object"),
    ("metadata a list", {"__metadata__": [1]}, 0, "the metadata are not JSON text"),
    ("metadata a number", {"__metadata__": {"pellucid": 5}}, 0, "the metadata are not JSON text"),
    ("foreign metadata a number", {"__metadata__": {"format": 5}}, 0, "must map names to texts"),
    ("metadata NaN", {"__metadata__": {"pellucid": "[NaN]"}}, 0, "NaN is not a number in JSON"),
    ("metadata twice", {"__metadata__": {"pellucid": '{"a":1,"a":1}'}}, 0, "'a' appears twice in an object"),
    (
        "metadata half a character",
        {"__metadata__": {"pellucid": '"\\ud800"'}},
        0,
        "is a lone surrogate, not a character",
    ),
    ("metadata no JSON", {"__metadata__": {"pellucid": "{"}}, 0, "the metadata are not JSON text"),
    ("metadata too deep", {"__metadata__": {"pellucid": "[" * 100_000}}, 0, "the metadata are not JSON text"),
]


@pytest.mark.parametrize(
    ("header", "n_bytes", "message"), [case[1:] for case in DAMAGED], ids=[c[0] for c in DAMAGED]
)
def test_damaged_headers(header, n_bytes, message, tmp_path):
    text, path = json.dumps(header).encode(), tmp_path / "damaged"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(n_bytes))
    with pytest.raises(ValueError, match=message) as caught:
        safetensors.read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\3\4",
        b"\xff" * 8,
        (2**63).to_bytes(8, "little") + b"{}",
        (3).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"\xff\xff",
        (10**5).to_bytes(8, "little") + b"[" * 10**5,
        (5000).to_bytes(8, "little") + b"9" * 5000,
        (17).to_bytes(8, "little") + b'{"a":NaN,"a":1e9}',
    ],
)
def test_not_a_safetensors_file(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ValueError, match="not a safetensors file"):
        safetensors.read(tmp_path / "a")


@given(content=st.binary(max_size=60), size=st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_random_bytes(content, size, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "random.safetensors"
    path.write_bytes(size.to_bytes(8, "little") + content)
    try:
        safetensors.read(path)
    except ValueError as error:
        assert str(path) in str(error)


def test_a_tensor_cannot_take_the_headers_own_name(tmp_path):
    with pytest.raises(ValueError, match="__metadata__ is the header's own name"):
        safetensors.write(tmp_path / "a.safetensors", {"__metadata__": np.zeros(1)}, None)
    assert not any(tmp_path.iterdir())


def framed(header, n_bytes=0):
    text = header.encode()
    return len(text).to_bytes(8, "little") + text + bytes(n_bytes)


@pytest.mark.parametrize(
    ("header", "n_bytes", "message"),
    [
        ('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":0}', 1, "'a' appears twice in an object"),
        (
            '{"\\udc00":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
            1,
            r"'\\udc00' is a lone surrogate, not a character",
        ),
        ('{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,1]}}', 1, "NaN is not a number in JSON"),
        ('{"a":' * 20_000, 0, "it is nested too deeply"),
        ('{"a":{"dtype":"BOOL","shape":[0],"data_offsets":[0,0]}} x', 0, "the header is not JSON"),
    ],
)
def test_headers_that_json_or_utf_8_do_not_have(header, n_bytes, message, tmp_path):
    (tmp_path / "a").write_bytes(framed(header, n_bytes))
    with pytest.raises(ValueError, match=message):
        safetensors.read(tmp_path / "a")


def test_true_is_the_byte_1(tmp_path):
    header = '{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}'
    (tmp_path / "a").write_bytes(framed(header)[:] + b"\1\2")
    with pytest.raises(ValueError, match="'a': true and false must be bytes 1 and 0, got 2"):
        safetensors.read(tmp_path / "a")


def test_files_of_others_with_more_metadata_or_null(tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "theirs"
    for metadata in ({"format": "pt", "x": "{"}, {"format": "pt", "pellucid": "[1]"}, None):
        package.save_file({"a": np.zeros(2)}, path, metadata=metadata)
        assert safetensors.read(path)[1] == ([1] if metadata and "pellucid" in metadata else None)
    path.write_bytes(framed('{"__metadata__":null}'))
    assert safetensors.read(path) == ({}, None)


def test_names_that_utf_8_does_not_have_are_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"'a\\ud800' holds a lone surrogate"):
        safetensors.write(tmp_path / "a", {"a\ud800": np.zeros(1)}, None)
    with pytest.raises(ValueError, match="is a lone surrogate, not a character"):
        safetensors.write(tmp_path / "a", {}, ["\udfff"])
    with pytest.raises(ValueError, match="'1' appears twice in an object"):
        safetensors.write(tmp_path / "a", {}, {1: 0, "1": 0})
    assert not any(tmp_path.iterdir())


def test_a_header_longer_than_the_package_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(safetensors, "MAX_HEADER", 100)
    with pytest.raises(ValueError, match=r"names and notes take 1,0.. bytes, at most 100 can be stored"):
        safetensors.write(tmp_path / "a", {}, "x" * 1000)
    (tmp_path / "a").write_bytes(framed("{}" + 99 * " "))
    with pytest.raises(ValueError, match="the header takes 101 bytes, at most 100 are read"):
        safetensors.read(tmp_path / "a")


def test_a_file_that_becomes_shorter_while_it_is_read(tmp_path):
    path = small_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(framed('{"a":{"dtype":"U8","shape":[100000],"data_offsets":[0,100000]}}', 100_000))
    with safetensors.opened(path) as contents:
        path.write_bytes(whole)
        with pytest.raises(ValueError, match="'a': the file became shorter while it was read"):
            contents.read("a")


def test_memory_is_the_files_size(tmp_path):
    tensors = {name: np.ones((1000, 500), np.float32) for name in "abc"}
    safetensors.write(tmp_path / "a", tensors, None)
    tracemalloc.start()
    found, _ = safetensors.read(tmp_path / "a")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(array.nbytes for array in found.values()) == 6_000_000
    assert peak < 6_300_000


def test_a_tensor_read_into_an_array_of_another_order(tmp_path, monkeypatch):
    matrix = np.arange(35.0).reshape(7, 5)
    safetensors.write(tmp_path / "a", {"a": matrix, "b": np.ones((0, 3))}, None)
    for block_bytes in (1, 90, 1 << 20):
        monkeypatch.setattr(safetensors, "BLOCK_BYTES", block_bytes)
        target = np.zeros((5, 7)).T
        with safetensors.opened(tmp_path / "a") as contents:
            contents.read_into("b", np.empty((0, 3)))
            contents.read_into("a", target)
        np.testing.assert_array_equal(target, matrix)


def test_what_is_no_regular_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(OSError, match="not a regular file: name another"):
            safetensors.read(path)
    with pytest.raises(IsADirectoryError):
        safetensors.read(tmp_path)


def test_more_tensors_or_notes_than_are_read_are_not_written(tmp_path):
    few = {f"{i:x}": np.zeros(0, np.uint8) for i in range(5000)}
    safetensors.write(tmp_path / "a", few, None)
    assert len(safetensors.read(tmp_path / "a")[0]) == 5000
    for tensors, about in (({f"{i:x}": np.zeros(0) for i in range(6000)}, None), ({}, [1] * 110_000)):
        with pytest.raises(
            ValueError, match=r"values in JSON may take [\d,]+ bytes of memory, the limit is 6,500,000"
        ):
            safetensors.write(tmp_path / "b", tensors, about)
    assert not (tmp_path / "b").exists()
