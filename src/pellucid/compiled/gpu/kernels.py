"""Compile the kernels of ``kernels.cu`` for given dtypes with CuPy, and launch them.

The kernels are copies of the formulas in `pellucid.layers`, `pellucid.losses` and `pellucid.optimizers`.
`tests/compiled/gpu/test_fused.py` runs them on the processor and compares them with the plain layers;
`tests/test_gpu.py` runs them on a GPU.

>>> f, b, i = (np.dtype(name) for name in ("float32", "uint8", "int64"))
>>> source(net=f, x=b, scaling=f, labels=i).splitlines()[:4]
['typedef float T;', 'typedef unsigned char X;', 'typedef float S;', 'typedef long long L;']
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from pellucid.backend import Array, module_of
from pellucid.compiled.layout import (
    LEAKY_RELU,
    RELU,
    SIGMOID,
    SIGMOID_CROSS_ENTROPY,
    SOFTMAX_CROSS_ENTROPY,
    TANH,
)

DType: TypeAlias = np.dtype[Any]
#: A call of a kernel or a product with its arguments.
Launch: TypeAlias = Callable[[], object]
#: Rows that one thread adds up. Sums over more rows take several launches; each divides the rows by 16.
CHUNK = 16
#: Threads in a block.
THREADS = 256
NUMBERS = {
    "CHUNK": CHUNK,
    "RELU": RELU,
    "LEAKY_RELU": LEAKY_RELU,
    "SIGMOID": SIGMOID,
    "TANH": TANH,
    "SOFTMAX_CROSS_ENTROPY": SOFTMAX_CROSS_ENTROPY,
    "SIGMOID_CROSS_ENTROPY": SIGMOID_CROSS_ENTROPY,
}
C_TYPES = {
    "b1": "bool",
    "i1": "signed char",
    "u1": "unsigned char",
    "i2": "short",
    "u2": "unsigned short",
    "i4": "int",
    "u4": "unsigned",
    "i8": "long long",
    "u8": "unsigned long long",
    "f4": "float",
    "f8": "double",
}


def has_c_type(dtype: DType) -> bool:
    """Return whether kernels can read numbers of a dtype.

    Examples
    --------
    >>> has_c_type(np.dtype(bool)), has_c_type(np.dtype(np.float16))
    (True, False)
    """
    return dtype.str[1:] in C_TYPES


def source(*, net: DType, x: DType, scaling: DType, labels: DType) -> str:
    """Return the source of all kernels for the dtypes of network, data, scale and shift, and labels."""
    types = {"T": net, "X": x, "S": scaling, "L": labels}
    head = [f"typedef {C_TYPES[dtype.str[1:]]} {name};" for name, dtype in types.items()]
    head += [f"#define {name} {value}" for name, value in NUMBERS.items()]
    kernels = Path(__file__).with_name("kernels.cu").read_text(encoding="utf-8")
    return "\n".join([*head, kernels])


class Kernels:
    """The kernels for given dtypes."""

    def __init__(self, xp: ModuleType, *, net: DType, x: DType, scaling: DType, labels: DType) -> None:
        code = source(net=net, x=x, scaling=scaling, labels=labels)
        module = xp.RawModule(code=code)
        self.functions = {name: module.get_function(name) for name in re.findall(r"KERNEL (\w+)\(", code)}
        self.dtype = net.type

    def launch(self, name: str, n: int, *arguments: Any) -> Launch:
        """Return the launch of a kernel on n threads with these arrays and numbers."""
        grid = (-(-n // THREADS),)
        return partial(self.functions[name], grid, (THREADS,), tuple(map(self._passed, (*arguments, n))))

    def sum_rows(self, name: str, x: Array, n_rows: int, stages: Sequence[Array]) -> Iterator[Launch]:
        """Yield the launches that sum n_rows rows of x stage by stage. The last stage holds the sums.

        Parameters
        ----------
        name : str
            "sum_rows", or "sum_doubles" if x is float64 for any dtype of the network.
        x : array
        n_rows : int
        stages : sequence of array
            What `make_stages` returns, or the rest of it.
        """
        for sums in stages:
            yield self.launch(name, sums.size, x, sums, n_rows, stages[-1].size)
            x, n_rows = sums, n_chunks(n_rows)

    def _passed(self, argument: Any) -> Any:
        if isinstance(argument, int):
            return np.uint32(argument)
        return self.dtype(argument) if isinstance(argument, float) else argument


def make_stages(out: Array, n_rows: int) -> list[Array]:
    """Return an array for the sums of n_rows rows at each stage: new arrays, and out for the last stage."""
    stages = []
    while (n_rows := n_chunks(n_rows)) > 1:
        stages.append(module_of(out).empty(n_rows * out.size, out.dtype))
    return [*stages, out]


def n_chunks(n_rows: int) -> int:
    """Return how many rows of partial sums remain after one stage on n_rows rows.

    Examples
    --------
    >>> n_chunks(16), n_chunks(17)
    (1, 2)
    """
    return -(-n_rows // CHUNK)
