"""Devices: the one module that knows whether arrays are NumPy's or CuPy's.

A network gives its layers the array module of its device (`xp`); losses, optimizers and metrics look it up
with `module_of`. Each formula is therefore written once for both. Arrays change device only through `to_host`
and `to_device`.

>>> array_module("cpu").__name__
'numpy'
"""

import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
DEVICES = ("cpu", "gpu")
#: Bytes in a cache line, and in the widest vector register (AVX-512).
LINE_BYTES = 64
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def array_module(device: str, *, tf32: bool = False) -> ModuleType:
    """Return the array module of a device: NumPy for the CPU, CuPy for the GPU.

    Parameters
    ----------
    device : {"cpu", "gpu"}
    tf32 : bool
        Whether ``matmul`` rounds float32 operands to TF32, which has a 10-bit mantissa instead of 23 bits.
        Faster on GPUs of compute capability 8.0 and above. Sums stay float32.
    """
    if device not in DEVICES:
        raise ValueError(f"device must be one of {list(DEVICES)}, got {device!r}")
    if device == "cpu" and tf32:
        raise ValueError('tf32 needs device="gpu", got device="cpu"')
    if device == "cpu":
        return np
    return _with_tf32(_cupy()) if tf32 else _cupy()


def module_of(values: Any) -> ModuleType:
    """Return CuPy for CuPy arrays, and NumPy for everything else."""
    return sys.modules["cupy"] if on_gpu(values) else np


def on_gpu(values: Any) -> bool:
    """Return whether `values` is an array on the GPU."""
    cupy = sys.modules.get("cupy")
    return cupy is not None and isinstance(values, cupy.ndarray)


def to_host(values: Any) -> Any:
    """Copy a GPU array into a NumPy array, once the GPU has computed it; return anything else unchanged."""
    return sys.modules["cupy"].asnumpy(values) if on_gpu(values) else values


def to_device(values: Any, device: str) -> Array:
    """Return `values` as an array on a device, copied only if it is not there already."""
    module = array_module(device)
    return module.asarray(to_host(values) if module is np else values)  # type: ignore[no-any-return]


def as_array(values: Any) -> Array:
    """Return NumPy arrays, memory maps and GPU arrays unchanged, and anything else as a NumPy array."""
    return values if isinstance(values, np.ndarray) or on_gpu(values) else np.asarray(values)


def aligned_zeros(n: int, dtype: Any, xp: ModuleType = np) -> Array:
    """Return a vector of n zeros. On the CPU it starts on a cache line, which speeds up matrix products.

    Examples
    --------
    >>> aligned_zeros(3, np.float32).ctypes.data % LINE_BYTES
    0
    """
    if xp is not np:
        return xp.zeros(n, dtype)  # type: ignore[no-any-return]
    dtype = np.dtype(dtype)
    room = np.zeros(n * dtype.itemsize + LINE_BYTES, np.uint8)
    start = -room.ctypes.data % LINE_BYTES
    return room[start : start + n * dtype.itemsize].view(dtype)


class Scratch:
    """Named scratch arrays, allocated once and reused while they fit.

    An array grows to the largest number of rows requested so far; a smaller request returns a view of its
    first rows.
    Copies and pickles start without arrays.

    Examples
    --------
    >>> scratch = Scratch()
    >>> wide = scratch.array("dx", (5, 2), np.float32)
    >>> scratch.array("dx", (3, 2), np.float32).base is wide.base
    True
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def array(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: Any,
        xp: ModuleType = np,
        make: Callable[..., Array] | None = None,
    ) -> Array:
        """Return the array called `name`, uninitialized or made by ``make(shape, dtype)``."""
        kept = self.arrays.get(name)
        if kept is not None and kept.shape == shape and kept.dtype == dtype and type(kept) is xp.ndarray:
            return kept
        whole = None if kept is None else kept.base
        if not (
            isinstance(whole, xp.ndarray)
            and whole.dtype == dtype
            and whole.shape[1:] == shape[1:]
            and len(whole) >= shape[0]
        ):
            whole = (make or xp.empty)(shape, dtype)
        self.arrays[name] = whole[: shape[0]]
        return self.arrays[name]

    def like(self, name: str, other: Array) -> Array:
        """Return the array called `name`, with another array's shape, dtype and device."""
        return self.array(name, other.shape, other.dtype, module_of(other))

    def once(self, name: str, make: Callable[[], Array]) -> Array:
        """Return the array called `name`, made by `make` on the first call."""
        if name not in self.arrays:
            self.arrays[name] = make()
        return self.arrays[name]

    def __reduce__(self) -> tuple[type["Scratch"], tuple[()]]:
        return Scratch, ()


def float_dtype(dtype: object) -> np.dtype[np.floating]:
    """Return `dtype` as a NumPy dtype, or raise `ValueError` unless it is float32 or float64."""
    try:
        found = None if dtype is None else np.dtype(dtype)  # type: ignore[call-overload]
    except TypeError:
        found = None
    if found is None or found not in FLOATS:
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    return found  # type: ignore[no-any-return]


def _cupy() -> ModuleType:
    """Import CuPy, or raise if it is missing or finds no GPU."""
    try:
        import cupy  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        message = f"device=\"gpu\" needs CuPy, which is missing: pip install 'pellucid[gpu]' ({error})"
        raise ModuleNotFoundError(message) from error
    try:
        cupy.cuda.runtime.getDeviceCount()
    except RuntimeError as error:
        raise RuntimeError(f'device="gpu" needs a GPU, and CuPy finds none: {error}') from error
    return cupy  # type: ignore[no-any-return]


@cache
def _with_tf32(cupy: ModuleType) -> ModuleType:
    """Return a copy of the module `cupy` whose `matmul` computes in TF32.

    CuPy's setting holds for the whole process, so each product sets it and then restores it.
    """
    core, wanted = cupy._core, cupy._core._routines_linalg.COMPUTE_TYPE_TF32

    def matmul(a: Array, b: Array, out: Array) -> Array:
        before = core.get_compute_type(np.float32)
        core.set_compute_type(np.float32, wanted)
        try:
            return cupy.matmul(a, b, out=out)  # type: ignore[no-any-return]
        finally:
            core.set_compute_type(np.float32, before)

    module = ModuleType("cupy_with_tf32", _with_tf32.__doc__)
    vars(module).update({**vars(cupy), "matmul": matmul})
    return module
