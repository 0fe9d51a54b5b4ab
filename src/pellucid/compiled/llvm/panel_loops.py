"""The inner loops of narrow products, which keep the sums for a panel's outputs in vector registers.

A panel is a few columns of W, see `pellucid.compiled.first.narrow`. Its weights are packed in vectors. For
one vector of inputs, the weights of the panel's first output come first, then those of its second output,
and so on. The next vector of inputs follows. The last vector of inputs, the remainder, may be shorter.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pellucid.compiled.first.tiles import MAX_SUMS, VECTOR_BYTES
from pellucid.compiled.jit import kernel
from pellucid.compiled.llvm.vectors import INDEX, INT32, VectorBuilder, unpacked


def _tile_height(panel: int) -> int:
    """Return how many rows of x, or vectors of its columns, are in a tile: as many as the registers allow."""
    return max(1, min(8, MAX_SUMS // panel))


tile_height = kernel(_tile_height)


@kernel
def vector_length(itemsize: int) -> int:
    """Return how many entries fill a vector register."""
    return VECTOR_BYTES // itemsize


class PanelBuilder:
    """Emits code that reads x · scale + shift and the weights of a panel vector by vector.

    The first arguments of its intrinsics are the `Data`, whose `method` gives the panel's width; W or dW; the
    number of columns of x; and the offset of the panel.
    """

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        data, given = signature.args[0], unpacked(context, builder, signature, arguments)
        kinds = dict(zip(data.fields, data.types, strict=True))
        self.x, self.rows, self.scale, self.shift = (
            context.make_array(kinds[name])(
                context, builder, builder.extract_value(given[0], data.fields.index(name))
            ).data
            for name in ("x", "rows", "scale", "shift")
        )
        _, self.w, self.n_in, self.at, *self.others = given
        dtypes = kinds["x"].dtype, kinds["scale"].dtype, signature.args[1].dtype
        self.length = VECTOR_BYTES * 8 // dtypes[-1].bitwidth
        self.of_x, self.of_scale, self.of_w = (
            VectorBuilder(context, builder, dtype, self.length) for dtype in dtypes
        )
        self.builder, self.outputs = builder, range(len(kinds["method"]) - 1)
        self.n_rest = builder.srem(self.n_in, INDEX(self.length))

    def multiply(self, n_rows: int) -> None:
        """Write the panel's outputs for a few rows."""
        first, y, into, stride = self.others
        rows = [self._row(first, i) for i in range(n_rows)]
        sums = self._make_sums(n_rows)

        def add_products(column: Any, n: Any) -> None:
            inputs = [self._inputs(row, column, n) for row in rows]
            for j, place in enumerate(self._weights_at(column, n)):
                weights = self.of_w.load(self.w, place, n)
                for vector, of_row in zip(inputs, sums, strict=True):
                    self._add_product(of_row[j], vector, weights)

        whole = self.builder.sub(self.n_in, self.n_rest)
        with cgutils.for_range_slice(self.builder, INDEX(0), whole, INDEX(self.length)) as (column, _):
            add_products(column, None)
        with self.builder.if_then(self.builder.icmp_signed("!=", self.n_rest, INDEX(0))):
            add_products(whole, self.n_rest)
        for i, of_row in enumerate(sums):
            start = self.builder.add(into, self.builder.mul(stride, INDEX(i)))
            self._store_sums([self.builder.load(each) for each in of_row], y, start)

    def multiply_back(self, n_vectors: int, n: Any) -> None:
        """Compute a few vectors of the panel's gradient, or if n is given, n entries of one vector."""
        first, n_rows, dy, of_first, stride, column, factor, keep = self.others
        builder = self.builder
        columns = [builder.add(column, INDEX(self.length * i)) for i in range(n_vectors)]
        sums = self._make_sums(n_vectors)
        with cgutils.for_range(builder, n_rows) as loop:
            row = self._row(builder.add(first, loop.index), 0)
            inputs = [self._inputs(row, each, n) for each in columns]
            start = builder.add(of_first, builder.mul(stride, loop.index))
            for j in self.outputs:
                number = builder.load(builder.gep(dy, [builder.add(start, INDEX(j))]))
                for vector, of_column in zip(inputs, sums, strict=True):
                    self._add_product(of_column[j], vector, self.of_w.repeated(number))
        # If keep is 0, the old content is ignored, even if it is NaN.
        is_kept = builder.fcmp_ordered("!=", keep, keep.type(0))
        factor, keep = self.of_w.repeated(factor), self.of_w.repeated(keep)
        for each, of_column in zip(columns, sums, strict=True):
            for place, total in zip(self._weights_at(each, n), of_column, strict=True):
                old = builder.fmul(keep, self.of_w.load(self.w, place, n))
                old = builder.select(is_kept, old, self.of_w.zeros)
                new = self.of_w.multiply_add(factor, builder.load(total), old)
                self.of_w.store(new, self.w, place, n)

    def _inputs(self, row: Any, column: Any, n: Any) -> Any:
        """Return a vector of scaled inputs from a row of x, or if n is not None its first n entries."""
        at = self.builder.add(self.builder.mul(row, self.n_in), column)
        x = self.of_x.load(self.x, at, n)
        scale, shift = (self.of_scale.load(each, column, n) for each in (self.scale, self.shift))
        scaled = self.of_scale.multiply_add(self.of_scale.converted(x, self.of_x.dtype), scale, shift)
        return self.of_w.converted(scaled, self.of_scale.dtype)

    def _row(self, first: Any, i: int) -> Any:
        """Return the index of the i-th row after the first one in the list of rows."""
        return self.builder.load(self.builder.gep(self.rows, [self.builder.add(first, INDEX(i))]))

    def _weights_at(self, column: Any, n: Any) -> list[Any]:
        """Return the offsets, output by output, of the weights of a vector of inputs."""
        at = self.builder.add(self.at, self.builder.mul(column, INDEX(len(self.outputs))))
        apart = INDEX(self.length) if n is None else n
        return [self.builder.add(at, self.builder.mul(apart, INDEX(j))) for j in self.outputs]

    def _make_sums(self, number: int) -> list[list[Any]]:
        """Return variables for `number` vectors of sums per output, all 0."""
        return [
            [cgutils.alloca_once_value(self.builder, self.of_w.zeros) for _ in self.outputs]
            for _ in range(number)
        ]

    def _add_product(self, variable: Any, a: Any, b: Any) -> None:
        """Add a b to a variable."""
        self.builder.store(self.of_w.multiply_add(a, b, self.builder.load(variable)), variable)

    def _store_sums(self, vectors: list[Any], data: Any, at: Any) -> None:
        """Write the sum of the entries of each vector, one after the other."""
        for first in range(0, len(vectors), self.length):
            some = vectors[first : first + self.length]
            numbers = ir.Constant(ir.VectorType(INT32, len(some)), list(range(len(some))))
            found = self.builder.shuffle_vector(self._reduced(some), self._undefined, numbers)
            address = self.builder.gep(data, [self.builder.add(at, INDEX(first))])
            address = self.builder.bitcast(address, found.type.as_pointer())
            self.builder.store(found, address, align=self.of_w.n_bytes)

    def _reduced(self, vectors: list[Any]) -> Any:
        """Return a vector that begins with the sums of the entries of each vector.

        Each round halves the number of vectors and of summands per sum: it takes two vectors and adds the
        first and the second half of the summands.
        """
        summands = self.length
        while summands > 1:
            half = summands // 2
            firsts = [at + i for at in range(0, 2 * self.length, summands) for i in range(half)]
            vectors = [
                self.builder.fadd(self._chosen(pair, firsts), self._chosen(pair, [i + half for i in firsts]))
                for pair in ([*vectors[i : i + 2], self._undefined] for i in range(0, len(vectors), 2))
            ]
            summands = half
        return vectors[0]

    def _chosen(self, vectors: list[Any], places: list[int]) -> Any:
        """Return chosen entries of two concatenated vectors."""
        numbers = ir.Constant(ir.VectorType(INT32, self.length), places)
        return self.builder.shuffle_vector(vectors[0], vectors[1], numbers)

    @property
    def _undefined(self) -> Any:
        return ir.Constant(self.of_w.vector, ir.Undefined)


