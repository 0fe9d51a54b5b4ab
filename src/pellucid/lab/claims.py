"""What a report claims: a figure as printed, an ordering, that a curve is flat, or nothing."""

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

Kind = Literal["figure", "ordering", "flat", "share", "measured"]


@dataclass(frozen=True)
class Claim:
    """One thing a report says.

    Parameters
    ----------
    figure, unit
        What is measured, such as "test accuracy", and its unit: "%", "nats", "epochs" or "points".
    published
        The value as printed; its decimals say how far rounding may have moved it. For "figure" only.
    kind
        "figure": a published value. "ordering": a difference that the report says is above 0. "flat": a gain
        that the report says is negligible. "share": how many of a curve's points hold; the report module
        judges it. "measured": nothing was claimed.
    limit
        For "flat" only: the largest mean gain that still counts as none (an assumption).

    Examples
    --------
    >>> Claim("test accuracy", "%", "90.95").half_unit
    0.005
    """

    figure: str
    unit: str
    published: str | None = None
    kind: Kind = "figure"
    limit: float | None = None

    def __post_init__(self) -> None:
        if (self.kind == "figure") != (self.published is not None):
            raise ValueError(f"{self.figure}: kind {self.kind!r} cannot have published={self.published!r}")
        if (self.kind == "flat") != (self.limit is not None):
            raise ValueError(f"{self.figure}: kind {self.kind!r} cannot have limit={self.limit!r}")
        if not math.isfinite(self.mark or 0.0):
            raise ValueError(f"{self.figure}: published and limit must be finite, got {self.mark!r}")

    @property
    def mark(self) -> float | None:
        """The value to compare with an interval: the published one, the limit, or 0 for an ordering."""
        if self.published is not None:
            return float(_decimal(self.published, self.figure))
        return 0.0 if self.kind == "ordering" else self.limit

    @property
    def half_unit(self) -> float:
        """Half a unit of the published value's last digit; 0 where nothing was published."""
        if self.published is None:
            return 0.0
        return float(Decimal((0, (5,), int(_decimal(self.published, self.figure).as_tuple().exponent) - 1)))


def _decimal(text: str, figure: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{figure}: published must be a number as printed, got {text!r}") from None
