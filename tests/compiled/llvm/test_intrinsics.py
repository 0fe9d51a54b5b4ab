"""Products by BLAS from compiled code: every transposition, parts of larger matrices, accumulation."""

import itertools

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from pellucid.compiled.llvm.intrinsics import gemm


@njit
def product(a, flip_a, b, flip_b, c, alpha, beta):
    gemm(a, flip_a, b, flip_b, c, alpha, beta)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("flip_a", "flip_b"), [*itertools.product([False, True], repeat=2)])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (-0.25, 1.0), (2.0, 0.5)])
def test_against_numpy(dtype, flip_a, flip_b, alpha, beta):
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=shape).astype(dtype) for shape in ((3, 5), (5, 4), (3, 4)))
    expected = alpha * (a @ b) + beta * c
    given = [
        np.ascontiguousarray(matrix.T) if flip else matrix for matrix, flip in ((a, flip_a), (b, flip_b))
    ]
    product(given[0], flip_a, given[1], flip_b, c, alpha, beta)
    np.testing.assert_allclose(c, expected, rtol=20 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps)


def test_columns_of_larger_matrices():
    rng = np.random.default_rng(1)
    a, b, c = (rng.normal(size=shape) for shape in ((3, 9), (5, 7), (3, 8)))
    before, expected = c.copy(), a[:, 2:7] @ b[:, 1:5]
    product(a[:, 2:7], False, b[:, 1:5], False, c[:, 3:7], 1.0, 0.0)
    np.testing.assert_allclose(c[:, 3:7], expected, rtol=1e-14)
    np.testing.assert_array_equal(np.delete(c, range(3, 7), axis=1), np.delete(before, range(3, 7), axis=1))


def test_the_old_content_is_ignored_if_beta_is_0():
    c = np.full((2, 2), np.nan)
    product(np.eye(2), False, np.eye(2), False, c, 3.0, 0.0)
    np.testing.assert_array_equal(c, 3 * np.eye(2))


@pytest.mark.parametrize("flip_a", [False, True])
def test_a_product_without_rows_is_zero(flip_a):
    a, b, c = np.empty((0, 3) if flip_a else (3, 0)), np.empty((0, 2)), np.ones((3, 2))
    product(a, flip_a, b, False, c, 1.0, 1.0)
    np.testing.assert_array_equal(c, 1)
    product(a, flip_a, b, False, c, 1.0, 0.0)
    np.testing.assert_array_equal(c, 0)
    nothing = np.empty((0, 2))
    product(np.empty((0, 4)), False, np.ones((4, 2)), False, nothing, 1.0, 0.0)
