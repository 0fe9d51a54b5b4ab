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
from pellucid.compiled.first.sparsity import GROUP
from pellucid.compiled.llvm.lines import INDEX, Lines, unpacked


class _Rows(Lines):
    """Writes code on rows that are so many cache lines long."""

    def __init__(self, context: Any, builder: Any, dtype: Any, lines: int) -> None:
        super().__init__(context, builder, dtype, LINE_BYTES * 8 // dtype.bitwidth)
        self.lines = range(lines)

    def line(self, start: Any, line: int) -> Any:
        """Return where a line of a row begins."""
        return self.builder.add(start, INDEX(line * self.length))

    def left(self, width: Any, line: int) -> Any:
        """Return how many entries a row of some width has from a line on; there may be none."""
        return self.builder.sub(width, INDEX(line * self.length))

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


@intrinsic  # type: ignore[untyped-decorator]
def append_group(typing_context: Any, x: Any, scale: Any, at: Any, weights: Any, into: Any) -> Any:
    """Write four entries of x, each times its scale, to `weights`; return 1 if one is not 0, else 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, scale, at, weights, into = unpacked(context, builder, signature, arguments)
        of_x, of_scale, of_weights = (
            Lines(context, builder, signature.args[k].dtype, GROUP) for k in (0, 1, 3)
        )
        found = of_x.load(x, at)
        is_float = isinstance(of_x.dtype, types.Float)
        differs = (builder.fcmp_unordered if is_float else builder.icmp_unsigned)("!=", found, of_x.nothing)
        product = builder.fmul(of_scale.converted(found, of_x.dtype), of_scale.load(scale, at))
        of_weights.store(of_weights.converted(product, of_scale.dtype), weights, into)
        is_any = builder.icmp_unsigned(
            "!=", builder.bitcast(differs, ir.IntType(GROUP)), ir.IntType(GROUP)(0)
        )
        return builder.zext(is_any, INDEX)

    return types.int64(x, scale, types.int64, weights, types.int64), generate


def _add_products(lines: int) -> Any:
    """Return a function that adds x W to y, of one group: four rows of W are held."""

    @intrinsic  # type: ignore[untyped-decorator]
    def add_products(
        typing_context: Any, places: Any, weights: Any, n: Any, w: Any, at: Any, stride: Any, n_rows: Any,
        width: Any, y: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            places, weights, n, w, *where, y = unpacked(context, builder, signature, arguments)
            row = _Rows(context, builder, signature.args[1].dtype, lines)
            held = [
                [row.load_part(w, row.line(start, line), row.left(wide, line)) for line in row.lines]
                for start, wide in row.of_group(*where)
            ]
            with cgutils.for_range(builder, n) as loop:
                place, shares = row.place(places, loop.index), row.weights(weights, loop.index)
                for line in row.lines:
                    total = row.load(y, row.line(place, line))
                    for share, four in zip(shares, held, strict=True):
                        total = row.multiply_add(share, four[line], total)
                    row.store(total, y, row.line(place, line))
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
            places, weights, n, dy, dw, *where, factor, keep = unpacked(
                context, builder, signature, arguments
            )
            row = _Rows(context, builder, signature.args[1].dtype, lines)
            held = [
                [cgutils.alloca_once_value(builder, row.nothing) for _ in row.lines] for _ in range(GROUP)
            ]
            with cgutils.for_range(builder, n) as loop:
                place, shares = row.place(places, loop.index), row.weights(weights, loop.index)
                for line in row.lines:
                    more = row.load(dy, row.line(place, line))
                    for share, four in zip(shares, held, strict=True):
                        total = builder.load(four[line])
                        builder.store(row.multiply_add(share, more, total), four[line])
            is_kept = builder.fcmp_ordered("!=", keep, keep.type(0))
            factor, keep = row.repeated(factor), row.repeated(keep)
            for (start, wide), four in zip(row.of_group(*where), held, strict=True):
                # Where nothing is kept, nothing is read.
                known = builder.select(is_kept, wide, INDEX(0))
                for line in row.lines:
                    old = builder.fmul(keep, row.load_part(dw, row.line(start, line), row.left(known, line)))
                    new = row.multiply_add(factor, builder.load(four[line]), old)
                    row.store_part(new, dw, row.line(start, line), row.left(wide, line))
            return context.get_dummy_value()

        kinds = places, weights, types.int64, dy, dw, *[types.int64] * 4, weights.dtype, weights.dtype
        return types.void(*kinds), generate

    return sum_products


add_products_1, add_products_2, add_products_3, add_products_4 = map(_add_products, range(1, 5))
sum_products_1, sum_products_2, sum_products_3, sum_products_4 = map(_sum_products, range(1, 5))
