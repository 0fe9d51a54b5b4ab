"""How options are declared and checked."""

from dataclasses import dataclass
from math import inf, nan
from pathlib import Path

import pytest

from pellucid.app.options import NOT_NEGATIVE, POSITIVE, REQUIRED, SHARE, Options, declarations, option


@dataclass(frozen=True)
class Walk(Options):
    route: str = option(REQUIRED, "The route.", choices=("coast", "hills"))
    miles: tuple[int, ...] = option((3,), "Length of each day.", least=1)
    load: float | None = option(None, "Load in kg.", range=NOT_NEGATIVE)
    share: float = option(0.5, "Share of road.", range=SHARE)
    note: Path | None = option(None, "Where notes go.")


def test_values_within_their_limits():
    walk = Walk("hills", (1, 30), 0.0, 0.0, Path("a"))
    assert (walk.miles, walk.load) == ((1, 30), 0.0)
    assert declarations(Walk)["miles"].help == declarations(walk)["miles"].help == "Length of each day."


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"route": "hill"}, "--route must be one of coast, hills, got 'hill': did you mean hills?"),
        ({"miles": (2, 0)}, "--miles must be at least 1, got 0"),
        ({"load": -0.5}, "--load must be >= 0 and finite, got -0.5"),
        ({"share": 1.0}, "--share must be >= 0 and < 1, got 1.0"),
    ],
)
def test_a_value_outside_its_limits(values, message):
    with pytest.raises(ValueError) as caught:
        Walk(**{"route": "coast", **values})
    assert str(caught.value) == message


def test_a_required_option_has_no_default():
    with pytest.raises(TypeError, match="route"):
        Walk()


def test_ranges():
    assert [number in SHARE for number in (0, 0.5, 1, -1, nan)] == [True, True, False, False, False]
    assert [number in POSITIVE for number in (0, 1e-9, inf, nan)] == [False, True, False, False]
    assert [declarations(Walk)[name].limits() for name in ("route", "miles", "load", "share")] == [
        *("", "at least 1", ">= 0", ">= 0 and < 1")
    ]
