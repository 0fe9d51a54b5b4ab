"""What a training trains: a network for the rows themselves, or for their principal components.

These are computed by one thread: a training whose rows had other bits could not be resumed.

>>> net = pl.Network([pl.Dense(2)]).build(n_in=3, rng=np.random.default_rng(0))
>>> Learner(net).whole() is net
True
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.backend import Array
from pellucid.compiled.threads.blas import one_thread


@dataclass(frozen=True, eq=False)
class Learner:
    """A network that learns, and what it learns from.

    Attributes
    ----------
    net : Network
        What is trained.
    components : PrincipalComponents or None
        Those whose coordinates it takes; None: it takes the rows.
    """

    net: pl.Network
    components: pl.PrincipalComponents | None = None

    def rows(self, x: np.ndarray[Any, Any]) -> Array:
        """Return rows as the network takes them."""
        if self.components is None:
            return x
        with one_thread():
            return self.components.transform(x)

    def whole(self) -> pl.Network:
        """Return the network for the rows themselves, as it is now; the one that learns if it takes them."""
        if self.components is None:
            return self.net
        with one_thread():
            return self.components.whole(self.net)
