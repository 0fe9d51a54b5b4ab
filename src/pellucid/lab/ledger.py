"""The ledger: what each report claims, what its rerun measured, and whether the claim holds.

`judge` turns a `Claim` and the values of its seeds into a `Row`. Where the report leaves out a setting,
`settle_readings` gives one verdict for all readings of it. `write_ledger` writes `ledger.json`; every table,
chart and page is made from that file.
"""

import json
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pellucid.files.reading import check_json_size, read_json
from pellucid.files.whole import write_whole
from pellucid.lab.claims import Claim, Kind
from pellucid.lab.rows import Verdict, holds, number, places

MIN_SEEDS = 3  # two values give a t quantile of 12.7: an interval that holds everything says nothing


@dataclass(frozen=True)
class Row:
    """A row of the ledger; `omitted` is True until `settle_readings` has given the verdict of a reading."""

    report: str
    variant: str
    reading: str | None
    figure: str
    unit: str
    published: float | None
    seeds: int = 0
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    torch: float | None = None
    verdict: Verdict = "not run"
    why: str = ""
    assumptions: tuple[str, ...] = ()
    kind: Kind = "figure"
    printed: str | None = None
    omitted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the fields that `ledger.json` holds, in its order."""
        fields = asdict(self) | {"assumptions": list(self.assumptions)}
        del fields["omitted"]
        return fields

    @property
    def judged(self) -> bool:
        """Whether enough seeds were run for an interval."""
        return self.low is not None


@dataclass(frozen=True)
class _Sample:
    """The statistics of one figure over the seeds; no interval below `MIN_SEEDS`."""

    seeds: int
    mean: float
    sd: float | None
    low: float | None = None
    high: float | None = None


# The verdict if the mark (0, or the limit) lies below, above or in the interval.
_SIDES: dict[str, dict[str, Verdict]] = {
    "ordering": {"below": "reproduced", "above": "not reproduced", "in": "undetermined"},
    "flat": {"below": "not reproduced", "above": "reproduced", "in": "undetermined"},
}


def judge(
    claim: Claim,
    values: Sequence[float],
    *,
    report: str,
    variant: str,
    reading: str | None = None,
    torch: float | None = None,
    assumptions: Sequence[str] = (),
    omitted: bool = False,
) -> Row:
    """Judge a claim by the values of its seeds (for an ordering: by the paired differences).

    With k values of mean m and standard deviation s, and t the 0.975 quantile of Student's t with k − 1
    degrees of freedom, a published figure must lie in m ± t·s·sqrt(1 + 1/k), where one more run would fall,
    widened by half a unit of its last digit. The other kinds are judged by the interval of the mean,
    m ± t·s/sqrt(k): an ordering holds if it lies above 0, a gain is flat if it lies below the limit.

    Parameters
    ----------
    torch
        What PyTorch measured for the same figure.
    omitted
        Whether the report leaves out the setting that `reading` fills in. The verdict is then undetermined
        until `settle_readings` has compared all readings.

    Examples
    --------
    >>> claim = Claim("test accuracy", "%", "90.95")
    >>> row = judge(claim, [90.9, 91.0, 91.0], report="C", variant="as published")
    >>> row.verdict, row.why
    ('reproduced', '90.95 lies in 90.67 … 91.26 (3 seeds).')
    """
    where = f"{report}, {variant}, {claim.figure}" + (f" ({reading})" if reading else "")
    sample = _sample(claim, _finite(values, where))
    verdict, why = _verdict(claim, sample)
    row = not_run(claim, report=report, variant=variant, reading=reading, why=why, assumptions=assumptions)
    return replace(
        row,
        **asdict(sample),
        torch=None if torch is None else _finite([torch], f"{where}, torch")[0],
        verdict="undetermined" if omitted and claim.kind == "figure" else verdict,
        omitted=omitted,
    )


def not_run(
    claim: Claim,
    *,
    report: str,
    variant: str,
    reading: str | None = None,
    why: str,
    assumptions: Sequence[str] = (),
) -> Row:
    """Return the row of a claim that was not run; `why` names the flag that runs it."""
    if not why.strip():
        raise ValueError(
            f"{report}, {variant}, {claim.figure}: why is empty: name the flag that runs the row"
        )
    return Row(
        report=report,
        variant=variant,
        reading=reading,
        figure=claim.figure,
        unit=claim.unit,
        published=claim.mark if claim.kind == "figure" else None,
        verdict="not run",
        why=why,
        assumptions=tuple(assumptions),
        kind=claim.kind,
        printed=claim.published,
    )


def settle_readings(rows: Sequence[Row]) -> list[Row]:
    """Give the verdicts on figures for which a report leaves out a setting and several readings were tried.

    If the interval of any reading holds the published figure, all readings are undetermined, and `why` names
    those that hold it. If none does, the figure is not reproduced. Other rows stay as they are.
    """
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row.omitted and row.kind == "figure":
            groups.setdefault((row.report, row.variant, row.figure), []).append(row)
    return [_settle(row, groups.get((row.report, row.variant, row.figure), [])) for row in rows]


def _settle(row: Row, group: Sequence[Row]) -> Row:
    """Give the verdict of one row from all its readings, and set `omitted` to False."""
    if not (row.omitted and row.kind == "figure" and row.judged):
        return row
    verdict: Verdict
    tried = [r for r in group if r.judged]
    holding = [r.reading or "the setting assumed" for r in tried if holds(r.to_json())]
    if holding:
        verdict, end = "undetermined", f"the figure holds with: {'; '.join(holding)}"
    elif len(tried) == 1:
        verdict, end = "not reproduced", "the one reading tried does not hold it"
    else:
        verdict, end = "not reproduced", f"none of the {len(tried)} readings tried holds it"
    why = f"{row.why.rstrip('.')}; the report leaves the setting open, and {end}."
    return replace(row, verdict=verdict, why=why, omitted=False)


def _finite(values: Sequence[float], where: str) -> list[float]:
    if len(values) == 0:
        raise ValueError(f"{where}: no value to judge: use not_run for a row that was not run")
    for index, value in enumerate(values):
        if not math.isfinite(value):
            raise ValueError(
                f"{where}: value {index} is {float(value)}: a run that diverged has no figure to judge"
            )
    return [float(value) for value in values]


@lru_cache
def _t_quantile(seeds: int) -> float:
    from scipy.stats import t  # takes a second to import

    return float(t.ppf(0.975, seeds - 1))


def _sample(claim: Claim, values: Sequence[float]) -> _Sample:
    k, mean = len(values), statistics.fmean(values)
    sd = statistics.stdev(values) if k > 1 else None
    if sd is None or k < MIN_SEEDS:
        return _Sample(k, mean, sd)
    variance = 1 / k + (1 if claim.kind == "figure" else 0)  # of one more run, or of the mean
    reach = _t_quantile(k) * sd * math.sqrt(variance) + claim.half_unit
    return _Sample(k, mean, sd, mean - reach, mean + reach)


def _verdict(claim: Claim, sample: _Sample) -> tuple[Verdict, str]:
    """Return the verdict and the sentence that explains it."""
    digits = places(sample.mean, sample.low, sample.high, claim.mark)
    mean, seeds = number(sample.mean, digits), f"{sample.seeds} seed{'s' if sample.seeds > 1 else ''}"
    if sample.low is None or sample.high is None:
        return "undetermined", f"The mean is {mean} ({seeds}); an interval needs at least {MIN_SEEDS} seeds."
    span = f"{number(sample.low, digits)} … {number(sample.high, digits)} ({seeds})"
    if claim.mark is None:
        return "undetermined", f"Measured only: the report claims nothing here; the mean lies in {span}."
    side = "below" if claim.mark < sample.low else "above" if claim.mark > sample.high else "in"
    if claim.kind == "figure":
        return ("reproduced" if side == "in" else "not reproduced"), f"{claim.published} lies {side} {span}."
    what = " difference" if claim.kind == "ordering" else ""
    mark = "0" if claim.kind == "ordering" else f"the limit of {claim.limit:g} for flat"
    where = {"below": "above", "above": "below", "in": "on both sides of"}[side]
    why = f"The mean{what}, {mean} {claim.unit}, lies in {span}, {where} {mark}."
    return _SIDES[claim.kind][side], why


def write_ledger(path: Path | str, ledger: Mapping[str, Any]) -> None:
    """Write the ledger as strict JSON, whole or not at all; its rows must be unique and finite."""
    names = Counter((r["report"], r["variant"], r["reading"], r["figure"]) for r in ledger["rows"])
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise ValueError(
            f"rows must be unique in (report, variant, reading, figure), got more than one {twice[0]}"
        )
    _check_finite(ledger, "ledger")
    write_whole(path, [strict_json(ledger)])


def strict_json(content: Mapping[str, Any]) -> bytes:
    r"""Return the bytes of a strict JSON file: all numbers finite, and no longer than `read_json` accepts.

    >>> strict_json({"seeds": 3})
    b'{\n "seeds": 3\n}\n'
    """
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    check_json_size(text)
    return text.encode() + b"\n"


def read_ledger(path: Path | str) -> dict[str, Any]:
    """Read a ledger; NaN and Infinity, which are not JSON, are refused."""
    try:
        ledger = read_json(path)
    except ValueError as error:
        raise ValueError(f"{path} is not a ledger: {error}: run the report again") from error
    if not isinstance(ledger, dict) or not isinstance(ledger.get("rows"), list):
        raise ValueError(f"{path} is not a ledger: it must hold a list of rows: run the report again")
    return ledger


def _check_finite(value: object, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} must be finite, got {value}: use null for what was not measured")
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_finite(item, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_finite(item, f"{where}[{index}]")
