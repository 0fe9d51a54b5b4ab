"""Emits LLVM code that works on vectors: consecutive entries of an array that fill a vector register.

A function with Numba's `intrinsic` decorator returns its signature and a function that emits its code. Numba
passes that function a context, an LLVM instruction builder, and the compiled arguments.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils

INDEX, INT32 = ir.IntType(64), ir.IntType(32)


def unpacked(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """Return the arguments of an intrinsic, with the address of the first entry in place of each array."""
    opened = opened_arrays(context, builder, signature, arguments)
    return [
        value.data if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, opened, strict=True)
    ]


def opened_arrays(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """Return the arguments of an intrinsic, with Numba's array structure in place of each array."""
    return [
        context.make_array(kind)(context, builder, value) if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, arguments, strict=True)
    ]


class VectorBuilder:
    """Emits code on vectors of one dtype and length.

    Parameters
    ----------
    context, builder
        Numba's context and LLVM's instruction builder.
    dtype
        Numba's dtype of the array.
    length : int
        Entries in a vector.
    """

    def __init__(self, context: Any, builder: Any, dtype: Any, length: int) -> None:
        self.builder, self.dtype, self.length = builder, dtype, length
        self.kind = context.get_data_type(dtype)
        self.n_bytes = context.get_abi_sizeof(self.kind)
        self.vector = ir.VectorType(self.kind, length)
        self.name = f"v{length}{self.kind.intrinsic_name}"
        self.zeros = ir.Constant(self.vector, None)

    def load(self, data: Any, at: Any, n: Any = None) -> Any:
        """Read the vector at an offset; if n is given, only its first n entries, and 0 for the others."""
        address = self._address(data, at)
        if n is None:
            return self.builder.load(address, align=self.n_bytes)
        mask = self._mask(n)
        kinds = address.type, INT32, mask.type, self.vector
        function = self._function(f"llvm.masked.load.{self.name}.p0", self.vector, *kinds)
        return self.builder.call(function, [address, INT32(self.n_bytes), mask, self.zeros])

    def store(self, value: Any, data: Any, at: Any, n: Any = None) -> None:
        """Write the vector at an offset; if n is given, only its first n entries."""
        address = self._address(data, at)
        if n is None:
            self.builder.store(value, address, align=self.n_bytes)
            return
        mask = self._mask(n)
        kinds = self.vector, address.type, INT32, mask.type
        function = self._function(f"llvm.masked.store.{self.name}.p0", ir.VoidType(), *kinds)
        self.builder.call(function, [value, address, INT32(self.n_bytes), mask])

    def repeated(self, number: Any) -> Any:
        """Return a vector whose every entry is the number."""
        undefined = ir.Constant(ir.VectorType(number.type, self.length), ir.Undefined)
        first = self.builder.insert_element(undefined, number, INT32(0))
        firsts = ir.Constant(ir.VectorType(INT32, self.length), None)
        return self.builder.shuffle_vector(first, undefined, firsts)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """Return a b + c, rounded once if the processor can do that."""
        function = self._function(f"llvm.fmuladd.{self.name}", self.vector, *[self.vector] * 3)
        return self.builder.call(function, [a, b, c])

    def converted(self, value: Any, dtype: Any) -> Any:
        """Return a vector of another dtype converted to this one, which is a float."""
        if isinstance(dtype, types.Float):
            if value.type == self.vector:
                return value
            widens = isinstance(self.vector.element, ir.DoubleType)
            return (self.builder.fpext if widens else self.builder.fptrunc)(value, self.vector)
        is_signed = isinstance(dtype, types.Integer) and dtype.signed
        return (self.builder.sitofp if is_signed else self.builder.uitofp)(value, self.vector)

    def _address(self, data: Any, at: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(data, [at]), self.vector.as_pointer())

    def _mask(self, n: Any) -> Any:
        places = ir.Constant(ir.VectorType(INDEX, self.length), list(range(self.length)))
        return self.builder.icmp_signed("<", places, self.repeated(n))

    def _function(self, name: str, result: Any, *kinds: Any) -> Any:
        return cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, kinds), name)
