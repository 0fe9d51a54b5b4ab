"""What a proof has found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A claim, what was measured, and whether that is within the limit.

    Examples
    --------
    >>> Finding("Halves add up", measured="100 pairs, largest error 0", limit="0", holds=True).holds
    True
    """

    claim: str
    measured: str
    limit: str
    holds: bool
