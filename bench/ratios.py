"""What the measured times say: floors, ratios, and the bars that the library sets itself; from JSON to JSON.

A ratio of two contestants is that of their medians; its spread is that of their samples round by round.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.contestants import CONTESTANTS, EAGER, OURS

#: Ours against the fastest peer, against PyTorch eager, and our time over the floor's.
OVER_FASTEST = {"A": 1.15, "B": 1.4, "C": 1.4, "D": 1.7, "E": 1.4, "E10": 1.4, "F": 1.0, "G": 1.0}
OVER_EAGER = {"D": 4.0, "E": 4.0, "E10": 4.0}
FLOOR_TIMES = dict.fromkeys(("A", "C", "E", "F", "G"), 1.35)
#: How often a step moves each parameter's four bytes: SGD reads two vectors and writes one, Adam 4 and 3.
PASSES = {"sgd": 3, "adam": 7}


def judged(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a comparison with its floors apart from the contestants, its ratios and its bars."""
    found = entry["contestants"]
    contestants = {name: found[name] for name in found if CONTESTANTS[name].role != "floor"}
    floors = _floors({name: found[name] for name in found if name not in contestants}, entry)
    ratios = _ratios(contestants, floors)
    about = {**entry, "contestants": contestants, "floors": floors, "ratios": ratios}
    return {**about, "bars": _bars(entry["name"], ratios)}


def is_measured(figures: Mapping[str, Any] | None) -> bool:
    """Whether a contestant has taken part.

    Examples
    --------
    >>> is_measured({"missing": "torch is not installed"})
    False
    """
    return figures is not None and "median" in figures


def ratio(above: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, float]:
    """Return the ratio of two medians, with the least and the greatest of one round.

    Examples
    --------
    >>> ratio({"median": 3, "samples": [3, 4]}, {"median": 2, "samples": [2, 1]})
    {'value': 1.5, 'min': 1.5, 'max': 4.0}
    """
    rounds = [a / b for a, b in zip(above["samples"], below["samples"], strict=True)]
    return {"value": above["median"] / below["median"], "min": min(rounds), "max": max(rounds)}


def fastest(contestants: Mapping[str, Any]) -> str | None:
    """Return the name of the fastest peer, None where there is none."""
    peers = {name: each for name, each in contestants.items() if CONTESTANTS[name].role == "peer"}
    times = {name: each["median"] for name, each in peers.items() if is_measured(each)}
    return min(times, key=times.__getitem__, default=None)


def _floors(found: dict[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Add up products and gathering; say how long reading the pixels and the optimizer's state takes."""
    parts = [found[name] for name in ("products", "gathering") if name in found]
    floors: dict[str, Any] = {**found, "seconds": None, "memory_seconds": None}
    if parts and all(is_measured(part) for part in parts):
        floors["seconds"] = sum(part["median"] for part in parts)
    if is_measured(found.get("memory")):
        floors["memory_seconds"] = _memory_seconds(found["memory"]["median"], entry)
    return floors


def _memory_seconds(reading: float, entry: Mapping[str, Any]) -> dict[str, float]:
    """Return the time for the pixels as bytes and as floats, and for a state that no cache holds."""
    n_pixels = entry["rows"] * entry["sizes"][0]
    n_moved = entry["steps"] * PASSES[entry["rule"]] * entry["parameters"]
    return {"uint8": reading / 4, "float32": reading, "optimizer": reading * n_moved / n_pixels}


def _ratios(contestants: Mapping[str, Any], floors: Mapping[str, Any]) -> dict[str, Any]:
    ours, peer = contestants.get(OURS), fastest(contestants)
    ratios: dict[str, Any] = {"fastest_peer": peer}
    if ours is None or not is_measured(ours):
        return ratios
    for name, each in contestants.items():
        if name != OURS and is_measured(each):
            ratios[name] = ratio(each, ours)
    if floors["seconds"]:
        parts = [floors[name]["samples"] for name in ("products", "gathering") if name in floors]
        floor = {"median": floors["seconds"], "samples": [sum(part) for part in zip(*parts, strict=True)]}
        ratios["floor"] = ratio(ours, floor)
        if peer is not None:
            ratios["fastest_over_floor"] = ratio(contestants[peer], floor)
    return ratios


def _bars(name: str, ratios: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return each bar of a workload with what was found; the floor is the one to stay below."""
    found = {
        "fastest_peer": (OVER_FASTEST, ratios.get(ratios["fastest_peer"]), 1),
        EAGER: (OVER_EAGER, ratios.get(EAGER), 1),
        "floor": (FLOOR_TIMES, ratios.get("floor"), -1),
    }
    return {key: bar_of(bar[name], value, sign) for key, (bar, value, sign) in found.items() if name in bar}


def bar_of(limit: float, found: Mapping[str, float] | None, sign: int) -> dict[str, Any]:
    """Return a limit, what was found, and whether it is met: None where it was not measured."""
    value = None if found is None else found["value"]
    return {"limit": limit, "value": value, "met": None if value is None else sign * value >= sign * limit}


def all_bars(entries: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return how many bars are met, and how many were measured.

    Examples
    --------
    >>> all_bars([{"bars": {"floor": {"met": True}}}, {"bars": {"pytorch": {"met": False}}}, {"bars": {}}])
    (1, 2)
    """
    verdicts = [bar["met"] for entry in entries for bar in entry["bars"].values() if bar["met"] is not None]
    return sum(verdicts), len(verdicts)
