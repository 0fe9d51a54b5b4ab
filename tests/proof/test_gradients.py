"""Gradients of some hundred random networks; `make proof` checks thousands."""

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proof.gradients import ACTIVATIONS, INITIALIZERS, LOSSES, checks_of, draw_case, prove

import pellucid as pl
from proof import gradients

N = 600


@pytest.fixture
def drawn(monkeypatch):
    """Return the list of cases that a proof draws; each passes without a check."""
    cases = []

    def note(case):
        cases.append(case)
        limit = 1e-5 if {pl.ReLU, pl.LeakyReLU} & set(case.activations) else 1e-7
        return [pl.GradientCheck("all", 1.0, 1.0, 0.0, limit)]

    monkeypatch.setattr(gradients, "checks_of", note)
    return cases


def test_random_networks():
    done = []
    smooth, kinked = prove(N, done.append)
    assert sum(done) == N
    assert smooth.holds, smooth
    assert kinked.holds, kinked
    assert (smooth.limit, kinked.limit) == ("1e-07", "1e-05")


@st.composite
def cases(draw):
    """Draw a case with hypothesis, which tries the ends of ranges and shrinks failures."""
    return draw_case(lambda low, high: draw(st.integers(low, high)))


@given(cases())
@settings(max_examples=300, derandomize=True, deadline=None)
def test_networks_at_the_ends_of_the_ranges(case):
    assert [check for check in checks_of(case) if not check.passed] == []


def test_everything_in_the_library_is_drawn(drawn):
    prove(N, lambda k: None)
    assert len(drawn) == N
    assert {pl.Identity, pl.LeakyReLU, pl.ReLU, pl.Sigmoid, pl.Softmax, pl.Tanh} <= set(ACTIVATIONS)
    for name, choices in {
        "loss": LOSSES,
        "initializer": INITIALIZERS,
        "label_smoothing": (0.0, 0.1, 0.5),
        "drop_prob": (0.0, 0.2, 0.5),
        "pixels": (False, True),
        "targets": (False, True),
    }.items():
        count = collections.Counter(getattr(case, name) for case in drawn)
        assert min(count[choice] for choice in choices) >= 5, name
    behind = collections.Counter(each for case in drawn for each in case.activations)
    assert min(behind[each] for each in (None, *ACTIVATIONS)) >= 30
    pairs = {(case.loss, each) for case in drawn for each in case.activations}
    assert pairs >= {(loss, each) for loss in LOSSES for each in ACTIVATIONS}
    assert {len(case.activations) for case in drawn} == set(range(1, 7))
    assert {1, 40} <= {width for case in drawn for width in case.widths} <= set(range(1, 41))
    assert len({case.n_rows for case in drawn}) > 20


def test_the_same_number_gives_the_same_networks(drawn):
    prove(20, lambda k: None)
    first = drawn.copy()
    drawn.clear()
    prove(20, lambda k: None)
    assert drawn == first


def test_one_network_is_of_one_kind():
    (finding,) = prove(1, lambda k: None)
    assert finding.holds
    assert " directions (" in finding.measured


def test_a_wrong_gradient_is_reported_with_its_network(monkeypatch):
    right = pl.Tanh.backward
    monkeypatch.setattr(pl.Tanh, "backward", lambda self, dy: right(self, dy) * 1.00001)
    smooth, _ = prove(60, lambda k: None)
    assert not smooth.holds
    where, case = smooth.measured.split(" of NetworkCase(widths=")
    assert where.split()[-1] == "all" or where[-2:] in (".W", ".b")
    assert "Tanh" in case


def test_batches_have_no_row_to_spare():
    """Masks have a row, and labels an entry, for each row of the batch."""
    case = gradients.NetworkCase(
        (3, 4, 2), (pl.ReLU, None), pl.MeanSquaredError, 0.1, pl.he_normal, 0.5, 7, True, False, 0
    )
    rng = np.random.default_rng(0)
    net, (x, y) = gradients.network(case, rng), gradients.batch(case, rng)
    assert (x.shape, x.dtype, y.shape) == ((7, 3), np.uint8, (7,))
    assert [repr(layer) for layer in net.layers[:1]] == [repr(pl.Rescale(1 / 255))]
    assert net.layers[3].mask.shape == (7, 4)
