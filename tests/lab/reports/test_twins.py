import pytest

from pellucid.lab.ledger import Row
from pellucid.lab.reports import twins
from pellucid.lab.reports.twins import with_twin


def why(ours, theirs):
    torch = sum(theirs.values()) / len(theirs) if theirs else None
    row = Row("D", "as intended", None, "accuracy", "%", None, torch=torch, why="It is so.")
    return with_twin(row, ours, theirs).why


def test_the_same_seeds_are_compared():
    ours = {0: 70.0, 1: 80.0, 2: 99.0}
    assert why(ours, {1: 81.5}) == "It is so. PyTorch on seed 1: 81.5000, ours there 80.0000."
    assert why(ours, {0: 71.5, 1: 80.5}) == "It is so. PyTorch on seeds 0, 1: 76.0000, ours there 75.0000."


def test_a_seed_that_only_pytorch_has_run():
    assert why({1: 80.0}, {0: 70.0}) == "It is so. PyTorch on seed 0: 70.0000, ours there not run yet."


@pytest.mark.parametrize(
    ("installed", "note"),
    [(True, "not run yet"), (False, "not installed: pip install 'pellucid[compare]' adds it")],
)
def test_where_pytorch_has_not_run(installed, note, monkeypatch):
    monkeypatch.setattr(twins, "find_spec", lambda name: object() if installed else None)
    assert why({0: 70.0}, {}) == f"It is so. PyTorch: {note}."
