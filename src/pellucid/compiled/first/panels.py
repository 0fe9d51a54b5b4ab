"""The inner loops of narrow products, which hold sums of a panel's outputs in the processor's registers.

A panel is a few columns of W. While narrow steps are taken, its weights lie line by line: those of a line of
inputs that lead to its first output, to its second, and so on; then those of the next line of inputs; the
last one may be shorter.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from pellucid.compiled.first.tiles import MOST_SUMS, VECTOR_BYTES
from pellucid.compiled.jit import kernel
from pellucid.compiled.llvm.lines import INDEX, INT32, Lines, unpacked


def n_held(panel: int) -> int:
    """Return how many rows of x, or lines of its columns, a tile has: as many as the sums leave room for."""
    return max(1, min(8, MOST_SUMS // panel))


tile_size = kernel(n_held)


@kernel
def line_length(itemsize: int) -> int:
    """Return how many entries of an array the processor computes with at once."""
    return VECTOR_BYTES // itemsize


class _Panel:
    """Writes code that reads x · scale + shift and a panel's weights line by line.

    An intrinsic's first arguments are the way, whose length tells the panel's width, x, its scale and shift,
    an array of the weights' dtype, and how many columns x has.
    """

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        dtypes = [kind.dtype for kind in signature.args[1:5]]
        self.length = VECTOR_BYTES * 8 // dtypes[-1].bitwidth
        self.of_x, self.of_scale, _, self.of_w = (
            Lines(context, builder, dtype, self.length) for dtype in dtypes
        )
        self.builder, self.outputs = builder, range(signature.args[0].count - 1)
        _, self.x, self.scale, self.shift, _, self.n_in, *_ = arguments
        self.n_rest = builder.srem(self.n_in, INDEX(self.length))

    def inputs(self, row: Any, column: Any, n: Any) -> Any:
        """Return a line of a row of x, or if n is not None its first n entries."""
        at = self.builder.add(self.builder.mul(row, self.n_in), column)
        x = self.read(self.of_x, self.x, at, n)
        scale, shift = (self.read(self.of_scale, each, column, n) for each in (self.scale, self.shift))
        scaled = self.of_scale.multiply_add(self.of_scale.converted(x, self.of_x.dtype), scale, shift)
        return self.of_w.converted(scaled, self.of_scale.dtype)

    def row(self, rows: Any, first: Any, i: int) -> Any:
        """Return which row of x stands in a list so many places behind a first one."""
        return self.builder.load(self.builder.gep(rows, [self.builder.add(first, INDEX(i))]))

    def weights_at(self, start: Any, column: Any, n: Any) -> list[Any]:
        """Return where, output by output, a line of inputs has its weights, in a panel that begins there."""
        at = self.builder.add(start, self.builder.mul(column, INDEX(len(self.outputs))))
        apart = INDEX(self.length) if n is None else n
        return [self.builder.add(at, self.builder.mul(apart, INDEX(j))) for j in self.outputs]

    @staticmethod
    def read(lines: Lines, data: Any, at: Any, n: Any) -> Any:
        """Return a line of an array, or if n is not None its first n entries."""
        return lines.load(data, at) if n is None else lines.load_part(data, at, n)

    def no_sums(self, number: int) -> list[list[Any]]:
        """Return variables for so many lines of sums of each output; they are 0."""
        return [
            [cgutils.alloca_once_value(self.builder, self.of_w.nothing) for _ in self.outputs]
            for _ in range(number)
        ]

    def add(self, variable: Any, a: Any, b: Any) -> None:
        """Add a b to a variable."""
        self.builder.store(self.of_w.multiply_add(a, b, self.builder.load(variable)), variable)

    def store_sums(self, lines: list[Any], data: Any, at: Any) -> None:
        """Write the sum of each line's entries, one after the other."""
        for first in range(0, len(lines), self.length):
            some = lines[first : first + self.length]
            numbers = ir.Constant(ir.VectorType(INT32, len(some)), list(range(len(some))))
            found = self.builder.shuffle_vector(self._sums(some), self._undefined, numbers)
            address = self.builder.gep(data, [self.builder.add(at, INDEX(first))])
            address = self.builder.bitcast(address, found.type.as_pointer())
            self.builder.store(found, address, align=self.of_w.n_bytes)

    def _sums(self, lines: list[Any]) -> Any:
        """Return a line that begins with the sums of the lines' entries.

        In each round two lines become one, and two summands of each sum one: those of its first half and of
        its second half are added.
        """
        summands = self.length
        while summands > 1:
            half = summands // 2
            firsts = [at + i for at in range(0, 2 * self.length, summands) for i in range(half)]
            lines = [
                self.builder.fadd(self._chosen(pair, firsts), self._chosen(pair, [i + half for i in firsts]))
                for pair in ([*lines[i : i + 2], self._undefined] for i in range(0, len(lines), 2))
            ]
            summands = half
        return lines[0]

    def _chosen(self, lines: list[Any], places: list[int]) -> Any:
        """Return these entries of two lines put one behind the other."""
        numbers = ir.Constant(ir.VectorType(INT32, self.length), places)
        return self.builder.shuffle_vector(lines[0], lines[1], numbers)

    @property
    def _undefined(self) -> Any:
        return ir.Constant(self.of_w.vector, ir.Undefined)


