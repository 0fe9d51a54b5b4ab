"""Results of a GPU as tables: `markdown` for the documentation, `terminal` for the screen."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from bench.cells import GAP, seconds
from bench.contestants import OURS
from bench.effort import QUICK_NOTICE
from bench.gpu import TITLES
from bench.ratios import is_measured
from bench.table import markdown_table, terminal_table

if TYPE_CHECKING:
    from rich.table import Table

Cells: TypeAlias = tuple[str, list[str], list[list[str]]]
#: Of the losses on the way, every so many are shown.
SHOWN = 10


def markdown(results: Mapping[str, Any]) -> str:
    """Return the results as Markdown: times, ratios with their bars, losses and accuracies, and notes."""
    blocks = [QUICK_NOTICE] if results["quick"] else []
    blocks += [f"{title}:\n\n{markdown_table(heads, rows)}" for title, heads, rows in tables(results)]
    return "\n\n".join([*blocks, "\n".join(f"- {line}" for line in notes(results))])


def terminal(results: Mapping[str, Any]) -> "list[Table]":
    """Return the tables for the screen."""
    return [terminal_table(*cells) for cells in tables(results)]


def tables(results: Mapping[str, Any]) -> Iterator[Cells]:
    """Yield title, heads and rows of each table."""
    parts = results["parts"]
    heads = ["", *TITLES.values()]
    yield "Seconds of a run (C) or an epoch, medians", heads, [_times(*part) for part in parts.items()]
    heads = ["", "fastest peer", "fastest peer ÷ ours", "ours ÷ products", "ours ÷ their bytes"]
    yield "Ratios, and the bars set for them", heads, [_ratios(*part) for part in parts.items()]
    traced = {name: part for name, part in parts.items() if _traces(part)}
    if traced:
        heads = ["", "contestant", "losses on the way", "test accuracy"]
        rows = [[name, *row] for name, part in traced.items() for row in _traces(part)]
        yield "What the first run of C has learnt", heads, rows


def notes(results: Mapping[str, Any]) -> list[str]:
    """Return lines on what is missing, and on the machine."""
    missing = {
        f"{TITLES[name]} is missing in {part}: {found['missing']}."
        for part, entry in results["parts"].items()
        for name, found in {**entry["contestants"], **entry["floors"]}.items()
        if "missing" in found
    }
    about = results["machine"]
    return [*sorted(missing), "; ".join(f"{name} {value}" for name, value in about.items())]


def _times(name: str, part: Mapping[str, Any]) -> list[str]:
    found = {**part["contestants"], **part["floors"]}
    return [f"{name}: {part['title']}", *(_time(found.get(each)) for each in TITLES)]


def _time(figures: Mapping[str, Any] | None) -> str:
    return seconds(figures["median"]) if figures is not None and is_measured(figures) else GAP


def _ratios(name: str, part: Mapping[str, Any]) -> list[str]:
    ratios, bars, peer = part["ratios"], part["bars"], part["ratios"]["fastest_peer"]
    return [
        name,
        TITLES[peer] if peer else GAP,
        _judged(ratios.get(peer), bars.get("fastest_peer"), "≥"),
        _judged(ratios.get("products"), bars.get("products"), "≤"),
        _judged(ratios.get("memory"), None, ""),
    ]


def _judged(found: Mapping[str, float] | None, bar: Mapping[str, Any] | None, sign: str) -> str:
    if found is None:
        return GAP
    text = f"{found['value']:.2f} ({found['min']:.2f} to {found['max']:.2f})"
    return f"{text}; {sign} {bar['limit']:g} {'met' if bar['met'] else 'not met'}" if bar else text


def _traces(part: Mapping[str, Any]) -> list[list[str]]:
    """Return contestant, losses and accuracy of each that has noted them, ours first."""
    found = {name: each for name, each in part["contestants"].items() if "trace" in each}
    order = sorted(found, key=lambda name: (name != OURS, list(TITLES).index(name)))
    return [[TITLES[name], _losses(found[name]), f"{found[name]['test_accuracy']:.2%}"] for name in order]


def _losses(figures: Mapping[str, Any]) -> str:
    trace = figures["trace"]
    return " ".join(f"{loss:.4f}" for loss in (trace[0], *trace[SHOWN - 1 :: SHOWN]))
