"""What compiled steps read: rows of x, their class numbers, and random numbers for dropout."""

from collections.abc import Sequence

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.first.tiles import Method
from pellucid.compiled.layout import NO_DROPOUT, Data, make_scaling
from pellucid.compiled.program import fused_layers, is_sparse, why_not_labels
from pellucid.network import Network


class Feed:
    """Prepares data for compiled code; `nets` have one shape, and each dropout its own random generator."""

    def __init__(self, nets: Sequence[Network]) -> None:
        self.first = nets[0]
        #: For each layer, the dropout of each network; None where there is none.
        self.dropouts = list(
            zip(*[[layer.dropout for layer in fused_layers(net.layers)] for net in nets], strict=True)
        )
        self.n_drawn: int = sum(dropout.n_out for alike in self.dropouts for dropout in alike if dropout)
        self.drawn = np.empty(0, np.float32)
        self.scaling: dict[np.dtype[np.generic], tuple[Array, Array]] = {}

    def entries_per_row(self, x: Array | None = None) -> int:
        """Return how many numbers are drawn or copied for a row of x; an upper bound if x is None."""
        n_copied = 0 if x is not None and is_readable(x) else self.first.n_in
        return self.n_drawn + n_copied

    def is_sparse(self, x: Array) -> bool:
        """Return whether products with x should skip its zeros.

        Columns shifted in float64 do not count as sparse: a sparse product would add the shift after rounding
        the values to the network's dtype.
        """
        scale, _ = self._scaling(x.dtype)
        return scale.dtype == self.first.dtype and is_sparse(x)

    def data(self, x: Array, y: Array, rows: Array, method: Method) -> Data:
        """Return the chosen rows. The random numbers are valid until the next call."""
        obstacle = why_not_labels(y)
        if obstacle:
            raise ValueError(f"this batch cannot be compiled: {obstacle}")
        scale, shift = self._scaling(x.dtype)
        labels = y[rows].astype(np.int64)
        if not is_readable(x):
            x, rows = np.ascontiguousarray(x[rows], readable_dtype(x.dtype)), np.arange(len(rows))
        # Numba compiles separately for writable and read-only arrays: make all of them read-only.
        x = np.asarray(x).view()
        x.flags.writeable = False
        rows = np.ascontiguousarray(rows, np.int64)
        drop_prob, drawn = self._drop_prob(), self._draw(len(rows))
        return Data(x, rows, scale, shift, labels, drop_prob, drawn, method, bool(np.any(shift)))

    def _scaling(self, dtype: np.dtype[np.generic]) -> tuple[Array, Array]:
        """Return scale and shift per column for data of a dtype."""
        if dtype not in self.scaling:
            self.scaling[dtype] = make_scaling(self.first, dtype)
        return self.scaling[dtype]

    def _drop_prob(self) -> Array:
        """Return the dropout probability of each layer, which may change between epochs."""
        return np.array([one.drop_prob if one else NO_DROPOUT for one, *_ in self.dropouts])

    def _draw(self, n: int) -> Array:
        """Draw the numbers for n rows: dropout by dropout, network by network, row by row."""
        if self.drawn.size < n * self.n_drawn:
            self.drawn = np.empty(n * self.n_drawn, np.float32)
        start = 0
        for dropout in (one for alike in self.dropouts for one in alike if one):
            if dropout.mask is not None:
                raise ValueError("a mask was fixed during compiled training: train with compiled=False")
            stop = start + n * dropout.n_out
            dropout.draw_numbers(self.drawn[start:stop])
            start = stop
        return self.drawn


def is_readable(x: Array) -> bool:
    """Return whether compiled code can read x without a copy.

    Examples
    --------
    >>> x = np.zeros((2, 3), np.uint8)
    >>> is_readable(x), is_readable(x.T), is_readable(x.astype(np.float16))
    (True, False, False)
    """
    return x.flags.c_contiguous and x.flags.aligned and x.dtype == readable_dtype(x.dtype)


def readable_dtype(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """Return the dtype, or the nearest one that Numba supports.

    Examples
    --------
    >>> [readable_dtype(np.dtype(name)).name for name in ("uint8", "float16", "longdouble")]
    ['uint8', 'float32', 'float64']
    """
    if dtype.kind == "f":
        return np.dtype(np.float32) if dtype.itemsize <= 4 else np.dtype(np.float64)
    return dtype.newbyteorder("=")