def _multiply(n_rows: Callable[[int], int]) -> Any:
    """Return a function that computes a panel's outputs for so many rows, which the panel's width tells."""

    @intrinsic  # type: ignore[untyped-decorator]
    def multiply(
        typing_context: Any, way: Any, x: Any, scale: Any, shift: Any, w: Any, n_in: Any, at: Any, rows: Any,
        first: Any, y: Any, into: Any, stride: Any,
    ) -> Any:  # fmt: skip
        """Write x W, of the rows from the first one on and the panel that begins at `at`, to y."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            given = unpacked(context, builder, signature, arguments)
            panel = _Panel(context, builder, signature, given)
            w, _, at, rows, first, y, into, stride = given[4:]
            chosen = [panel.row(rows, first, i) for i in range(n_rows(len(panel.outputs)))]
            sums = panel.no_sums(len(chosen))

            def add_line(column: Any, n: Any) -> None:
                inputs = [panel.inputs(row, column, n) for row in chosen]
                for j, place in enumerate(panel.weights_at(at, column, n)):
                    weights = panel.read(panel.of_w, w, place, n)
                    for line, of_row in zip(inputs, sums, strict=True):
                        panel.add(of_row[j], line, weights)

            whole = builder.sub(panel.n_in, panel.n_rest)
            with cgutils.for_range_slice(builder, INDEX(0), whole, INDEX(panel.length)) as (column, _):
                add_line(column, None)
            with builder.if_then(builder.icmp_signed("!=", panel.n_rest, INDEX(0))):
                add_line(whole, panel.n_rest)
            for i, of_row in enumerate(sums):
                start = builder.add(into, builder.mul(stride, INDEX(i)))
                panel.store_sums([builder.load(each) for each in of_row], y, start)
            return context.get_dummy_value()

        kinds = way, x, scale, shift, w, *[types.int64] * 2, rows, types.int64, y, *[types.int64] * 2
        return types.void(*kinds), generate

    return multiply


def _multiply_back(n_lines: Callable[[int], int], *, is_part: bool) -> Any:
    """Return a function that computes so many lines of dW, or the last one, which is not a whole one."""

    @intrinsic  # type: ignore[untyped-decorator]
    def multiply_back(
        typing_context: Any, way: Any, x: Any, scale: Any, shift: Any, dw: Any, n_in: Any, at: Any, rows: Any,
        first: Any, n: Any, dy: Any, of_first: Any, stride: Any, column: Any, factor: Any, keep: Any,
    ) -> Any:  # fmt: skip
        """Compute dW ← keep · dW + factor · xᵀ dy, of the inputs from a column on and dW's panel at `at`."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            given = unpacked(context, builder, signature, arguments)
            panel = _Panel(context, builder, signature, given)
            dw, _, at, rows, first, n, dy, of_first, stride, column, factor, keep = given[4:]
            rest = panel.n_rest if is_part else None
            length = INDEX(panel.length)
            columns = [
                builder.add(column, builder.mul(length, INDEX(i))) for i in range(n_lines(len(panel.outputs)))
            ]
            sums = panel.no_sums(len(columns))
            with cgutils.for_range(builder, n) as loop:
                row = panel.row(rows, builder.add(first, loop.index), 0)
                inputs = [panel.inputs(row, each, rest) for each in columns]
                start = builder.add(of_first, builder.mul(stride, loop.index))
                for j in panel.outputs:
                    number = builder.load(builder.gep(dy, [builder.add(start, INDEX(j))]))
                    for line, of_column in zip(inputs, sums, strict=True):
                        panel.add(of_column[j], line, panel.of_w.repeated(number))
            # Where nothing is kept, what was there may be anything.
            is_kept = builder.fcmp_ordered("!=", keep, keep.type(0))
            factor, keep = panel.of_w.repeated(factor), panel.of_w.repeated(keep)
            for each, of_column in zip(columns, sums, strict=True):
                for place, total in zip(panel.weights_at(at, each, rest), of_column, strict=True):
                    old = builder.fmul(keep, panel.read(panel.of_w, dw, place, rest))
                    old = builder.select(is_kept, old, panel.of_w.nothing)
                    new = panel.of_w.multiply_add(factor, builder.load(total), old)
                    if is_part:
                        panel.of_w.store_part(new, dw, place, rest)
                    else:
                        panel.of_w.store(new, dw, place)
            return context.get_dummy_value()

        kinds = way, x, scale, shift, dw, *[types.int64] * 2, rows, *[types.int64] * 2, dy
        return types.void(*kinds, *[types.int64] * 3, dw.dtype, dw.dtype), generate

    return multiply_back


multiply_tile, multiply_row = _multiply(n_held), _multiply(lambda panel: 1)
multiply_tile_back, multiply_line_back = (
    _multiply_back(number, is_part=False) for number in (n_held, lambda panel: 1)
)
multiply_part_back = _multiply_back(lambda panel: 1, is_part=True)