def _multiply(n_rows: Callable[[int], int]) -> Any:
    """Return the intrinsic for n_rows(panel width) rows."""

    @intrinsic  # type: ignore[untyped-decorator]
    def multiply(
        typing_context: Any, data: Any, w: Any, n_in: Any, at: Any, first: Any, y: Any, into: Any, stride: Any
    ) -> Any:
        """Write x W for the rows from `first` on and the panel at offset `at` to y."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            panel = PanelBuilder(context, builder, signature, arguments)
            panel.multiply(n_rows(len(panel.outputs)))
            return context.get_dummy_value()

        return types.void(data, w, *[types.int64] * 3, y, *[types.int64] * 2), generate

    return multiply


def _multiply_back(n_vectors: Callable[[int], int], *, is_remainder: bool) -> Any:
    """Return the intrinsic for n_vectors(panel width) vectors of dW, or for the remainder."""

    @intrinsic  # type: ignore[untyped-decorator]
    def multiply_back(
        typing_context: Any, data: Any, dw: Any, n_in: Any, at: Any, first: Any, n: Any, dy: Any,
        of_first: Any, stride: Any, column: Any, factor: Any, keep: Any,
    ) -> Any:  # fmt: skip
        """Compute dW ← keep · dW + factor · xᵀ dy for the inputs from `column` on and the panel at `at`."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            panel = PanelBuilder(context, builder, signature, arguments)
            panel.multiply_back(n_vectors(len(panel.outputs)), panel.n_rest if is_remainder else None)
            return context.get_dummy_value()

        kinds = data, dw, *[types.int64] * 4, dy, *[types.int64] * 3, dw.dtype, dw.dtype
        return types.void(*kinds), generate

    return multiply_back


multiply_tile, multiply_row = _multiply(_tile_height), _multiply(lambda panel: 1)
multiply_back_tile, multiply_back_vector = (
    _multiply_back(number, is_remainder=False) for number in (_tile_height, lambda panel: 1)
)
multiply_back_remainder = _multiply_back(lambda panel: 1, is_remainder=True)
