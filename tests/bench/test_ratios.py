"""Ratios, floors and bars from made-up times."""

from functools import partial

import pytest
from bench.ratios import all_bars, fastest, is_measured, judged, ratio
from bench.rounds import spread
from tests.bench.conftest import figures


def test_ratios_are_those_of_medians_with_the_spread_of_the_rounds(compared):
    ratios = judged(compared)["ratios"]
    assert ratios["fastest_peer"] == "jax"
    assert ratios["jax"] == {"value": 1.5, "min": 0.75, "max": 2.0}
    assert ratios["pytorch"] == {"value": 4.5, "min": 2.5, "max": 4.5}
    assert ratios["published"]["value"] == 1.25
    assert "scikit-learn" not in ratios


def test_the_floor_is_products_and_gathering(compared):
    entry = judged(compared)
    assert list(entry["contestants"]) == ["pellucid", "pytorch", "jax", "scikit-learn", "published"]
    assert entry["floors"]["seconds"] == 1.5
    assert entry["ratios"]["floor"]["value"] == pytest.approx(2 / 1.5)
    assert entry["ratios"]["floor"]["max"] == pytest.approx(4 / 2.5)


def test_memory_is_a_quarter_for_bytes_and_counts_the_state_once_a_step(compared):
    """In D, 938 steps move 7,850 parameters three times; there are 30,000 × 784 pixels."""
    memory = judged(compared)["floors"]["memory_seconds"]
    assert memory["float32"] == 0.1
    assert memory["uint8"] == 0.025
    assert memory["optimizer"] == pytest.approx(0.1 * 938 * 3 * 7850 / (30_000 * 784))


def test_bars_are_met_or_not(compared):
    bars = judged(compared)["bars"]
    assert bars == {
        "fastest_peer": {"limit": 1.7, "value": 1.5, "met": False},
        "pytorch": {"limit": 4.0, "value": 4.5, "met": True},
    }
    floor = judged({**compared, "name": "E"})["bars"]["floor"]
    assert floor == {"limit": 1.35, "value": pytest.approx(4 / 3), "met": True}
    assert all_bars([judged(compared)]) == (1, 2)


def test_a_bar_that_is_exactly_reached_is_met(compared):
    compared["contestants"]["jax"] = {"median": 3.4, "samples": [3.4] * 3}
    assert judged(compared)["bars"]["fastest_peer"]["met"] is True


def test_a_bar_without_measurement_is_neither_met_nor_missed(compared):
    for name in ("pytorch", "jax", "products"):
        compared["contestants"][name] = {"missing": "not there"}
    entry = judged(compared)
    assert entry["ratios"]["fastest_peer"] is None
    assert entry["floors"]["seconds"] is None
    assert {bar["met"] for bar in entry["bars"].values()} == {None}
    assert all_bars([entry]) == (0, 0)


def test_without_ours_there_is_no_ratio(compared):
    compared["contestants"]["pellucid"] = {"missing": "broken"}
    assert judged(compared)["ratios"] == {"fastest_peer": "jax"}


def test_the_published_code_is_no_peer():
    found = {"published": {"median": 1.0}, "jax": {"median": 2.0}, "pytorch": {"missing": "?"}}
    assert fastest(found) == "jax"


def test_a_ratio_needs_the_same_rounds():
    with pytest.raises(ValueError, match="zip"):
        ratio({"median": 1, "samples": [1]}, {"median": 1, "samples": [1, 2]})


gpu_judged = partial(judged, device="gpu")


def entry(name="C", **found):
    whole = None if name == "C" else 128
    return {"name": name, "batch_size": whole, "unit": "s/epoch", "contestants": found}


def test_ratios_and_bars_on_a_gpu():
    part = gpu_judged(
        entry(
            pellucid=figures(2.0, 2.0, 4.0), pytorch=figures(9.0, 8.0, 10.0), jax=figures(3.0, 4.0, 3.0),
            products=figures(1.0, 1.0, 2.0), memory=figures(0.5, 0.5, 0.5),
        )
    )  # fmt: skip
    assert part["ratios"]["fastest_peer"] == "jax"
    assert part["ratios"]["jax"] == {"value": 1.5, "min": 0.75, "max": 2.0}
    assert part["ratios"]["products"]["value"] == 2.0
    assert part["ratios"]["memory"]["value"] == 4.0
    assert part["bars"]["fastest_peer"] == {"limit": 1.0, "value": 1.5, "met": True}
    assert part["bars"]["products"] == {"limit": 1.5, "value": 2.0, "met": False}
    assert set(part["contestants"]) == {"pellucid", "pytorch", "jax"}


def test_on_a_gpu_only_full_batch_has_bars_and_gaps_have_no_ratios():
    part = gpu_judged(
        entry("F", pellucid=figures(1.0), pytorch={"missing": "no torch"}, products=figures(1.0))
    )
    assert part["bars"] == {}
    assert part["ratios"] == {"fastest_peer": None, "products": {"value": 1.0, "min": 1.0, "max": 1.0}}
    part = gpu_judged(entry("C", pellucid={"missing": "no cupy"}, jax=figures(1.0)))
    assert part["ratios"] == {"fastest_peer": "jax"}
    assert part["bars"]["fastest_peer"] == {"limit": 1.0, "value": None, "met": None}


def test_figures_and_their_spread():
    assert not is_measured({"missing": "torch is not installed"})
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0}
