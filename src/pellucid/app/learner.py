"""What a training trains: a network for the rows themselves, or for their principal components.

>>> net = pl.Network([pl.Dense(2)]).build(n_in=3, rng=np.random.default_rng(0))
>>> Learner(net).whole() is net
True
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.backend import Array


@dataclass(frozen=True, eq=False)
class Learner:
    """A network that learns, and what it learns from.

    Attributes
    ----------
    net : Network
        What is trained.
    components : PrincipalComponents or None
        Those whose coordinates it takes; None: it takes the rows.
    threads : callable
        Returns the context for products with the components.
    """

    net: pl.Network
    components: pl.PrincipalComponents | None = None
    threads: Callable[[], AbstractContextManager[None]] = nullcontext

    def rows(self, x: np.ndarray[Any, Any]) -> Array:
        """Return rows as the network takes them."""
        if self.components is None:
            return x
        with self.threads():
            return self.components.transform(x)

    def whole(self) -> pl.Network:
        """Return the network for the rows themselves, as it is now; the one that learns if it takes them."""
        if self.components is None:
            return self.net
        with self.threads():
            return self.components.whole(self.net)
