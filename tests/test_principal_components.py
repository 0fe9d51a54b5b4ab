"""Principal components equal those of an eigendecomposition, and `whole` returns an equivalent network."""

import numpy as np
import pytest

import pellucid as pl
from pellucid import principal_components
from pellucid.principal_components import PrincipalComponents

RNG = np.random.default_rng(0)
#: Correlated columns with large means.
MIXED = RNG.normal(size=(300, 12)) * np.linspace(4, 0.5, 12) @ RNG.normal(size=(12, 12)) + 100


def decomposed(x, k):
    """Return eigenvectors and shares of variance by NumPy's eigendecomposition of the covariance matrix."""
    values, vectors = np.linalg.eigh(np.cov(x.T))
    return vectors[:, ::-1][:, :k], values[::-1][:k] / values.sum()


@pytest.mark.parametrize("k", [1, 5, 12])
def test_directions_are_the_eigenvectors_of_the_covariance_matrix(k):
    found = PrincipalComponents(MIXED, k, dtype=np.float64)
    vectors, shares = decomposed(MIXED, k)
    assert found.directions.shape == (12, k)
    np.testing.assert_allclose(abs((found.directions * vectors).sum(axis=0)), 1, atol=1e-9)
    np.testing.assert_allclose(found.shares, shares, rtol=1e-9)
    np.testing.assert_allclose(found.directions.T @ found.directions, np.eye(k), atol=1e-12)
    largest = abs(found.directions).argmax(axis=0)
    assert (found.directions[largest, np.arange(k)] > 0).all()


def test_with_many_columns_nearly_the_largest_possible_variance_is_kept():
    x = pl.load_dataset("digits").x_train
    x = np.hstack([x, x[::-1], x[:, ::-1]])
    best = decomposed(x / 16, 20)[1].sum()
    kept = PrincipalComponents(x, 20, rescale=pl.Rescale(1 / 16)).shares.sum()
    assert best * 0.995 < kept <= best * 1.00001


def test_coordinates_are_uncorrelated_with_mean_0_and_the_shares_as_variances():
    found = PrincipalComponents(MIXED, 4)
    z = found.transform(MIXED)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-4)
    covariance = np.cov(z.T)
    np.testing.assert_allclose(covariance, np.diag(covariance.diagonal()), atol=1e-3)
    np.testing.assert_allclose(covariance.diagonal() / np.cov(MIXED.T).trace(), found.shares, rtol=1e-4)


def test_the_block_size_does_not_matter(monkeypatch):
    found = PrincipalComponents(MIXED, 3, dtype=np.float64)
    whole = found.transform(MIXED)
    monkeypatch.setattr(principal_components, "BLOCK_ROWS", 7)
    np.testing.assert_allclose(found.transform(MIXED), whole, rtol=1e-12)
    again = PrincipalComponents(MIXED, 3, dtype=np.float64)
    np.testing.assert_allclose(again.directions, found.directions, atol=1e-9)


def test_many_rows_are_sampled(monkeypatch):
    # Every sixth row is special: the sample must not consist of these.
    monkeypatch.setattr(principal_components, "FIT_ROWS", 100)
    x = np.zeros((600, 2))
    x[:, 0], x[::6, 0], x[::6, 1] = RNG.normal(size=600), 0, 3 * RNG.normal(size=100)
    direction = PrincipalComponents(x, 1, dtype=np.float64).directions[:, 0]
    assert abs(direction).argmax() == decomposed(x, 1)[0][:, 0].argmax()
    drawn = PrincipalComponents(x, 1).directions
    np.testing.assert_array_equal(PrincipalComponents(x, 1).directions, drawn)


