import sys

import numpy as np
import pytest
from tests import strict

from pellucid.backend import array_module, as_array, float_dtype, module_of, on_gpu, to_device, to_host


@pytest.fixture
def gpu(monkeypatch):
    return strict.install(monkeypatch)


def test_the_processors_arrays_are_numpys():
    assert array_module("cpu") is np


@pytest.mark.parametrize("device", ["tpu", "CPU", "", "cpu ", None, 0])
def test_a_device_that_is_not_there_is_refused(device):
    with pytest.raises(ValueError, match=r"device must be one of \['cpu', 'gpu'\], got") as caught:
        array_module(device)
    assert str(caught.value).endswith(repr(device))


def test_without_cupy_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs CuPy, .*: pip install 'pellucid\[gpu\]'"):
        array_module("gpu")
    assert module_of(np.ones(1)) is np


def test_cupy_without_a_gpu_says_what_it_lacks(gpu):
    def none():
        raise RuntimeError("cudaErrorNoDevice")

    gpu.cuda.runtime.getDeviceCount = none
    with pytest.raises(
        RuntimeError, match='device="gpu" needs a GPU, and CuPy finds none: cudaErrorNoDevice'
    ):
        array_module("gpu")


def test_tf32_is_for_gpus(gpu):
    assert array_module("gpu") is gpu
    assert array_module("gpu", tf32=True) is array_module("gpu", tf32=True)
    assert array_module("gpu", tf32=True).exp is gpu.exp
    with pytest.raises(ValueError, match=r"tf32 needs device=\"gpu\""):
        array_module("cpu", tf32=True)


@pytest.mark.parametrize(
    "values", [np.arange(3.0), np.arange(3, dtype=">i2"), [True, False], np.float32(2)], ids=repr
)
def test_there_and_back(values, gpu):
    there = to_device(values, "gpu")
    assert on_gpu(there)
    assert not on_gpu(values)
    assert module_of(there) is gpu
    assert to_device(there, "gpu") is there
    for back in (to_host(there), to_device(there, "cpu")):
        assert isinstance(back, np.ndarray)
        assert back.tolist() == np.asarray(values).tolist()


def test_what_is_on_the_host_stays_the_same_object():
    x = np.arange(3)
    assert to_host(x) is to_device(x, "cpu") is x
    assert to_host("text") == "text"


def test_a_copy_on_the_gpu_is_a_copy(gpu):
    x = np.zeros(2)
    there = to_device(x, "gpu")
    x += 1
    assert to_host(there).tolist() == [0, 0]


def test_an_array_stays_the_one_it_is_and_other_values_become_one(tmp_path, gpu):
    x = np.arange(6.0).reshape(2, 3)[:, ::2]  # a view that is not contiguous
    assert as_array(x) is x
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=(2, 2))
    assert as_array(mapped) is mapped
    there = to_device(x, "gpu")
    assert as_array(there) is there
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
