"""Trainings give what they gave when tests/recorded/trainings.json was written."""

import json

import pytest
from tests.recorded import make_trainings as recorded


def test_trainings_give_the_recorded_weights():
    pytest.importorskip("numba")
    then = json.loads(recorded.PLACE.read_text(encoding="utf-8"))
    found = {name: recorded.outcome(nets) for name, nets in recorded.trainings()}
    assert found.keys() == then["trainings"].keys()
    if recorded.computed_by() == then["computed by"]:
        assert found == then["trainings"]
    for name, (_, squares) in found.items():
        assert squares == pytest.approx(then["trainings"][name][1], rel=1e-4), name
