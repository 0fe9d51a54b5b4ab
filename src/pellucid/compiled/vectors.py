"""The inner loops of sparse products, which hold four rows of a matrix in the processor's registers.

The columns of a sparse matrix x are taken four at a time: neighbouring pixels are mostly all or none dark. A
list says in which rows such a group is not zero: entry e is row ``places[e]``, with four ``weights``.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pellucid.backend import LINE_BYTES
from pellucid.compiled.tiles import GROUP

INDEX, INT32 = ir.IntType(64), ir.IntType(32)


def _unpacked(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """Return the arguments, of arrays where their entries begin."""
    given = zip(signature.args, arguments, strict=True)
    return [
        context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
        for kind, value in given
    ]


def _function(builder: Any, name: str, result: Any, *kinds: Any) -> Any:
    """Return LLVM's function of a name."""
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, kinds), name)


def _repeated(builder: Any, number: Any, length: int) -> Any:
    """Return a vector whose every entry is the number."""
    undefined = ir.Constant(ir.VectorType(number.type, length), ir.Undefined)
    first = builder.insert_element(undefined, number, INT32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(INT32, length), None))


class _Lines:
    """Writes code on rows that are so many cache lines long."""

    def __init__(self, context: Any, builder: Any, dtype: Any, lines: int) -> None:
        self.builder, self.kind, self.lines = builder, context.get_data_type(dtype), range(lines)
        self.n_bytes = context.get_abi_sizeof(self.kind)
        self.length = LINE_BYTES // self.n_bytes
        self.vector = ir.VectorType(self.kind, self.length)
        self.name = f"v{self.length}{self.kind.intrinsic_name}"
        self.nothing = ir.Constant(self.vector, None)

    def load(self, data: Any, start: Any, line: int) -> Any:
        """Read a line of a row, which may begin anywhere."""
        return self.builder.load(self._address(data, start, line), align=self.n_bytes)

    def store(self, value: Any, data: Any, start: Any, line: int) -> None:
        """Write a line of a row."""
        self.builder.store(value, self._address(data, start, line), align=self.n_bytes)

    def load_part(self, data: Any, start: Any, line: int, width: Any) -> Any:
        """Read the entries of a line that belong to a row of some width: 0 for others."""
        mask, address = self._mask(line, width), self._address(data, start, line)
        kinds = address.type, INT32, mask.type, self.vector
        function = _function(self.builder, f"llvm.masked.load.{self.name}.p0", self.vector, *kinds)
        return self.builder.call(function, [address, INT32(self.n_bytes), mask, self.nothing])

    def store_part(self, value: Any, data: Any, start: Any, line: int, width: Any) -> None:
        """Write the entries of a line that belong to a row of some width."""
        mask, address = self._mask(line, width), self._address(data, start, line)
        kinds = self.vector, address.type, INT32, mask.type
        function = _function(self.builder, f"llvm.masked.store.{self.name}.p0", ir.VoidType(), *kinds)
        self.builder.call(function, [value, address, INT32(self.n_bytes), mask])

    def of_group(self, at: Any, stride: Any, n_rows: Any, width: Any) -> list[tuple[Any, Any]]:
        """Return where each of four rows begins, and how wide it is: not at all beyond the last one."""
        found = []
        for q in range(GROUP):
            start = self.builder.add(at, self.builder.mul(stride, INDEX(q)))
            is_row = self.builder.icmp_signed(">", n_rows, INDEX(q))
            found.append((start, self.builder.select(is_row, width, INDEX(0))))
        return found

    def place(self, places: Any, entry: Any) -> Any:
        """Return where the row of an entry begins, in a matrix as wide as the lines."""
        place = self.builder.sext(self.builder.load(self.builder.gep(places, [entry])), INDEX)
        return self.builder.mul(place, INDEX(len(self.lines) * self.length))

    def weights(self, weights: Any, entry: Any) -> list[Any]:
        """Return an entry's four weights, each as a line that repeats it."""
        first = self.builder.mul(entry, INDEX(GROUP))
        places = [self.builder.add(first, INDEX(q)) for q in range(GROUP)]
        numbers = [self.builder.load(self.builder.gep(weights, [place])) for place in places]
        return [self.repeated(number) for number in numbers]

    def repeated(self, number: Any) -> Any:
        """Return a line whose every entry is the number."""
        return _repeated(self.builder, number, self.length)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """Return a b + c, rounded once where the processor can."""
        function = _function(self.builder, f"llvm.fmuladd.{self.name}", self.vector, *[self.vector] * 3)
        return self.builder.call(function, [a, b, c])

    def _address(self, data: Any, start: Any, line: int) -> Any:
        at = self.builder.add(start, INDEX(line * self.length))
        return self.builder.bitcast(self.builder.gep(data, [at]), self.vector.as_pointer())

    def _mask(self, line: int, width: Any) -> Any:
        entries = [line * self.length + i for i in range(self.length)]
        places = ir.Constant(ir.VectorType(INDEX, self.length), entries)
        return self.builder.icmp_signed("<", places, _repeated(self.builder, width, self.length))


