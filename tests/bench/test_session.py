"""What a run measures, in its order."""

import pytest
from bench.contestants import choose
from bench.effort import Effort
from bench.session import Session, chosen_names

from bench import session as sessions

ALL = ("A", "B", "C", "D", "E", "E10", "F", "G", "T98")


@pytest.mark.parametrize(
    ("asked", "settings", "names"),
    [
        (None, {}, ALL),
        ([" e10", "a"], {}, ("A", "E10")),
        (None, {"quick": True}, ("A", "F", "T98")),
        (["g"], {"quick": True}, ("G",)),
        (None, {"scaling": True}, ()),
        (["D"], {"scaling": True}, ("D",)),
    ],
)
def test_chosen_names(asked, settings, names):
    assert chosen_names(asked, **{"quick": False, "scaling": False, **settings}) == names


def test_an_unknown_workload():
    with pytest.raises(ValueError, match=r"--workload must be one of A, B, .*, T98, got 'H'"):
        chosen_names(["h"], quick=False, scaling=False)


def test_parts_come_in_their_order(monkeypatch, compared):
    monkeypatch.setattr(
        sessions, "compare", lambda work, contestants, effort, tell: {**compared, "name": work.name}
    )
    monkeypatch.setattr(sessions, "race", lambda contestants, effort, tell: {"name": "T98"})
    monkeypatch.setattr(sessions, "measure_scaling", lambda effort, tell: {"axes": {}})
    session = Session(("C", "D", "T98"), tuple(choose(None)), Effort(), scaling=True)
    found = dict(session.measure(lambda step, share: None))
    assert list(found) == ["C", "D", "race", "scaling"]
    assert found["C"]["bars"]["floor"]["limit"] == 1.35
    assert "floor" not in found["D"]["bars"]


def test_the_estimate_grows_with_what_is_measured(monkeypatch):
    monkeypatch.setattr("bench.effort.cores", lambda: [0, 1])
    contestants = tuple(choose(None))
    small, large = (Session(names, contestants, Effort()) for names in (("A",), ALL))
    assert 0 < small.seconds < large.seconds < 15 * 60
    assert Session((), contestants, Effort(), scaling=True).seconds > 60
