"""The safetensors format: bytes like the format's own package, and ValueError for any damage."""

import json
import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pellucid import safetensors

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
    with pytest.raises(ValueError, match=r"x: dtype .* cannot be stored, only BOOL, F16"):
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
    """Each either still reads or raises ValueError, nothing else."""
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
    ("outside", {"a": entry(offsets=(0, 8))}, 4, r"needs 8 bytes, but its place is 0 to 8 of 4"),
    ("backwards", {"a": entry(offsets=(8, 0))}, 8, "needs 8 bytes, but its place is 8 to 0"),
    ("wrong size", {"a": entry(shape=[3])}, 8, "needs 12 bytes"),
    ("unknown dtype", {"a": entry("F13")}, 8, "its header entry cannot be read: KeyError"),
    ("dtype a list", {"a": entry(["F32"])}, 8, "its header entry cannot be read"),
    ("negative side", {"a": entry(shape=[-2])}, 8, "whole numbers >= 0"),
    ("fractional side", {"a": entry(shape=[2.0])}, 8, "whole numbers >= 0"),
    ("true side", {"a": entry("I64", [True])}, 8, "whole numbers >= 0"),
    ("text shape", {"a": entry(shape="2")}, 8, "whole numbers >= 0"),
    ("huge side", {"a": entry(shape=[2**63])}, 8, "needs"),
    ("empty, huge side", {"a": entry(shape=[0, 2**70], offsets=(0, 0))}, 0, "'a'"),
    ("empty, huge sides", {"a": entry(shape=[0, 2**62, 2**62], offsets=(0, 0))}, 0, "'a'"),
    ("100 sides", {"a": entry(shape=[1] * 99 + [2])}, 8, "'a'"),
    ("one offset", {"a": entry(offsets=[0])}, 8, "its header entry cannot be read"),
    ("no offsets", {"a": {"dtype": "F32", "shape": [2]}}, 8, "its header entry cannot be read"),
    ("entry a list", {"a": [1, 2]}, 8, "its header entry cannot be read"),
    ("header a list", [1, 2], 0, "the header is not a JSON object"),
    ("metadata a list", {"__metadata__": [1]}, 0, "the metadata are not JSON text"),
    ("metadata a number", {"__metadata__": {"pellucid": 5}}, 0, "the metadata are not JSON text"),
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