def test_the_given_rescale_is_applied():
    x = RNG.integers(0, 256, (50, 6), np.uint8)
    found = PrincipalComponents(x, 2, rescale=pl.Rescale(1 / 255, np.arange(6)))
    expected = (x / 255 + np.arange(6)) @ found.directions
    np.testing.assert_allclose(found.transform(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("offset", [1e3, 1e4])
def test_rows_far_from_0_that_are_not_shifted(offset):
    x = np.random.default_rng(1).normal(size=(300, 5)) * [4, 3, 2, 1, 0.5] + offset
    found, (vectors, shares) = PrincipalComponents(x, 2, rescale=pl.Rescale(1)), decomposed(x, 2)
    np.testing.assert_allclose(found.shares, shares, rtol=1e-3)
    np.testing.assert_allclose(abs((found.directions * vectors).sum(axis=0)), 1, atol=1e-4)


def test_the_mean_of_many_rows_in_float32():
    x = (np.random.default_rng(1).normal(size=(200_000, 2)) + 1000).astype(np.float32)
    z = PrincipalComponents(x, 2).transform(x)
    assert abs(z.mean(axis=0, dtype=np.float64)).max() < 1e-3


def test_rows_too_large_for_the_dtype_are_refused():
    components = PrincipalComponents(MIXED, 3)
    with pytest.raises(ValueError, match="x holds rows too large for float32: leave them out"):
        components.transform(MIXED * 1e300)


def test_rows_that_do_not_vary_have_coordinates_0():
    found = PrincipalComponents(np.full((5, 3), 7.0), 2)
    assert found.shares.tolist() == [0, 0]
    np.testing.assert_array_equal(found.transform(np.full((2, 3), 7.0)), 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_whole_network_gives_what_the_small_one_gives(dtype):
    components = PrincipalComponents(MIXED, 5, dtype=dtype)
    layers = [pl.Dense(7, init=pl.he_normal), pl.Tanh(), pl.Dropout(0.5), pl.Dense(4), pl.ReLU(), pl.Dense(3)]
    net = pl.Network(layers).build(5, rng=np.random.default_rng(1), dtype=dtype)
    net.theta += np.random.default_rng(2).normal(size=net.theta.size).astype(dtype) / 10  # biases too
    net.notes = {"classes": ["a", "b", "c"]}
    before = net.theta.copy()
    whole = components.whole(net)
    close = 1e-4 if dtype == np.float32 else 1e-12
    z = components.transform(MIXED)
    np.testing.assert_allclose(whole.predict(MIXED), net.predict(z), rtol=close, atol=close)
    assert (whole.n_in, whole.dtype, whole.notes) == (12, dtype, net.notes)
    assert [repr(layer) for layer in whole.layers[1:]] == [repr(layer) for layer in layers]
    whole.theta[:] = 0
    np.testing.assert_array_equal(net.theta, before)


def test_a_network_learns_images_from_few_components():
    digits, rng = pl.load_dataset("digits"), np.random.default_rng(0)
    components = PrincipalComponents(digits.x_train, 20, rescale=pl.Rescale(1 / 16))
    net = pl.Network([pl.Dense(50), pl.ReLU(), pl.Dense(10)]).build(20, rng=rng)
    x = components.transform(digits.x_train)
    records = pl.train(
        net, pl.SoftmaxCrossEntropy(), pl.Adam(0.01), x, digits.y_train, epochs=15, batch_size=32, rng=rng
    )
    assert list(records)[-1].accuracy > 0.98
    predicted = components.whole(net).predict(digits.x_test).argmax(axis=1)
    assert pl.accuracy(digits.y_test, predicted) > 0.94


@pytest.mark.parametrize(
    ("x", "k", "message"),
    [
        (MIXED, 13, "k must be at most 12, as many as x has columns, got 13"),
        (MIXED, 0, "k must be a whole number >= 1, got 0"),
        (MIXED, True, "k must be a whole number >= 1, got True"),
        (MIXED[0], 1, r"x must have shape \(n, n_in\) with n >= 1, got \(12,\)"),
        (MIXED[:0], 1, r"x must have shape \(n, n_in\) with n >= 1, got \(0, 12\)"),
        (np.array([["a"]]), 1, "x must hold real numbers, got dtype <U1"),
        (np.array([[1.0, np.nan]]), 1, r"x\[0, 1\] is nan"),
        (MIXED * 1e300, 1, "x varies too much for float32: give a rescale that makes it smaller"),
    ],
)
def test_errors_name_value_and_limit(x, k, message):
    with pytest.raises(ValueError, match=message):
        PrincipalComponents(x, k)


def test_rows_of_another_width_and_other_networks_are_refused():
    components = PrincipalComponents(MIXED, 3)
    with pytest.raises(ValueError, match=r"x must have shape \(n, 12\) with n >= 1, got \(300, 11\)"):
        components.transform(MIXED[:, 1:])
    other = pl.Network([pl.Dense(2)]).build(4, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"net must begin with Dense, take 3 inputs and be on the CPU"):
        components.whole(other)
    with pytest.raises(TypeError, match=r"net must be a pellucid\.Network"):
        components.whole([])
    with pytest.raises(RuntimeError, match="no parameters yet"):
        components.whole(pl.Network([pl.Dense(2)]))
    with pytest.raises(TypeError, match=r"rescale must be a pellucid\.Rescale"):
        PrincipalComponents(MIXED, 3, rescale=2)
