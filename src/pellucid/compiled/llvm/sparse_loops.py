"""The inner loops of sparse products, which keep four rows of a matrix in vector registers.

The columns of a sparse matrix x are taken in groups of four, because neighbouring pixels are usually either
all zero or all nonzero. A list holds the rows in which a group is not all zero: its entry e is row
``rows[e]`` with four ``values``. See `pellucid.compiled.first.sparse`.
"""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pellucid.backend import LINE_BYTES
from pellucid.compiled.llvm.vectors import INDEX, VectorBuilder, unpacked
from pellucid.compiled.program import GROUP


class RowBuilder(VectorBuilder):
    """Emits code on rows of a tile; each is a few vectors long, and each vector is a cache line."""

    def __init__(self, context: Any, builder: Any, dtype: Any, lines: int) -> None:
        super().__init__(context, builder, dtype, LINE_BYTES * 8 // dtype.bitwidth)
        self.lines = range(lines)

    def line(self, start: Any, line: int) -> Any:
        """Return the offset of a line of a row."""
        return self.builder.add(start, INDEX(line * self.length))

    def left(self, width: Any, line: int) -> Any:
        """Return how many entries of a row remain from a line on; a result <= 0 means none."""
        return self.builder.sub(width, INDEX(line * self.length))

    def of_group(self, at: Any, stride: Any, n_rows: Any, width: Any) -> list[tuple[Any, Any]]:
        """Return offset and width of four rows of W; rows beyond the last one have width 0."""
        found = []
        for q in range(GROUP):
            start = self.builder.add(at, self.builder.mul(stride, INDEX(q)))
            is_row = self.builder.icmp_signed(">", n_rows, INDEX(q))
            found.append((start, self.builder.select(is_row, width, INDEX(0))))
        return found

    def row_at(self, rows: Any, entry: Any) -> Any:
        """Return the offset, in a tile, of the row of a list's entry."""
        row = self.builder.sext(self.builder.load(self.builder.gep(rows, [entry])), INDEX)
        return self.builder.mul(row, INDEX(len(self.lines) * self.length))

    def values(self, values: Any, entry: Any) -> list[Any]:
        """Return the four values of an entry, each repeated to a vector."""
        first = self.builder.mul(entry, INDEX(GROUP))
        places = [self.builder.add(first, INDEX(q)) for q in range(GROUP)]
        numbers = [self.builder.load(self.builder.gep(values, [place])) for place in places]
        return [self.repeated(number) for number in numbers]


@intrinsic  # type: ignore[untyped-decorator]
def append_group(typing_context: Any, x: Any, scale: Any, at: Any, values: Any, into: Any) -> Any:
    """Write four entries of x, each times its scale, to `values`; return 1 if one is not 0, else 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, scale, at, values, into = unpacked(context, builder, signature, arguments)
        of_x, of_scale, of_values = (
            VectorBuilder(context, builder, signature.args[k].dtype, GROUP) for k in (0, 1, 3)
        )
        found = of_x.load(x, at)
        is_float = isinstance(of_x.dtype, types.Float)
        differs = (builder.fcmp_unordered if is_float else builder.icmp_unsigned)("!=", found, of_x.zeros)
        product = builder.fmul(of_scale.converted(found, of_x.dtype), of_scale.load(scale, at))
        of_values.store(of_values.converted(product, of_scale.dtype), values, into)
        is_any = builder.icmp_unsigned(
            "!=", builder.bitcast(differs, ir.IntType(GROUP)), ir.IntType(GROUP)(0)
        )
        return builder.zext(is_any, INDEX)

    return types.int64(x, scale, types.int64, values, types.int64), generate


def _for_each_size(lines: Any, context: Any, builder: Any, dtype: Any, generate: Any) -> Any:
    """Emit code for tile rows of 1 to 4 cache lines, of which `lines` chooses one at run time."""
    for n in range(1, 5):
        with builder.if_then(builder.icmp_signed("==", lines, INDEX(n))):
            generate(RowBuilder(context, builder, dtype, n))
    return context.get_dummy_value()


@intrinsic  # type: ignore[untyped-decorator]
def add_products(
    typing_context: Any, lines: Any, rows: Any, values: Any, n: Any, w: Any, at: Any, stride: Any,
    n_rows: Any, width: Any, y: Any,
) -> Any:  # fmt: skip
    """Compute y ← y + x W for one group of columns, whose four rows of W stay in registers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lines, rows, values, n, w, *where, y = unpacked(context, builder, signature, arguments)

        def add(tile: RowBuilder) -> None:
            held = [
                [tile.load(w, tile.line(start, line), tile.left(wide, line)) for line in tile.lines]
                for start, wide in tile.of_group(*where)
            ]
            with cgutils.for_range(builder, n) as loop:
                row, four = tile.row_at(rows, loop.index), tile.values(values, loop.index)
                for line in tile.lines:
                    total = tile.load(y, tile.line(row, line))
                    for value, weights in zip(four, held, strict=True):
                        total = tile.multiply_add(value, weights[line], total)
                    tile.store(total, y, tile.line(row, line))

        return _for_each_size(lines, context, builder, signature.args[2].dtype, add)

    return types.void(types.int64, rows, values, types.int64, w, *[types.int64] * 4, y), generate


@intrinsic  # type: ignore[untyped-decorator]
def sum_products(
    typing_context: Any, lines: Any, rows: Any, values: Any, n: Any, dy: Any, dw: Any, at: Any, stride: Any,
    n_rows: Any, width: Any, factor: Any, keep: Any,
) -> Any:  # fmt: skip
    """Compute dW ← keep · dW + factor · xᵀ dy for one group of columns, whose sums stay in registers."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lines, rows, values, n, dy, dw, *where, factor, keep = unpacked(
            context, builder, signature, arguments
        )

        def add(tile: RowBuilder) -> None:
            held = [
                [cgutils.alloca_once_value(builder, tile.zeros) for _ in tile.lines] for _ in range(GROUP)
            ]
            with cgutils.for_range(builder, n) as loop:
                row, four = tile.row_at(rows, loop.index), tile.values(values, loop.index)
                for line in tile.lines:
                    gradient = tile.load(dy, tile.line(row, line))
                    for value, sums in zip(four, held, strict=True):
                        total = builder.load(sums[line])
                        builder.store(tile.multiply_add(value, gradient, total), sums[line])
            is_kept = builder.fcmp_ordered("!=", keep, keep.type(0))
            factors, keeps = tile.repeated(factor), tile.repeated(keep)
            for (start, wide), sums in zip(tile.of_group(*where), held, strict=True):
                # If keep is 0, the old content is not read.
                known = builder.select(is_kept, wide, INDEX(0))
                for line in tile.lines:
                    at = tile.line(start, line)
                    old = builder.fmul(keeps, tile.load(dw, at, tile.left(known, line)))
                    new = tile.multiply_add(factors, builder.load(sums[line]), old)
                    tile.store(new, dw, at, tile.left(wide, line))

        return _for_each_size(lines, context, builder, signature.args[2].dtype, add)

    kinds = types.int64, rows, values, types.int64, dy, dw, *[types.int64] * 4, values.dtype, values.dtype
    return types.void(*kinds), generate
