"""Learning curves in the result of a run.

``result["curves"]["train loss"]`` is ``{"x": [...], "y": [...]}``: each curve has its own points, accuracies
are in per cent. If all curves of a report have one point per epoch, ``result["epochs"]["train loss"]`` is a
list instead.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

Part = Literal["train", "validation", "test"]
#: The points of each curve, by its name.
Curves: TypeAlias = dict[str, dict[str, list[float]]]
#: The names of the curves in a result.
CURVES = ("train loss", "train accuracy", "validation loss", "validation accuracy")
PARTS: tuple[Part, ...] = ("train", "validation")


def add_point(curves: Curves, name: str, x: float, y: float) -> None:
    """Append a point to a curve, which is created with its first point."""
    points = curves.setdefault(name, {"x": [], "y": []})
    points["x"].append(x)
    points["y"].append(y)


def last(result: Mapping[str, Any], name: str) -> float:
    """Return the last value of a curve."""
    return float(result["curves"][name]["y"][-1])


def value_at(result: Mapping[str, Any], name: str, x: float) -> float:
    """Return the value of a curve at one of its points; raise ValueError if it has no point there."""
    points = result["curves"][name]
    return float(points["y"][points["x"].index(x)])


def curve(result: Mapping[str, Any], part: Part, quantity: str, kind: str = "epochs") -> list[float]:
    """Return one curve of a run; the error is 100 minus the accuracy."""
    if quantity == "error":
        return [100 - value for value in result[kind][f"{part} accuracy"]]
    return list(result[kind][f"{part} {quantity}"])
