"""Writes machine code on lines: so many entries of an array that the processor computes with at once."""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils

INDEX, INT32 = ir.IntType(64), ir.IntType(32)


def unpacked(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """Return the arguments of an intrinsic, of arrays where their entries begin."""
    given = zip(signature.args, arguments, strict=True)
    return [
        context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
        for kind, value in given
    ]


class Lines:
    """Writes code on lines of an array.

    Parameters
    ----------
    context, builder
        Numba's and LLVM's, as an intrinsic gets them.
    dtype
        Numba's, of the array.
    length : int
        Entries in a line.
    """

    def __init__(self, context: Any, builder: Any, dtype: Any, length: int) -> None:
        self.builder, self.dtype, self.length = builder, dtype, length
        self.kind = context.get_data_type(dtype)
        self.n_bytes = context.get_abi_sizeof(self.kind)
        self.vector = ir.VectorType(self.kind, length)
        self.name = f"v{length}{self.kind.intrinsic_name}"
        self.nothing = ir.Constant(self.vector, None)

    def load(self, data: Any, at: Any) -> Any:
        """Read the line from an entry on, which may lie anywhere."""
        return self.builder.load(self._address(data, at), align=self.n_bytes)

    def store(self, value: Any, data: Any, at: Any) -> None:
        """Write the line from an entry on."""
        self.builder.store(value, self._address(data, at), align=self.n_bytes)

    def load_part(self, data: Any, at: Any, n: Any) -> Any:
        """Read the first n entries of a line: 0 for others."""
        mask, address = self._mask(n), self._address(data, at)
        kinds = address.type, INT32, mask.type, self.vector
        function = self._function(f"llvm.masked.load.{self.name}.p0", self.vector, *kinds)
        return self.builder.call(function, [address, INT32(self.n_bytes), mask, self.nothing])

    def store_part(self, value: Any, data: Any, at: Any, n: Any) -> None:
        """Write the first n entries of a line."""
        mask, address = self._mask(n), self._address(data, at)
        kinds = self.vector, address.type, INT32, mask.type
        function = self._function(f"llvm.masked.store.{self.name}.p0", ir.VoidType(), *kinds)
        self.builder.call(function, [value, address, INT32(self.n_bytes), mask])

    def repeated(self, number: Any) -> Any:
        """Return a line whose every entry is the number."""
        return repeated(self.builder, number, self.length)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """Return a b + c, rounded once where the processor can."""
        function = self._function(f"llvm.fmuladd.{self.name}", self.vector, *[self.vector] * 3)
        return self.builder.call(function, [a, b, c])

    def converted(self, value: Any, dtype: Any) -> Any:
        """Return a line of numbers of another dtype, a float, as those of this one."""
        return converted(self.builder, value, dtype, self.vector)

    def _address(self, data: Any, at: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(data, [at]), self.vector.as_pointer())

    def _mask(self, n: Any) -> Any:
        places = ir.Constant(ir.VectorType(INDEX, self.length), list(range(self.length)))
        return self.builder.icmp_signed("<", places, repeated(self.builder, n, self.length))

    def _function(self, name: str, result: Any, *kinds: Any) -> Any:
        return cgutils.get_or_insert_function(self.builder.module, ir.FunctionType(result, kinds), name)


def repeated(builder: Any, number: Any, length: int) -> Any:
    """Return a vector whose every entry is the number."""
    undefined = ir.Constant(ir.VectorType(number.type, length), ir.Undefined)
    first = builder.insert_element(undefined, number, INT32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(INT32, length), None))


def converted(builder: Any, value: Any, dtype: Any, vector: Any) -> Any:
    """Return a vector of numbers of some dtype as one of floats."""
    if isinstance(dtype, types.Float):
        if value.type == vector:
            return value
        widens = isinstance(vector.element, ir.DoubleType)
        return builder.fpext(value, vector) if widens else builder.fptrunc(value, vector)
    is_signed = isinstance(dtype, types.Integer) and dtype.signed
    return (builder.sitofp if is_signed else builder.uitofp)(value, vector)
