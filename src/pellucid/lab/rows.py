"""The ledger's rows as readers see them: rounded numbers, a curve on one line, counts of claims that hold.

All functions take rows as in `ledger.json`, so page, terminal and charts agree.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from pellucid.wording import counted

Verdict = Literal["reproduced", "not reproduced", "undetermined", "not run"]
JsonRow = Mapping[str, Any]

VERDICTS: tuple[Verdict, ...] = ("reproduced", "not reproduced", "undetermined", "not run")
MIN_FOLD = 6  # at least this many figures that differ only in one number become one line
_LAST_NUMBER = re.compile(r"\d+(?=\D*$)")


def number(value: float | None, decimals: int) -> str:
    """Write a value with a true minus sign; None is a dash.

    >>> number(-0.25, 2), number(-0.001, 2), number(None, 2)
    ('−0.25', '0.00', '—')
    """
    if value is None:
        return "—"
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def places(mean: float, low: float | None, high: float | None, mark: float | None = None) -> int:
    """Return the decimals to print: two digits of the interval's half-width, and no fewer than `mark` has.

    Without an interval: three digits of the mean. More are printed if rounding would put the mark on the
    wrong side of a bound, as in "90.95 lies above 90.71 … 90.95".

    >>> places(90.97, 90.71, 91.22, 90.95), places(90.9, 90.71, 90.9476, 90.95)
    (2, 3)
    """
    spread = abs(mean) / 10 if low is None or high is None else (high - low) / 2
    digits = 1 - math.floor(math.log10(spread)) if spread > 0 else 1
    digits = max(0, min(digits, 6), 0 if mark is None else _printed_decimals(mark))
    bounds = [] if mark is None else [b for b in (low, high) if b is not None]
    while digits < 12 and any(_misleads(bound, mark or 0.0, digits) for bound in bounds):
        digits += 1
    return digits


def _printed_decimals(value: float) -> int:
    return max(0, -int(Decimal(f"{value:.10g}").as_tuple().exponent))


def _misleads(bound: float, mark: float, digits: int) -> bool:
    """Whether rounding moves the bound onto the mark or past it."""
    shown = float(f"{bound:.{digits}f}")
    return (bound < mark) != (shown < mark) or (bound > mark) != (shown > mark)


def row_places(row: JsonRow) -> int:
    """Return the decimals for all cells of a row."""
    mark = 0.0 if row["kind"] == "ordering" else row["published"]
    if row["mean"] is None:
        return 0
    return places(row["mean"], row["low"], row["high"], mark)


def cells(row: JsonRow, decimals: int | None = None) -> dict[str, str]:
    """Write a row's numbers: published, mean ± sd, interval, torch."""
    digits = row_places(row) if decimals is None else decimals
    spread = "" if row["sd"] is None else f" ± {number(row['sd'], digits)}"
    interval = f"{number(row['low'], digits)} … {number(row['high'], digits)}"
    return {
        "published": row["printed"] or "—",
        "measured": number(row["mean"], digits) + spread,
        "interval": "—" if row["low"] is None else interval,
        "torch": number(row["torch"], digits),
    }


def fold(rows: Iterable[JsonRow]) -> list[list[JsonRow]]:
    """Group the points of a published curve; every other row is a group of one, and the order is kept.

    Points are at least `MIN_FOLD` rows that differ only in the last number of their figure: "loss at line
    10", "loss at line 20".
    """
    families: dict[tuple[object, ...], list[JsonRow]] = {}
    for row in rows:
        same = tuple(row[key] for key in ("report", "variant", "reading", "unit", "kind"))
        families.setdefault((*same, _LAST_NUMBER.sub("#", row["figure"])), []).append(row)
    groups = []
    for family in families.values():
        groups += [family] if len(family) >= MIN_FOLD else [[row] for row in family]
    return groups


def fold_label(group: Sequence[JsonRow]) -> str:
    """Name a group: "loss at line 10 … 1000" for a curve, the figure itself for one row."""
    first, last = group[0]["figure"], group[-1]["figure"]
    end = _LAST_NUMBER.search(last)
    return first if len(group) == 1 or end is None else _LAST_NUMBER.sub(rf"\g<0> … {end[0]}", first)


def fold_verdict(group: Sequence[JsonRow]) -> str:
    """Summarize the verdicts of a curve's points: "6 of 6 points reproduced"."""
    counts = Counter(row["verdict"] for row in group)
    if set(counts) <= {"undetermined", "not run"}:
        return ", ".join(f"{counted(counts[v], 'point')} {v}" for v in VERDICTS if counts[v])
    others = [f"{counts[v]} {v}" for v in VERDICTS[2:] if counts[v]]
    return ", ".join([f"{counts['reproduced']} of {counted(len(group), 'point')} reproduced", *others])


def claims(rows: Iterable[JsonRow]) -> list[list[JsonRow]]:
    """Group the readings of each claim: rows of one report, variant and figure. The order is kept.

    A claim has a row for each reading of a setting that the report leaves out; any other has a single row.
    """
    groups: dict[tuple[str, str, str], list[JsonRow]] = {}
    for row in rows:
        groups.setdefault((row["report"], row["variant"], row["figure"]), []).append(row)
    return list(groups.values())


def claim_verdict(group: Iterable[JsonRow]) -> Verdict:
    """Return the verdict on which all readings of a claim agree, as far as they were run."""
    found: list[Verdict] = sorted({row["verdict"] for row in group} - {"not run"})
    if not found:
        return "not run"
    return found[0] if len(found) == 1 else "undetermined"


def holds(row: JsonRow) -> bool:
    """Whether a row's interval holds its published figure."""
    if row["low"] is None or row["published"] is None:
        return False
    return bool(row["low"] <= row["published"] <= row["high"])


def nearest(group: Sequence[JsonRow]) -> JsonRow:
    """Return the one reading to show: one that holds the figure, else the closest."""

    def distance(row: JsonRow) -> tuple[bool, bool, float]:
        gap = 0.0 if row["mean"] is None or row["published"] is None else abs(row["mean"] - row["published"])
        return row["mean"] is None, not holds(row), gap

    return min(group, key=distance)


def readings(group: Sequence[JsonRow]) -> str:
    """Say how many readings of a claim were tried and how many hold it; empty for a single row."""
    tried = [row for row in group if row["low"] is not None]
    if len(group) == 1 or not tried or group[0]["published"] is None:
        return ""
    return f"{sum(map(holds, tried))} of {len(tried)} readings tried hold it"


def summary(rows: Iterable[JsonRow]) -> dict[str, int]:
    """Count the verdicts of all claims, a claim with several readings once; "measured" rows count apart."""
    every = list(rows)
    found = Counter(claim_verdict(group) for group in claims(r for r in every if r["kind"] != "measured"))
    measured = sum(row["kind"] == "measured" for row in every)
    return {"claims": found.total(), **{v: found[v] for v in VERDICTS}, "measured": measured}


def tally(rows: Iterable[JsonRow]) -> str:
    """Summarize in one line how many claims hold.

    >>> row = {"report": "C", "variant": "as published", "kind": "figure", "verdict": "reproduced"}
    >>> tally([row | {"figure": "loss"}, row | {"figure": "accuracy", "verdict": "not run"}])
    '1 of 1 claims reproduced, 0 not, 0 undetermined; 1 not run'
    """
    counts = summary(rows)
    run = counts["claims"] - counts["not run"]
    rest = f"{counts['not reproduced']} not, {counts['undetermined']} undetermined"
    return f"{counts['reproduced']} of {run} claims reproduced, {rest}; {counts['not run']} not run"
