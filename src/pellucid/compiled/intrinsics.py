"""What compiled code asks of the processor and Python has no words for: atomic counters, and a look ahead."""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


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
            builder, ir.Constant(n_bytes.type, 0), n_bytes, ir.Constant(n_bytes.type, 100000)
        ) as (offset, _):
            builder.call(hint, [builder.gep(start, [offset]), read, all_levels, data])
        return context.get_dummy_value()

    return types.void(row), generate
