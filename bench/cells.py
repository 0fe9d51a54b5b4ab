"""Results as the words and numbers of tables and notes, the same on every screen and page."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.contestants import CONTESTANTS, EAGER
from bench.ratios import all_bars, is_measured
from bench.workloads import WORKLOADS

RUNNERS = [each for each in CONTESTANTS.values() if each.role != "floor"]
GAP = "–"


def notes(results: Mapping[str, Any]) -> list[str]:
    """Return lines on how many bars are met, on compiling, on what is missing, and on the machine."""
    entries = workloads(results)
    met, measured = all_bars(entries)
    bars = [f"{met} of {measured} bars are met."] if measured else []
    return [*bars, *readiness(entries), *gaps(results["parts"].values()), machine(results)]


def workloads(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the comparisons that results hold, in the order of the workloads."""
    return [results["parts"][name] for name in WORKLOADS if name in results["parts"]]


def time_cells(entries: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of medians: all contestants, products with gathering, reading bytes of pixels."""
    heads = ["workload", *(each.title for each in RUNNERS), "floor: products", "floor: memory"]
    return heads, [_time_row(entry) for entry in entries]


def _time_row(entry: Mapping[str, Any]) -> list[str]:
    times = [_time(entry["contestants"].get(each.name)) for each in RUNNERS]
    floors, memory = entry["floors"], entry["floors"]["memory_seconds"]
    return [
        f"{entry['name']}: {entry['title']}",
        *times,
        seconds(floors["seconds"]),
        seconds(memory and memory["uint8"]),
    ]


def ratio_cells(entries: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of ratios, each with its spread over the rounds and its bar."""
    heads = ["workload", "fastest peer", "fastest ÷ ours", "eager ÷ ours", "ours ÷ floor", "fastest ÷ floor"]
    return heads, [_ratio_row(entry) for entry in entries]


def _ratio_row(entry: Mapping[str, Any]) -> list[str]:
    ratios, bars, peer = entry["ratios"], entry["bars"], entry["ratios"]["fastest_peer"]
    title = CONTESTANTS[peer].title if peer else GAP
    found = (("fastest_peer", peer, "≥"), (EAGER, EAGER, "≥"), ("floor", "floor", "≤"))
    return [
        f"{entry['name']}: {entry['title']}",
        title,
        *(_judged(ratios.get(key), bars.get(bar), sign) for bar, key, sign in found),
        _ratio(ratios.get("fastest_over_floor")),
    ]


def _judged(found: Mapping[str, float] | None, bar: Mapping[str, Any] | None, sign: str) -> str:
    """Write a ratio with its bar, where it has one."""
    if bar is None or found is None:
        return _ratio(found)
    return f"{_ratio(found)}; {sign} {bar['limit']:g} {'met' if bar['met'] else 'not met'}"


def race_cells(race: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of the race: one contestant a row."""
    target = f"{race['target']:.0%} reached".replace("%", " %")
    heads = ["", "seconds", "÷ ours", "test accuracy", target, "peak memory"]
    found = race["contestants"]
    return heads, [_race_row(found[each.name], each.title, race) for each in RUNNERS if each.name in found]


def _race_row(figures: Mapping[str, Any], title: str, race: Mapping[str, Any]) -> list[str]:
    if not is_measured(figures):
        return [title, *[GAP] * 5]
    name = next(each.name for each in RUNNERS if each.title == title)
    low, high = min(figures["accuracy"]), max(figures["accuracy"])
    return [
        title,
        f"{figures['median']:.1f} ({figures['min']:.1f}–{figures['max']:.1f})",
        _ratio(race["ratios"].get(name)),
        f"{100 * low:.2f}–{100 * high:.2f} %",
        f"{figures['reached']} of {len(figures['accuracy'])}",
        f"{figures['peak_memory'] / 2**20:.0f} MiB",
    ]


def readiness(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return lines on the time before the first unit that was measured: imports, building, compiling."""
    lines = []
    for each in RUNNERS:
        found = [entry["contestants"].get(each.name) for entry in entries]
        waits = [_wait(figures) for figures in found if figures is not None and is_measured(figures)]
        if waits:
            lines.append(f"{each.title} {min(waits):.1f} to {max(waits):.1f} s")
    told = "Before the first measured unit (start, imports, building, compiling)"
    return [f"{told}: {', '.join(lines)}."] if lines else []


def _wait(figures: Mapping[str, Any]) -> float:
    """Return how long a contestant took to be ready: its first unit counts as far as it is the longer one."""
    first = max(0.0, figures["first_unit_seconds"] - figures["median"])
    return float(figures["start_seconds"] + figures["prepare_seconds"] + first)


def gaps(parts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line for each contestant that is missing, with its reasons and where they hold."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for part in parts:
        for name, figures in part.get("contestants", {}).items():
            if "missing" in figures:
                key = CONTESTANTS[name].title, figures["missing"]
                reasons.setdefault(key, []).append(part["name"])
    return [f"{title} is missing in {', '.join(names)}: {why}." for (title, why), names in reasons.items()]


def machine(results: Mapping[str, Any]) -> str:
    """Say what was measured on, and with which versions; parts of several runs may differ in these."""
    about = results["machine"]
    runs = dict.fromkeys(_versions(part["environment"]) for part in results["parts"].values())
    hardware = f"{about['cpu']}, {about['cores']} cores, {about['system']}"
    return f"{'; '.join([hardware, *runs])}."


def _versions(about: Mapping[str, Any]) -> str:
    packages = [f"{name} {about[name]}" for name in ("torch", "jax", "scikit-learn") if about[name]]
    return ", ".join([f"Python {about['python']}, NumPy {about['numpy']} ({about['blas']})", *packages])


def seconds(value: float | None) -> str:
    """Write a time in three digits.

    Examples
    --------
    >>> seconds(0.01234), seconds(12.34), seconds(None)
    ('0.0123', '12.3', '–')
    """
    return GAP if value is None else f"{value:.3g}"


def _time(figures: Mapping[str, Any] | None) -> str:
    return seconds(figures["median"]) if figures is not None and is_measured(figures) else GAP


def _ratio(found: Mapping[str, float] | None) -> str:
    return GAP if found is None else f"{found['value']:.2f} ({found['min']:.2f}–{found['max']:.2f})"