@intrinsic  # type: ignore[untyped-decorator]
def append_group(typing_context: Any, x: Any, scale: Any, at: Any, weights: Any, into: Any) -> Any:
    """Write four entries of x, each times its scale, to `weights`; return 1 if one is not 0, else 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, scale, at, weights, into = _unpacked(context, builder, signature, arguments)
        kinds = [context.get_data_type(signature.args[k].dtype) for k in (0, 1, 3)]
        vectors = [ir.VectorType(kind, GROUP) for kind in kinds]
        sizes = [context.get_abi_sizeof(kind) for kind in kinds]

        def address(data: Any, at: Any, vector: Any) -> Any:
            return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())

        found = builder.load(address(x, at, vectors[0]), align=sizes[0])
        scales = builder.load(address(scale, at, vectors[1]), align=sizes[1])
        number = signature.args[0].dtype
        none = ir.Constant(vectors[0], None)
        if isinstance(number, types.Float):
            differs, exact = builder.fcmp_unordered("!=", found, none), found
        else:
            differs = builder.icmp_unsigned("!=", found, none)
            signed = isinstance(number, types.Integer) and number.signed
            exact = (builder.sitofp if signed else builder.uitofp)(found, vectors[1])
        product = builder.fmul(_as_float(builder, exact, vectors[1]), scales)
        product = _as_float(builder, product, vectors[2])
        builder.store(product, address(weights, into, vectors[2]), align=sizes[2])
        is_any = builder.icmp_unsigned(
            "!=", builder.bitcast(differs, ir.IntType(GROUP)), ir.IntType(GROUP)(0)
        )
        return builder.zext(is_any, INDEX)

    return types.int64(x, scale, types.int64, weights, types.int64), generate


def _as_float(builder: Any, value: Any, vector: Any) -> Any:
    """Return floats of another precision."""
    if value.type == vector:
        return value
    widens = isinstance(vector.element, ir.DoubleType)
    return builder.fpext(value, vector) if widens else builder.fptrunc(value, vector)


def _add_products(lines: int) -> Any:
    """Return a function that adds x W to y, of one group: four rows of W are held."""

    @intrinsic  # type: ignore[untyped-decorator]
    def add_products(
        typing_context: Any, places: Any, weights: Any, n: Any, w: Any, at: Any, stride: Any, n_rows: Any,
        width: Any, y: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            places, weights, n, w, *where, y = _unpacked(context, builder, signature, arguments)
            row = _Lines(context, builder, signature.args[1].dtype, lines)
            held = [
                [row.load_part(w, start, line, wide) for line in row.lines]
                for start, wide in row.of_group(*where)
            ]
            with cgutils.for_range(builder, n) as loop:
                place, shares = row.place(places, loop.index), row.weights(weights, loop.index)
                for line in row.lines:
                    total = row.load(y, place, line)
                    for share, four in zip(shares, held, strict=True):
                        total = row.multiply_add(share, four[line], total)
                    row.store(total, y, place, line)
            return context.get_dummy_value()

        return types.void(places, weights, types.int64, w, *[types.int64] * 4, y), generate

    return add_products


def _sum_products(lines: int) -> Any:
    """Return a function that computes four rows of dW ← keep · dW + factor · xᵀ dy, which are held."""

    @intrinsic  # type: ignore[untyped-decorator]
    def sum_products(
        typing_context: Any, places: Any, weights: Any, n: Any, dy: Any, dw: Any, at: Any, stride: Any,
        n_rows: Any, width: Any, factor: Any, keep: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            places, weights, n, dy, dw, *where, factor, keep = _unpacked(
                context, builder, signature, arguments
            )
            row = _Lines(context, builder, signature.args[1].dtype, lines)
            held = [
                [cgutils.alloca_once_value(builder, row.nothing) for _ in row.lines] for _ in range(GROUP)
            ]
            with cgutils.for_range(builder, n) as loop:
                place, shares = row.place(places, loop.index), row.weights(weights, loop.index)
                for line in row.lines:
                    more = row.load(dy, place, line)
                    for share, four in zip(shares, held, strict=True):
                        total = builder.load(four[line])
                        builder.store(row.multiply_add(share, more, total), four[line])
            is_kept = builder.fcmp_ordered("!=", keep, keep.type(0))
            factor, keep = row.repeated(factor), row.repeated(keep)
            for (start, wide), four in zip(row.of_group(*where), held, strict=True):
                # Where nothing is kept, nothing is read.
                known = builder.select(is_kept, wide, INDEX(0))
                for line in row.lines:
                    old = builder.fmul(keep, row.load_part(dw, start, line, known))
                    new = row.multiply_add(factor, builder.load(four[line]), old)
                    row.store_part(new, dw, start, line, wide)
            return context.get_dummy_value()

        kinds = places, weights, types.int64, dy, dw, *[types.int64] * 4, weights.dtype, weights.dtype
        return types.void(*kinds), generate

    return sum_products


add_products_1, add_products_2, add_products_3, add_products_4 = map(_add_products, range(1, 5))
sum_products_1, sum_products_2, sum_products_3, sum_products_4 = map(_sum_products, range(1, 5))
