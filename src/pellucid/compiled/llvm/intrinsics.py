"""What compiled code asks for and Python has no words for: atomic counters, a look ahead, BLAS in full."""

from functools import partial
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.linalg import check_blas_return, ensure_blas, get_blas_kind

from pellucid.backend import LINE_BYTES


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Return the address of an entry of the array, which are the first two arguments."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


@intrinsic  # type: ignore[untyped-decorator]
def atomic_load(typing_context: Any, counters: Any, place: Any) -> Any:
    """Read a counter, before anything that comes after."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_pointer(context, builder, signature, arguments), "acquire", 8)

    return types.int64(counters, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def atomic_add(typing_context: Any, counters: Any, place: Any, number: Any) -> Any:
    """Add to a counter, after all that came before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw(
            "add", _pointer(context, builder, signature, arguments), arguments[2], "release"
        )

    return types.int64(counters, types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def atomic_swap(typing_context: Any, counters: Any, place: Any, old: Any, new: Any) -> Any:
    """Set a counter to a new number if it is the old one; return whether it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        found = builder.cmpxchg(pointer, arguments[2], arguments[3], "acq_rel", "acquire")
        return builder.extract_value(found, 1)

    return types.boolean(counters, types.int64, types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def borrowed(typing_context: Any, given: Any) -> Any:
    """Return arrays, or tuples of arrays and others, that do not count as references to their memory.

    To count those to a part of an array takes longer than to find it. Whoever calls must hold the arrays.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _borrowed(context, builder, signature.args[0], arguments[0])

    return given(given), generate


def _borrowed(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        for i, each in enumerate(kind):
            part = _borrowed(context, builder, each, builder.extract_value(value, i))
            value = builder.insert_value(value, part, i)
    return value


@intrinsic  # type: ignore[untyped-decorator]
def gemm(typing_context: Any, a: Any, flip_a: Any, b: Any, flip_b: Any, c: Any, alpha: Any, beta: Any) -> Any:
    """Compute c ← alpha · a b + beta · c by BLAS, a or b transposed where flipped; rows are contiguous.

    `numpy.dot` knows no alpha and beta. This is the function of Numba's own that it calls.
    """
    ensure_blas()

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        given = zip(signature.args, arguments, strict=True)
        a, flip_a, b, flip_b, c, alpha, beta = (
            context.make_array(kind)(context, builder, value) if isinstance(kind, types.Array) else value
            for kind, value in given
        )
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
        # BLAS counts by columns: to it our rows are a transposed matrix, and cᵀ = bᵀ aᵀ.
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
    """Return the address of a number, as a dtype."""
    value = context.cast(builder, number, types.float64, dtype)
    return builder.bitcast(cgutils.alloca_once_value(builder, value), cgutils.voidptr_t)


def _row_length(builder: Any, matrix: Any) -> Any:
    """Return how many entries lie between two rows; where there are none, BLAS still wants a row's width."""
    apart = builder.sdiv(builder.extract_value(matrix.strides, 0), matrix.itemsize)
    width = builder.extract_value(matrix.shape, 1)
    return builder.select(builder.icmp_signed(">", apart, width), apart, width)


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing_context: Any, row: Any) -> Any:
    """Ask for all cache lines of a contiguous vector, without waiting for them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        hint = builder.module.declare_intrinsic(
            "llvm.prefetch",
            (cgutils.voidptr_t,),
            ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, *[ir.IntType(32)] * 3]),
        )
        start = builder.bitcast(array.data, cgutils.voidptr_t)
        n_bytes = builder.mul(builder.extract_value(array.shape, 0), array.itemsize)
        read, all_levels, data = (ir.Constant(ir.IntType(32), number) for number in (0, 2, 1))
        with cgutils.for_range_slice(
            builder, ir.Constant(n_bytes.type, 0), n_bytes, ir.Constant(n_bytes.type, LINE_BYTES)
        ) as (offset, _):
            builder.call(hint, [builder.gep(start, [offset]), read, all_levels, data])
        return context.get_dummy_value()

    return types.void(row), generate
