"""Operations that Python cannot express: atomic counters, prefetching, and BLAS calls with all arguments.

`pellucid.compiled.llvm.vectors` explains how an intrinsic is written.
"""

from functools import partial
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.linalg import check_blas_return, ensure_blas, get_blas_kind

from pellucid.backend import LINE_BYTES
from pellucid.compiled.llvm.vectors import INDEX, INT32, opened_arrays, unpacked


@intrinsic  # type: ignore[untyped-decorator]
def atomic_load(typing_context: Any, counters: Any, place: Any) -> Any:
    """Read a counter before any later memory access."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, place = unpacked(context, builder, signature, arguments)
        return builder.load_atomic(builder.gep(data, [place]), "acquire", 8)

    return types.int64(counters, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def atomic_add(typing_context: Any, counters: Any, place: Any, number: Any) -> Any:
    """Add to a counter after all earlier memory accesses; return its old value."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, place, number = unpacked(context, builder, signature, arguments)
        return builder.atomic_rmw("add", builder.gep(data, [place]), number, "release")

    return types.int64(counters, types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def atomic_swap(typing_context: Any, counters: Any, place: Any, old: Any, new: Any) -> Any:
    """Compare and swap: set a counter to `new` if it equals `old`, and return whether it did."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, place, old, new = unpacked(context, builder, signature, arguments)
        found = builder.cmpxchg(builder.gep(data, [place]), old, new, "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(counters, types.int64, types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def without_refcounts(typing_context: Any, given: Any) -> Any:
    """Return an array, or a tuple with arrays in it, whose memory is not reference-counted.

    Counting a reference to a part of an array takes longer than finding the part. The caller keeps the arrays
    alive.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _without_refcounts(context, builder, signature.args[0], arguments[0])

    return given(given), generate


def _without_refcounts(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        for i, each in enumerate(kind):
            part = _without_refcounts(context, builder, each, builder.extract_value(value, i))
            value = builder.insert_value(value, part, i)
    return value


@intrinsic  # type: ignore[untyped-decorator]
def gemm(typing_context: Any, a: Any, flip_a: Any, b: Any, flip_b: Any, c: Any, alpha: Any, beta: Any) -> Any:
    """Compute c ← alpha · a b + beta · c by BLAS, with a or b transposed if flipped. Rows are contiguous.

    `numpy.dot` has no alpha and beta. This calls the function of Numba that `numpy.dot` calls.
    """
    ensure_blas()

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, flip_a, b, flip_b, c, alpha, beta = opened_arrays(context, builder, signature, arguments)
        dtype, address = signature.args[0].dtype, cgutils.voidptr_t
        n, width = cgutils.unpack_tuple(builder, c.shape, 2)
        inner = builder.select(flip_a, *cgutils.unpack_tuple(builder, a.shape, 2))
        char, size = ir.IntType(8), n.type
        kinds = [char] * 3 + [size] * 3 + [address, address, size, address, size, address, address, size]
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.IntType(32), kinds), "numba_xxgemm"
        )
        data_a, data_b, data_c = (builder.bitcast(each.data, address) for each in (a, b, c))
        lead_a, lead_b, lead_c = (_row_length(builder, each) for each in (a, b, c))
        as_flag = partial(builder.select, lhs=ir.Constant(char, ord("t")), rhs=ir.Constant(char, ord("n")))
        # BLAS stores matrices by columns. It sees ours as transposed, and cᵀ = bᵀ aᵀ.
        done = builder.call(
            function,
            [
                *(ir.Constant(char, ord(get_blas_kind(dtype))), as_flag(flip_b), as_flag(flip_a)),
                *(width, n, inner, _slot(context, builder, dtype, alpha), data_b, lead_b, data_a, lead_a),
                *(_slot(context, builder, dtype, beta), data_c, lead_c),
            ],
        )
        check_blas_return(context, builder, done)
        return context.get_dummy_value()

    return types.void(a, types.boolean, b, types.boolean, c, types.float64, types.float64), generate


def _slot(context: Any, builder: Any, dtype: Any, number: Any) -> Any:
    """Store a number in a dtype, and return its address."""
    value = context.cast(builder, number, types.float64, dtype)
    return builder.bitcast(cgutils.alloca_once_value(builder, value), cgutils.voidptr_t)


def _row_length(builder: Any, matrix: Any) -> Any:
    """Return the distance between rows in entries. BLAS demands at least the width, even without rows."""
    apart = builder.sdiv(builder.extract_value(matrix.strides, 0), matrix.itemsize)
    width = builder.extract_value(matrix.shape, 1)
    return builder.select(builder.icmp_signed(">", apart, width), apart, width)


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing_context: Any, row: Any) -> Any:
    """Prefetch all cache lines of a contiguous vector, without waiting for them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (array,) = opened_arrays(context, builder, signature, arguments)
        hint = builder.module.declare_intrinsic(
            "llvm.prefetch",
            (cgutils.voidptr_t,),
            ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, *[INT32] * 3]),
        )
        start = builder.bitcast(array.data, cgutils.voidptr_t)
        n_bytes = builder.mul(builder.extract_value(array.shape, 0), array.itemsize)
        read, all_levels, data = (INT32(number) for number in (0, 2, 1))
        with cgutils.for_range_slice(builder, INDEX(0), n_bytes, INDEX(LINE_BYTES)) as (offset, _):
            builder.call(hint, [builder.gep(start, [offset]), read, all_levels, data])
        return context.get_dummy_value()

    return types.void(row), generate
