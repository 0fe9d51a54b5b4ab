"""Initializers: limits and variances of the published formulas."""

import inspect

import numpy as np
import pytest

import pellucid as pl

N_IN, N_OUT = 300, 500

#: The limit of each uniform law and the standard deviation of each normal one, worked out for 300 → 500.
LIMITS = {"lecun_uniform": 0.1, "glorot_uniform": 0.08660254037844387, "he_uniform": 0.1414213562373095}
STDS = {"lecun_normal": 0.05773502691896258, "glorot_normal": 0.05, "he_normal": 0.08164965809277261}
ALIASES = {"xavier": "glorot", "kaiming": "he"}


def drawn(init, seed=0):
    return init(np.random.default_rng(seed), (N_IN, N_OUT), N_IN, N_OUT)


@pytest.mark.parametrize("name", LIMITS)
def test_uniform_laws(name):
    """Fill [-a, a] evenly: each of ten bins within five standard errors of its share, both ends reached."""
    W, limit = drawn(getattr(pl, name)), LIMITS[name]
    assert np.abs(W).max() <= limit
    assert W.max() > 0.9999 * limit
    assert W.min() < -0.9999 * limit
    counts = np.histogram(W, bins=10, range=(-limit, limit))[0]
    assert np.abs(counts - W.size / 10).max() <= 5 * np.sqrt(W.size * 0.1 * 0.9)
    assert W.var() == pytest.approx(limit**2 / 3, rel=0.01)


@pytest.mark.parametrize("name", STDS)
def test_normal_laws(name):
    """Mean, spread, kurtosis and tails of N(0, std²)."""
    W, std = drawn(getattr(pl, name)), STDS[name]
    assert abs(W.mean()) <= 5 * std / np.sqrt(W.size)
    assert W.std() == pytest.approx(std, rel=0.01)
    assert (W**4).mean() / std**4 == pytest.approx(3, rel=0.03)
    assert (np.abs(W) > std).mean() == pytest.approx(0.3173, rel=0.01)
    assert np.abs(W).max() > 4 * std  # not cut off


@pytest.mark.parametrize("name", [*LIMITS, *STDS])
def test_pytorch_has_the_same_limits(name):
    """LeCun's law is He's with the gain of a linear layer."""
    torch = pytest.importorskip("torch")
    law, kind = name.split("_")
    theirs = torch.empty(N_OUT, N_IN, dtype=torch.float64)
    if law == "glorot":
        getattr(torch.nn.init, f"xavier_{kind}_")(theirs)
    else:
        gain = {"he": "relu", "lecun": "linear"}[law]
        getattr(torch.nn.init, f"kaiming_{kind}_")(theirs, nonlinearity=gain)
    assert drawn(getattr(pl, name)).std() == pytest.approx(theirs.std().item(), rel=0.02)


@pytest.mark.parametrize("kind", ["uniform", "normal"])
@pytest.mark.parametrize("alias", ALIASES)
def test_aliases(alias, kind):
    assert getattr(pl, f"{alias}_{kind}") is getattr(pl, f"{ALIASES[alias]}_{kind}")


@pytest.mark.parametrize("init", [pl.uniform(-0.2, 0.6), pl.normal(0.3), pl.zeros])
def test_fixed_spreads(init):
    W = drawn(init)
    expected = {"uniform": (0.2, 0.8 / np.sqrt(12)), "normal": (0, 0.3), "zeros": (0, 0)}
    mean, std = expected[getattr(init, "__name__", None) or type(init).__name__]
    assert W.mean() == pytest.approx(mean, abs=0.005)
    assert W.std() == pytest.approx(std, rel=0.01)
    if isinstance(init, pl.uniform):
        assert -0.2 <= W.min() < -0.1999 < 0.5999 < W.max() < 0.6


@pytest.mark.parametrize("name", [*LIMITS, *STDS, "zeros"])
def test_protocol(name):
    """f(rng, shape, n_in, n_out) -> float64; the same generator gives the same numbers."""
    init = getattr(pl, name)
    assert list(inspect.signature(init).parameters) == ["rng", "shape", "n_in", "n_out"]
    assert drawn(init).dtype == np.float64
    np.testing.assert_array_equal(drawn(init, 5), drawn(init, 5))
    assert name == "zeros" or (drawn(init, 5) != drawn(init, 6)).all()
    assert init(np.random.default_rng(0), (7,), 3, 7).shape == (7,)


def test_zeros_draw_nothing(rng):
    state = rng.bit_generator.state
    assert not pl.zeros(rng, (3, 4), 3, 4).any()
    assert rng.bit_generator.state == state


@pytest.mark.parametrize("low_high", [(1, 1), (2, 1), (-np.inf, 0), (0, np.nan)])
def test_uniform_is_checked(low_high):
    with pytest.raises(ValueError, match="uniform needs finite low < high, got low="):
        pl.uniform(*low_high)


@pytest.mark.parametrize("std", [0, -1, np.inf, np.nan])
def test_normal_is_checked(std):
    with pytest.raises(
        ValueError, match=r"std must be finite and > 0, got .*; for zeros use pellucid\.zeros"
    ):
        pl.normal(std)
