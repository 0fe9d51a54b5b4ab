"""Each kind of slip is planted once in a random network; `make proof` plants thousands."""

import numpy as np
import pytest
from proof.gradient_slips import SLIPS
from proof.mutations import planted, prove

import pellucid as pl
from proof import mutations


def test_each_slip_is_found_and_named():
    done = []
    findings = prove(len(SLIPS), done.append)
    assert sum(done) == len(SLIPS)
    assert [finding.holds for finding in findings] == [True] * 3, findings
    assert findings[0].measured == f"{len(SLIPS)} of {len(SLIPS)} slips of {len(SLIPS)} kinds"
    assert "12 layers and losses" in findings[0].claim
    assert "among 3 at most" in findings[1].claim


def test_a_slip_without_effect_is_reported(monkeypatch):
    """A slip that changes nothing cannot be found, and the finding names it."""
    harmless = mutations.GradientSlip(pl.Tanh, "nothing at all", lambda right, layer, dy: right(layer, dy))
    monkeypatch.setattr(mutations, "SLIPS", (harmless, *SLIPS[:2]))
    found, named, clean = prove(3, lambda k: None)
    assert (found.holds, named.holds, clean.holds) == (False, False, True)
    assert found.measured == "2 of 3 slips of 3 kinds, not Tanh: nothing at all"


def test_an_error_of_the_library_itself_is_reported(monkeypatch):
    right = pl.Tanh.backward
    monkeypatch.setattr(pl.Tanh, "backward", lambda self, dy: -right(self, dy))
    *_, clean = prove(2, lambda k: None)
    assert not clean.holds


@pytest.mark.parametrize("cls", [pl.Tanh, pl.MeanSquaredError])
def test_classes_are_restored(cls):
    """An inherited method is inherited again."""
    before = dict(vars(cls))
    slip = next(slip for slip in SLIPS if slip.cls is cls)
    with pytest.raises(KeyError), planted(slip, None):
        assert vars(cls)[slip.method] is not before.get(slip.method)
        raise KeyError
    assert dict(vars(cls)) == before


def test_a_slip_acts_on_its_place_alone(rng):
    layers = [pl.Dense(3), pl.Tanh(), pl.Tanh()]
    net = pl.Network(layers).build(2, rng=rng, dtype=np.float64)
    slip = next(slip for slip in SLIPS if slip.cls is pl.Tanh and slip.what == "the wrong sign")
    gradients = []
    for place in (None, layers[1], layers[2], pl.Tanh()):
        with planted(slip, place):
            net.forward(np.ones((4, 2)))
            net.backward(np.ones((4, 3)))
        gradients.append(net.grad.copy())
    for gradient, sign in zip(gradients[1:], (-1, -1, 1), strict=True):
        np.testing.assert_array_equal(gradient, sign * gradients[0])
