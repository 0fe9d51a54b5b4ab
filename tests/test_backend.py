import numpy as np
import pytest

from pellucid.backend import array_module, as_array, float_dtype


def test_the_processors_arrays_are_numpys():
    assert array_module("cpu") is np


@pytest.mark.parametrize("device", ["gpu", "CPU", "", "cpu "])
def test_a_device_that_is_not_there_is_refused(device):
    with pytest.raises(ValueError, match=rf"device must be one of \['cpu'\], got '{device}'"):
        array_module(device)


def test_an_array_stays_the_one_it_is_and_other_values_become_one(tmp_path):
    x = np.arange(6.0).reshape(2, 3)[:, ::2]  # a view that is not contiguous
    assert as_array(x) is x
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=(2, 2))
    assert as_array(mapped) is mapped
    assert as_array([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert as_array(range(3)).dtype.kind == "i"
    assert as_array(2.5).shape == ()


@pytest.mark.parametrize(
    ("dtype", "size"), [("float32", 4), (np.float64, 8), (np.dtype("f4"), 4), (float, 8), ("d", 8)]
)
def test_the_two_float_types_by_any_of_their_names(dtype, size):
    found = float_dtype(dtype)
    assert (found.kind, found.itemsize) == ("f", size)


@pytest.mark.parametrize("dtype", [None, "float16", np.int64, "longdouble", "no such type", ">f4", 3, object])
def test_any_other_type_is_refused_by_name(dtype):
    if dtype == "longdouble" and np.dtype(dtype) == np.float64:
        pytest.skip("a long double is a double here")
    with pytest.raises(ValueError, match="dtype must be float32 or float64, got ") as caught:
        float_dtype(dtype)
    assert str(caught.value).endswith(repr(dtype))
