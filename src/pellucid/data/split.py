"""Divide rows at random into training, validation and test rows, optionally stratified by class."""

from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

Indices = NDArray[np.int64]

TOLERANCE = 1e-9  # of a sum of fractions: 0.7 + 0.2 + 0.1 is not quite 1


def split(
    rows: int | ArrayLike,
    sizes: Sequence[float],
    *,
    rng: np.random.Generator,
    stratify: bool = False,
) -> tuple[Indices, ...]:
    """Divide rows at random into disjoint parts and return the row numbers of each.

    Parameters
    ----------
    rows : int or array of labels, shape (n,)
        The number of rows, or their labels.
    sizes : sequence of int or of float
        The size of each part: all counts of rows, or all fractions of n. Rows may be left over.
    rng : numpy.random.Generator
        The same generator state gives the same parts.
    stratify : bool, default False
        Give every part the same proportion of each class; this needs labels. The count of each class in each
        part is less than one row away from its exact share; the sizes of the parts are exact.

    Returns
    -------
    tuple of ndarray of int64
        For each part, its row numbers in ascending order.

    Raises
    ------
    ValueError
        If sizes are not positive, exceed the rows, mix counts with fractions or round to zero rows, or if
        labels are missing or not a vector.
    TypeError
        If `rng` is not a Generator, or a size is not a number.

    Notes
    -----
    Fractions become counts by largest remainders, so fractions that add up to 1 use every row.
    Stratified counts are a controlled rounding (Cox, 1987) of the class x part table, in integer arithmetic.
    Rounding each class on its own would keep the class totals but miss the sizes of the parts.

    References
    ----------
    L. H. Cox, "A constructive procedure for unbiased controlled rounding", JASA 82 (1987), 520-524.

    Examples
    --------
    >>> labels = np.array([0] * 50 + [1] * 30 + [2] * 20)
    >>> parts = split(labels, (0.8, 0.1, 0.1), rng=np.random.default_rng(0), stratify=True)
    >>> [np.bincount(labels[part]).tolist() for part in parts]
    [[40, 24, 16], [5, 3, 2], [5, 3, 2]]
    >>> train, validation = split(1000, (800, 100), rng=np.random.default_rng(0))
    >>> len(train), len(validation), np.intersect1d(train, validation).size
    (800, 100, 0)
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
    classes = _classes(rows, stratify)
    counts = _counts(sizes, len(classes))
    order = rng.permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]
    table = _table(np.bincount(classes), counts)
    starts = np.concatenate([[0], np.cumsum(table)[:-1]]).reshape(table.shape)
    return tuple(_gather(order, starts[:, part], table[:, part]) for part in range(len(counts)))


def _gather(order: Indices, starts: Indices, sizes: Indices) -> Indices:
    pieces = [order[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    return np.sort(np.concatenate(pieces)) if pieces else order[:0]


def _classes(rows: int | ArrayLike, stratify: bool) -> Indices:
    """Return the class of each row; without stratification all rows are one class."""
    if isinstance(rows, Integral):
        if stratify:
            raise ValueError("stratify needs labels: pass them instead of the number of rows")
        return np.zeros(int(rows), np.int64)
    labels = np.asarray(rows)
    if labels.ndim != 1:
        raise ValueError(f"rows must be a number or a vector of labels, got an array of shape {labels.shape}")
    return np.unique(labels, return_inverse=True)[1] if stratify else np.zeros(len(labels), np.int64)


def _counts(sizes: Sequence[float], n: int) -> list[int]:
    """Return the number of rows of each part."""
    for i, size in enumerate(sizes):
        if isinstance(size, bool) or not isinstance(size, Real):
            raise TypeError(f"sizes[{i}] must be a count or a fraction, got {size!r}")
        if not size > 0:
            raise ValueError(f"sizes[{i}] must be positive, got {size}")
    whole = [isinstance(size, Integral) for size in sizes]
    if not sizes or any(whole) != all(whole):
        raise ValueError(f"sizes must be all counts (int) or all fractions (float), got {list(sizes)}")
    if not all(whole):
        return _fractional_counts(sizes, n)
    counts = [int(size) for size in sizes]
    if sum(counts) > n:
        raise ValueError(f"sizes {counts} add up to {sum(counts)} rows, but there are only {n}")
    return counts


def _fractional_counts(sizes: Sequence[float], n: int) -> list[int]:
    rest = 1 - sum(sizes)
    if rest < -TOLERANCE:
        raise ValueError(f"fractions {list(sizes)} add up to {sum(sizes):g}, the limit is 1")
    counts = _largest_remainders(np.array([*sizes, max(rest, 0) if rest > TOLERANCE else 0]) * n, n)[:-1]
    if 0 in counts:
        empty = counts.index(0)
        raise ValueError(
            f"sizes[{empty}] = {sizes[empty]} of {n} rows rounds to no rows: choose a larger fraction"
        )
    return counts


def _largest_remainders(shares: NDArray[np.float64], total: int) -> list[int]:
    """Round `shares` down, then add one to those with the largest remainders until they add up to `total`."""
    counts = np.floor(shares + TOLERANCE).astype(np.int64)
    by_remainder = np.argsort(counts - shares, kind="stable")
    counts[by_remainder[: total - counts.sum()]] += 1
    return [int(count) for count in counts]


def _table(class_sizes: Indices, part_sizes: Sequence[int]) -> Indices:
    """Return the number of rows of each class (axis 0) in each part and the rest (axis 1).

    Each number is the exact share, rounded up or down; class and part totals are kept.
    """
    n = int(class_sizes.sum())
    # In units of 1/n of a row, so that the arithmetic is exact.
    shares = np.outer(class_sizes, [*part_sizes, n - sum(part_sizes)])
    while (broken := shares % n != 0).any():
        cells = _closed_path(broken)
        ups, downs = tuple(np.transpose(cells[::2])), tuple(np.transpose(cells[1::2]))
        step = min((-shares[ups] % n).min(), (shares[downs] % n).min())
        shares[ups] += step
        shares[downs] -= step
    return shares // n


def _closed_path(broken: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the cells of a closed path through fractional cells, alternating between rows and columns.

    Alternately adding to and subtracting from these cells keeps all row and column sums. These sums are whole
    numbers, so no row or column has exactly one fractional cell. The path can therefore always be extended,
    and it closes at the first line (row or column) that it reaches twice.
    """
    lines = [(0, int(broken.any(axis=1).argmax()))]  # (0, i) is row i, (1, j) is column j
    while (step := _next_line(broken, lines)) not in lines:
        lines.append(step)
    loop = lines[lines.index(step) :]
    pairs = (sorted(pair) for pair in zip(loop, loop[1:] + loop[:1], strict=True))
    return [(row, column) for (_, row), (_, column) in pairs]


def _next_line(broken: NDArray[np.bool_], lines: list[tuple[int, int]]) -> tuple[int, int]:
    axis, line = lines[-1]
    crossings = [(1 - axis, int(k)) for k in np.flatnonzero(broken.take(line, axis=axis))]
    return next(crossing for crossing in crossings if crossing not in lines[-2:-1])
