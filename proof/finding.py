"""What a proof has found: a claim, what was measured, and whether it holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One claim and its figure.

    Attributes
    ----------
    claim : str
        A sentence.
    measured : str
        What came out, with its number of cases.
    limit : str
        What it had to stay within.
    holds : bool
    """

    claim: str
    measured: str
    limit: str
    holds: bool
