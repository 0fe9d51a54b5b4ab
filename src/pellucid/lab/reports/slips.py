"""Slips that more than one report makes, as code. A slip that only one makes stands in that report."""

import pellucid as pl
from pellucid.backend import Array


class DenseWithScalarBias(pl.Dense):
    """Slip: the bias gradient is summed over the units too, so that one number moves every bias of a layer.

    E's code has ``np.sum(delta)`` where a sum along the examples is meant, and so has the notebook that B
    cites.
    """

    def backward(self, dy: Array) -> Array | None:
        """Fill dW as `Dense` does, and db with one sum; return dx."""
        dx = super().backward(dy)
        self.db[...] = self.db.sum()
        return dx
