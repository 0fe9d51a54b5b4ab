"""What the times say, from literals."""

import pytest
from bench.ratios import all_bars, fastest, judged, ratio


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
    """D: 938 steps move 7,850 parameters three times; the pixels are 30,000 times 784."""
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


def test_what_was_not_measured_is_neither_met_nor_not(compared):
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
