import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import split

FRACTIONS = st.lists(st.floats(0.02, 1), min_size=1, max_size=4).map(
    lambda parts: tuple(part / max(1, sum(parts)) for part in parts)
)
LABELS = st.lists(st.integers(-2, 6), min_size=1, max_size=120).map(np.array)


def rng(seed=0):
    return np.random.default_rng(seed)


@st.composite
def labels_and_counts(draw):
    labels = draw(LABELS)
    sizes, left = [], len(labels)
    for _ in range(draw(st.integers(1, 4))):
        if left:
            sizes.append(draw(st.integers(1, left)))
            left -= sizes[-1]
    return labels, tuple(sizes)


@given(labels_and_counts(), st.integers(0, 99), st.booleans())
def test_counts_are_met_and_parts_are_disjoint(case, seed, stratify):
    labels, sizes = case
    parts = split(labels, sizes, rng=rng(seed), stratify=stratify)
    assert tuple(map(len, parts)) == sizes
    rows = np.concatenate(parts)
    assert len(np.unique(rows)) == len(rows)
    assert rows.min() >= 0
    assert rows.max() < len(labels)
    for part in parts:
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()


@given(labels_and_counts(), st.integers(0, 99))
def test_stratified_shares_are_within_one_row(case, seed):
    labels, sizes = case
    parts = split(labels, sizes, rng=rng(seed), stratify=True)
    for part, size in zip(parts, sizes, strict=True):
        for label in np.unique(labels):
            share = (labels == label).sum() * size / len(labels)
            assert abs((labels[part] == label).sum() - share) < 1


@given(st.integers(100, 5000), FRACTIONS, st.integers(0, 99))
def test_fractions_are_within_one_row(n, fractions, seed):
    parts = split(n, fractions, rng=rng(seed))
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) - fraction * n) < 1 + 1e-6
    if sum(fractions) > 1 - 1e-12:
        assert sum(map(len, parts)) == n


@pytest.mark.parametrize("stratify", [False, True])
def test_same_seed_same_parts(stratify):
    labels = np.arange(90) % 7
    first, again, other = (split(labels, (0.5, 0.3), rng=rng(s), stratify=stratify) for s in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


def test_every_row_is_equally_likely():
    hits = sum(np.bincount(split(10, (3,), rng=rng(seed))[0], minlength=10) for seed in range(2000))
    assert abs(hits - 600).max() < 5 * np.sqrt(2000 * 0.3 * 0.7)


def test_labels_may_be_text():
    labels = np.array(["cat"] * 6 + ["dog"] * 3)
    (part,) = split(labels, (3,), rng=rng(), stratify=True)
    assert sorted(labels[part]) == ["cat", "cat", "dog"]


def test_mnist_like_example():
    labels = np.repeat(np.arange(10), 60)
    train, validation, test = split(labels, (0.8, 0.1, 0.1), rng=rng(), stratify=True)
    assert (len(train), len(validation), len(test)) == (480, 60, 60)
    assert np.bincount(labels[test]).tolist() == [6] * 10


@pytest.mark.parametrize(
    ("rows", "sizes", "options", "message"),
    [
        (10, (8, 3), {}, r"sizes \[8, 3\] add up to 11 rows, but there are only 10"),
        (10, (0.8, 0.3), {}, r"fractions \[0\.8, 0\.3\] add up to 1\.1, the limit is 1"),
        (10, (8, 0.1), {}, r"sizes must be all counts \(int\) or all fractions \(float\), got \[8, 0\.1\]"),
        (10, (), {}, "sizes must be all counts"),
        (10, (5, 0), {}, r"sizes\[1\] must be positive, got 0"),
        (10, (-0.5,), {}, r"sizes\[0\] must be positive, got -0\.5"),
        (10, (float("nan"),), {}, r"sizes\[0\] must be positive, got nan"),
        (10, (0.9, 0.01), {}, r"sizes\[1\] = 0\.01 of 10 rows rounds to no rows: choose a larger fraction"),
        (10, (5,), {"stratify": True}, "stratify needs labels: pass them instead of the number of rows"),
        (np.zeros((4, 2)), (2,), {}, r"a vector of labels, got an array of shape \(4, 2\)"),
    ],
)
def test_errors(rows, sizes, options, message):
    with pytest.raises(ValueError, match=message):
        split(rows, sizes, rng=rng(), **options)


def test_type_errors():
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator, got int"):
        split(10, (5,), rng=0)
    with pytest.raises(TypeError, match=r"sizes\[0\] must be a count or a fraction, got 'half'"):
        split(10, ("half",), rng=rng())
    with pytest.raises(TypeError, match=r"sizes\[1\] must be a count or a fraction, got True"):
        split(10, (5, True), rng=rng())
