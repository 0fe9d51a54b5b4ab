"""Ratios of the measured times, floors, and the bars that pellucid sets itself; from JSON to JSON.

The ratio of two contestants is that of their medians; its spread is that of their samples, round by round.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.contestants import EAGER, OURS, ROLES

Bars = dict[str, tuple[dict[str, float], int]]
#: Bars of each ratio by workload, and whether the ratio must be at least (1) or at most (-1) the bar.
BARS: dict[str, Bars] = {
    "cpu": {
        "fastest_peer": (
            {"A": 1.15, "B": 1.4, "C": 1.4, "D": 1.7, "E": 1.4, "E10": 1.4, "F": 1.0, "G": 1.0},
            1,
        ),
        EAGER: ({"D": 4.0, "E": 4.0, "E10": 4.0}, 1),
        "floor": (dict.fromkeys(("A", "C", "E", "F", "G"), 1.35), -1),
    },
    "gpu": {"fastest_peer": ({"C": 1.0}, 1), "products": ({"C": 1.5}, -1)},
}
#: Passes over the parameters in a step: SGD reads two vectors and writes one, Adam reads 4 and writes 3.
PASSES = {"sgd": 3, "adam": 7}


def judged(entry: Mapping[str, Any], *, device: str = "cpu") -> dict[str, Any]:
    """Return a comparison with separate floors and contestants, with its ratios and its bars."""
    found = entry["contestants"]
    contestants = {name: each for name, each in found.items() if ROLES[name] != "floor"}
    floors = {name: each for name, each in found.items() if name not in contestants}
    ratios = _ratios_to_ours(contestants)
    about = {**entry, "contestants": contestants}
    if device == "gpu":
        ours = contestants.get(OURS, {})
        measured = {name: each for name, each in floors.items() if is_measured(each) and is_measured(ours)}
        ratios |= {name: ratio(ours, each) for name, each in measured.items()}
        about["unit"] = "s/run of iterations" if entry["batch_size"] is None else entry["unit"]
    else:
        floors = _with_sums(floors, entry)
        ratios |= _ratios_to_sum(contestants, floors, ratios["fastest_peer"])
    return {**about, "floors": floors, "ratios": ratios, "bars": _bars(entry["name"], ratios, BARS[device])}


def is_measured(figures: Mapping[str, Any] | None) -> bool:
    """Whether a contestant has times."""
    return figures is not None and "median" in figures


def ratio(above: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, float]:
    """Return the ratio of two medians, with the smallest and largest ratio of one round.

    Examples
    --------
    >>> ratio({"median": 3, "samples": [3, 4]}, {"median": 2, "samples": [2, 1]})
    {'value': 1.5, 'min': 1.5, 'max': 4.0}
    """
    rounds = [a / b for a, b in zip(above["samples"], below["samples"], strict=True)]
    return {"value": above["median"] / below["median"], "min": min(rounds), "max": max(rounds)}


def fastest(contestants: Mapping[str, Any]) -> str | None:
    """Return the name of the fastest peer, or None."""
    peers = {name: each for name, each in contestants.items() if ROLES[name] == "peer"}
    times = {name: each["median"] for name, each in peers.items() if is_measured(each)}
    return min(times, key=times.__getitem__, default=None)


def _ratios_to_ours(contestants: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fastest peer, and each contestant's time over ours."""
    ours = contestants.get(OURS)
    ratios: dict[str, Any] = {"fastest_peer": fastest(contestants)}
    if ours is None or not is_measured(ours):
        return ratios
    others = {name: each for name, each in contestants.items() if name != OURS and is_measured(each)}
    return ratios | {name: ratio(each, ours) for name, each in others.items()}


def _with_sums(floors: dict[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return floors with the sum of products and gathering, and the times of reading memory."""
    parts = [floors[name] for name in ("products", "gathering") if name in floors]
    sums: dict[str, Any] = {**floors, "seconds": None, "memory_seconds": None}
    if parts and all(is_measured(part) for part in parts):
        sums["seconds"] = sum(part["median"] for part in parts)
    if is_measured(floors.get("memory")):
        sums["memory_seconds"] = _memory_seconds(floors["memory"]["median"], entry)
    return sums


def _memory_seconds(reading: float, entry: Mapping[str, Any]) -> dict[str, float]:
    """Return the time to read the pixels as bytes and as floats, and to update parameters not in cache."""
    n_pixels = entry["rows"] * entry["sizes"][0]
    n_moved = entry["steps"] * PASSES[entry["rule"]] * entry["parameters"]
    return {"uint8": reading / 4, "float32": reading, "optimizer": reading * n_moved / n_pixels}


def _ratios_to_sum(
    contestants: Mapping[str, Any], floors: Mapping[str, Any], peer: str | None
) -> dict[str, Any]:
    """Return our time and the fastest peer's over the sum of products and gathering."""
    ours = contestants.get(OURS)
    if ours is None or not is_measured(ours) or not floors["seconds"]:
        return {}
    parts = [floors[name]["samples"] for name in ("products", "gathering") if name in floors]
    floor = {"median": floors["seconds"], "samples": [sum(part) for part in zip(*parts, strict=True)]}
    ratios = {"floor": ratio(ours, floor)}
    return ratios if peer is None else ratios | {"fastest_over_floor": ratio(contestants[peer], floor)}


def _bars(name: str, ratios: Mapping[str, Any], bars: Bars) -> dict[str, dict[str, Any]]:
    """Return each bar of a workload with the measured ratio and whether it is met."""
    found = {key: ratios.get(ratios["fastest_peer"] if key == "fastest_peer" else key) for key in bars}
    return {
        key: _bar(limits[name], found[key], sign) for key, (limits, sign) in bars.items() if name in limits
    }


def _bar(limit: float, found: Mapping[str, float] | None, sign: int) -> dict[str, Any]:
    """Return a bar, the measured ratio and whether it is met; None where nothing was measured."""
    value = None if found is None else found["value"]
    return {"limit": limit, "value": value, "met": None if value is None else sign * value >= sign * limit}


def all_bars(entries: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return how many bars are met, and how many were measured."""
    verdicts = [bar["met"] for entry in entries for bar in entry["bars"].values() if bar["met"] is not None]
    return sum(verdicts), len(verdicts)
