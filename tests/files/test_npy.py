"""Files of `numpy.save`: mapped as NumPy maps them, and refused in one line if they are damaged."""

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


HEADER, CUT = "its header is damaged: ", "the file is shorter than its header says: was it copied completely"
DAMAGED = [
    (b"", "not a .npy file: it begins with b''"),
    (b"\x03" + bytes(8), r"it begins with b'\\x03"),
    (b"PK\x03\x04" + bytes(40), "it begins with b'PK"),
    (framed(header(), version=4), HEADER + r"we only support format version \(1,0\), \(2,0\), and \(3,0\)"),
    (framed(header(), version=2, length=658_190_000), "the header length is 658,190,000 bytes, the limit is"),
    (framed(header()[:30]), HEADER),
    (framed("(" * 3000), "the header length is 3,000 bytes"),
    (framed("(" * 1500), HEADER),
    (framed("{[]: 1}"), HEADER),
    (framed("9" * 5000), "the header length is 5,000 bytes"),
    (framed("9" * 2000), HEADER),
    (framed("__import__('os').getcwd()"), HEADER),
    (framed("[1, 2]"), HEADER + r"Header is not a dictionary: \[1, 2\]"),
    (framed("{'descr': '<f8'}"), HEADER + "Header does not contain the correct keys"),
    (framed(header("'|O'")), "Python objects in dtype"),
    (framed(header("[('a', '<f8')]")), "it must hold numbers"),
    (framed(header("'<U1'")), "it must hold numbers"),
    (framed(header("'<U9'")), CUT),
    (framed(header("'<f8,<f8'")), CUT),
    (framed(header("'<f3'")), HEADER + "descr is not a valid dtype descriptor: '<f3'"),
    (framed(header(shape="(-3, -2)")), HEADER + "negative dimensions are not allowed"),
    (framed(header(shape="(True, 2)")), HEADER),
    (framed(header(shape="3")), HEADER + "shape is not valid: 3"),
    (framed(header(shape=f"({10**400}, 2)")), HEADER),
    (framed(header(shape=f"({2**62}, 8)")), HEADER),
    (framed(header(shape=f"({'1,' * 65})")), HEADER),
    (framed(header(is_fortran="1")), HEADER + "fortran_order is not a valid bool: 1"),
    (framed(header(), content=bytes(47)), CUT),
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


def test_an_array_of_most_axes_and_longest_sides(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros([0] * 64))
    content = (tmp_path / "a.npy").read_bytes()
    assert open_npy(tmp_path / "a.npy").ndim == 64
    (tmp_path / "a.npy").write_bytes(framed(header(shape=f"({'1000000000000000000, ' * 64})")))
    with pytest.raises(ValueError, match=HEADER):
        open_npy(tmp_path / "a.npy")
    assert len(content) < 2048


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
