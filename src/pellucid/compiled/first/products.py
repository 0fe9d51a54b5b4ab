"""The first layer's products, by one of three methods.

The functions of all methods take the same arguments: layout, state, data, the index of the first row in the
data, the number of rows n, and y or dy of all networks side by side.
"""

from collections.abc import Callable
from typing import Any

from numba.extending import overload

from pellucid.backend import Array
from pellucid.compiled.first.narrow import multiply_back_narrow, multiply_narrow
from pellucid.compiled.first.sparse import multiply_back_sparse, multiply_sparse
from pellucid.compiled.formulas import matrix, rescale
from pellucid.compiled.jit import INNER
from pellucid.compiled.layout import Data, Layout, ShareState
from pellucid.compiled.llvm.intrinsics import gemm


def multiply_dense(layout: Layout, state: ShareState, data: Data, first: int, n: int, y: Array) -> None:
    """Compute y = x W by BLAS."""
    n_in, n_out = layout.widths[0], y.shape[1]
    x = matrix(state.work, layout.x_at[0], n, n_in)
    rescale(data.x, data.rows[first : first + n], data.scale, data.shift, x)
    gemm(x, False, matrix(state.theta, layout.w_at[0], n_in, n_out), False, y, 1.0, 0.0)


def multiply_back_dense(layout: Layout, state: ShareState, data: Data, first: int, n: int, dy: Array) -> None:
    """Compute dW = xᵀ dy by BLAS, from the x that `multiply_dense` has gathered, and write it to `into`."""
    n_in, n_out = layout.widths[0], dy.shape[1]
    x = matrix(state.work, layout.x_at[0], n, n_in)
    into = matrix(state.into, layout.w_at[0], n_in, n_out)
    gemm(x, True, dy, False, into, state.factor, state.keep)


def _by_method(*methods: Callable[..., None]) -> Callable[..., None]:
    """Return a function that calls the dense, the sparse or the narrow function, by the type of data.method.

    `overload` lets Numba choose when it compiles, so the machine code contains only one of the three.
    """

    def chosen(layout: Layout, state: ShareState, data: Data, first: int, n: int, wide: Array) -> None:
        raise NotImplementedError("only compiled code calls this")

    @overload(chosen, jit_options=INNER, strict=False, inline="always")  # type: ignore[untyped-decorator]
    def choose(layout: Any, state: Any, data: Any, first: Any, n: Any, wide: Any) -> Callable[..., None]:
        method = data.types[data.fields.index("method")]
        return methods[min(len(method), 2)]

    return chosen


multiply_first = _by_method(multiply_dense, multiply_sparse, multiply_narrow)
multiply_back_first = _by_method(multiply_back_dense, multiply_back_sparse, multiply_back_narrow)
