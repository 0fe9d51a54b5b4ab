"""Where arrays live: the one module that knows about devices.

Layers reach their array functions through the module that `array_module` returns, so that every
formula is written once.

>>> array_module("cpu").__name__
'numpy'
"""

from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
DEVICES: dict[str, ModuleType] = {"cpu": np}
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def array_module(device: str) -> ModuleType:
    """Return the array module of a device.

    Parameters
    ----------
    device : str
        ``"cpu"``, which is NumPy.

    Raises
    ------
    ValueError
        If there is no such device.

    Examples
    --------
    >>> array_module("cpu").float32(1.5)
    np.float32(1.5)
    """
    if device not in DEVICES:
        raise ValueError(f"device must be one of {sorted(DEVICES)}, got {device!r}")
    return DEVICES[device]


def as_array(values: Any) -> Array:
    """Return values as an array of the device: what is one already, a memory map too, as it is.

    Examples
    --------
    >>> as_array([1, 2])
    array([1, 2])
    """
    return values if isinstance(values, np.ndarray) else np.asarray(values)


def float_dtype(dtype: object) -> np.dtype[np.floating]:
    """Return `dtype` as a NumPy dtype, which must be float32 or float64.

    Examples
    --------
    >>> float_dtype("float32")
    dtype('float32')
    """
    try:
        found = None if dtype is None else np.dtype(dtype)  # type: ignore[call-overload]
    except TypeError:
        found = None
    if found is None or found not in FLOATS:
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    return found  # type: ignore[no-any-return]
