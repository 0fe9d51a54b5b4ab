"""The results page: one file that opens offline, made only from the ledger and the SVG figures."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from pellucid.files.whole import write_whole
from pellucid.lab.pictures.figures import check_name
from pellucid.lab.rows import (
    VERDICTS,
    JsonRow,
    cells,
    claims,
    fold,
    fold_label,
    fold_verdict,
    number,
    places,
    readings,
    row_places,
    summary,
    tally,
)


def write_page(ledger: Mapping[str, Any], folder: Path | str) -> Path:
    """Write `index.html` into `folder`, with the figures that lie in its `figures` folder; return its path.

    A report whose `finished` is false is shown as not complete. The page loads nothing from elsewhere.
    """
    source = files("pellucid.lab").joinpath("page.html.jinja").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    rows = ledger["rows"]
    view = {
        "ledger": ledger,
        "total": _count(rows),
        "by_kind": _by_kind(rows),
        "reports": [_report(report, rows, Path(folder)) for report in ledger["reports"]],
    }
    html = environment.from_string(source).render(view)
    page = Path(folder) / "index.html"
    write_whole(page, [html.encode()])
    return page


def _count(rows: Sequence[JsonRow]) -> dict[str, Any]:
    counts = summary(rows)
    return {
        "sentence": tally(rows),
        "counts": counts,
        "shares": [(v, counts[v]) for v in VERDICTS if counts[v]],
    }


def _by_kind(rows: Sequence[JsonRow]) -> list[str]:
    """Split the tally by kind: points of curves and readings outnumber the figures in the abstracts."""
    groups = fold(row for row in rows if row["kind"] != "measured" and row["verdict"] != "not run")
    single = [group[0] for group in groups if len(group) == 1]
    parts = {
        "single figures and orderings": [row for row in single if row["reading"] is None],
        "with a setting left open, in one reading or several": [row for row in single if row["reading"]],
        "points of published curves": [row for group in groups if len(group) > 1 for row in group],
    }
    counts = {name: summary(part) for name, part in parts.items() if part}
    return [f"{each['reproduced']} of {each['claims']} {name} reproduced" for name, each in counts.items()]


def _report(report: Mapping[str, Any], rows: Sequence[JsonRow], folder: Path) -> dict[str, Any]:
    """Return everything that the section of a report shows."""
    own = [row for row in rows if row["report"] == report["letter"]]
    groups = fold(own)
    single = [group[0] for group in groups if len(group) == 1]
    waiting = [row for row in single if row["verdict"] == "not run"]
    return {
        **report,
        "id": f"report-{report['letter'].lower()}",
        "tally": _count(own),
        "time": _duration(report.get("seconds")),
        "tables": _tables([row for row in single if row["verdict"] != "not run"]),
        "waiting": {"count": len(waiting), "tables": _tables(waiting)},
        "curves": [_curve(group) for group in groups if len(group) > 1],
        "torch": any(row["torch"] is not None for row in own),
        "slips": [{**slip, "costs": [_cost(cost) for cost in slip["costs"]]} for slip in report["slips"]],
        "plots": [{**plot, "source": _embedded(plot["name"], folder)} for plot in report["plots"]],
        "assumptions": list(
            dict.fromkeys([*report["assumptions"], *(a for r in own for a in r["assumptions"])])
        ),
    }


def _tables(rows: Sequence[JsonRow]) -> list[dict[str, Any]]:
    """Return the parts of a table: claims of one reading by variant, then each claim with its readings."""
    groups = claims(rows)
    single = [group[0] for group in groups if len(group) == 1]
    variants = dict.fromkeys(row["variant"] for row in single)
    parts = [
        {"place": variant, "rows": [_shown(row) for row in single if row["variant"] == variant]}
        for variant in variants
    ]
    return [*parts, *(_readings(group) for group in groups if len(group) > 1)]


def _readings(group: Sequence[JsonRow]) -> dict[str, Any]:
    """Return the rows of a claim with several readings, each named by its reading."""
    first = group[0]
    place = f"{first['variant']}: {first['figure']}" + (f", {first['unit']}" if first["unit"] else "")
    tried = readings(group)
    names = [row["reading"] or "the setting assumed" for row in group]
    shown = [
        {**_shown(row), "figure": name, "unit": "", "note": ""}
        for row, name in zip(group, names, strict=True)
    ]
    return {"place": f"{place}: {tried}" if tried else place, "rows": shown}


def _curve(group: Sequence[JsonRow]) -> dict[str, Any]:
    digits = max(row_places(row) for row in group)
    where = ", ".join(filter(None, (group[0]["variant"], group[0]["reading"])))
    return {
        "label": f"{fold_label(group)} ({where})",
        "verdict": fold_verdict(group),
        "tables": [{"place": where, "rows": [{**_shown(row, digits), "note": ""} for row in group]}],
    }


def _shown(row: JsonRow, decimals: int | None = None) -> dict[str, Any]:
    """Return a row with all that the page shows of it; `note` is the reading, small below the figure."""
    verdict = "measured" if row["kind"] == "measured" and row["verdict"] == "undetermined" else row["verdict"]
    look = {"shown": verdict, "class": verdict.replace(" ", "-"), "note": row["reading"] or ""}
    return {**row, "cells": cells(row, decimals), **look}


def _cost(cost: Mapping[str, Any]) -> dict[str, Any]:
    mean, low, high = (cost.get(key) for key in ("mean", "low", "high"))
    digits = 0 if mean is None else places(mean, low, high, 0.0)
    interval = "—" if low is None or high is None else f"{number(low, digits)} … {number(high, digits)}"
    return {"seeds": None, "note": "", **cost, "mean": number(mean, digits), "interval": interval}


def _embedded(name: str, folder: Path) -> str | None:
    """Return the figure as a data URL, or None if it has not been drawn."""
    path = folder / "figures" / f"{check_name(name)}.svg"
    return f"data:image/svg+xml;base64,{b64encode(path.read_bytes()).decode()}" if path.exists() else None


def _duration(seconds: float | None) -> str | None:
    """Write a duration in hours, minutes and seconds.

    >>> _duration(12.3), _duration(754.0), _duration(7300)
    ('12 s', '12 min 34 s', '2 h 1 min')
    """
    if seconds is None:
        return None
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
