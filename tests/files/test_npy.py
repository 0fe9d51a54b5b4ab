"""Files of `numpy.save`: mapped as NumPy maps them, and refused in one line where they are damaged."""

import io
import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pellucid.files.npy import open_npy

DTYPES = (
    npst.boolean_dtypes() | npst.integer_dtypes() | npst.unsigned_integer_dtypes() | npst.floating_dtypes()
)


@settings(deadline=None)
@given(
    array=npst.arrays(DTYPES | npst.complex_number_dtypes(), npst.array_shapes(min_dims=0, min_side=0)),
    is_fortran=st.booleans(),
)
def test_what_numpy_saves_is_what_numpy_loads(array, is_fortran, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "a.npy"
    np.save(path, np.asfortranarray(array) if is_fortran else array)
    found, expected = open_npy(path), np.load(path)
    assert (found.dtype, found.shape, found.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())
    assert found.flags.f_contiguous == expected.flags.f_contiguous


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_all_versions_of_the_format(version, tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, np.arange(3), version)
    assert open_npy(tmp_path / "a.npy").tolist() == [0, 1, 2]


def test_it_is_mapped_and_cannot_be_written_to(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((1000, 1000)))
    tracemalloc.start()
    array = open_npy(str(tmp_path / "a.npy"))
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()
    assert isinstance(array, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def framed(header, version=1, length=None, content=bytes(48)):
    text = header.encode("latin-1")
    size = (len(text) if length is None else length).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + content


def header(descr="'<f8'", is_fortran="False", shape="(3, 2)"):
    return f"{{'descr': {descr}, 'fortran_order': {is_fortran}, 'shape': {shape}, }}\n"


DAMAGED = [
    (b"", "it begins with b''"),
    (b"\x03" + bytes(8), r"it begins with b'\\x03"),
    (b"PK\x03\x04" + bytes(40), "it begins with b'PK"),
    (framed(header(), version=4), "and a version from 1 to 3"),
    (framed(header(), version=2, length=658_190_000), "its header is said to take 658,190,000 bytes"),
    (framed(header()[:30]), "its header cannot be read"),
    (framed("(" * 3000), "its header cannot be read"),
    (framed("{[]: 1}"), "its header cannot be read"),
    (framed("9" * 5000), "its header cannot be read"),
    (framed("__import__('os').getcwd()"), "its header cannot be read"),
    (framed("[1, 2]"), r"must name descr, fortran_order and shape, got \[1, 2\]"),
    (framed("{'descr': '<f8'}"), "must name descr, fortran_order and shape"),
    (framed(header("'|O'")), r"it must hold numbers, got dtype '\|O'"),
    (framed(header("[('a', '<f8')]")), "it must hold numbers"),
    (framed(header("'<U9'")), "it must hold numbers"),
    (framed(header("'<f8,<f8'")), "it must hold numbers"),
    (framed(header("'<f3'")), "there are no numbers of dtype '<f3'"),
    (framed(header(shape="(-3, -2)")), "its shape must be whole numbers >= 0"),
    (framed(header(shape="(True, 2)")), "its shape must be whole numbers >= 0"),
    (framed(header(shape="3")), "its shape must be whole numbers >= 0, got 3"),
    (framed(header(shape=f"({10**400}, 2)")), "its shape must be whole numbers >= 0"),
    (framed(header(shape=f"({2**62}, 8)")), "needs [0-9]+ bytes, but 48 follow the header"),
    (framed(header(shape=f"({'1,' * 65})")), "its header is damaged"),
    (framed(header(is_fortran="1")), "its header is damaged"),
    (framed(header(), content=bytes(47)), r"float64 \(3, 2\) needs 48 bytes, but 47 follow the header"),
]


@pytest.mark.parametrize(("content", "message"), DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_files(content, message, tmp_path):
    (tmp_path / "a.npy").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=message) as caught:
        open_npy(tmp_path / "a.npy")
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_file_cut_at_any_byte(tmp_path):
    whole = io.BytesIO()
    np.save(whole, np.arange(6.0))
    for size in range(len(whole.getvalue())):
        (tmp_path / "a.npy").write_bytes(whole.getvalue()[:size])
        with pytest.raises(ValueError):
            open_npy(tmp_path / "a.npy")


def test_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        open_npy(tmp_path / "pipe")
