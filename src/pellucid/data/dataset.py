"""Labelled images in memory, and a description of what is in them.

A description is computed in blocks, so describing MNIST takes about a second and little memory besides the
images.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS = 4096
OUTLIER_DEVIATIONS = 4.0
WORST = 10

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Labelled images, divided into training and test rows, in read-only arrays.

    Attributes
    ----------
    name : str
    x_train, x_test : ndarray of uint8, shape (n, n_features)
        Pixels, one image per row; there may be no test rows.
    y_train, y_test : ndarray of int64, shape (n,)
        Class numbers from 0.
    n_classes : int
    image_shape : tuple of int
        (height, width): ``x_train[0].reshape(image_shape)`` is an image.
    source : str
        A description of where the files came from.
    sha256 : dict of str to str
        SHA-256 of each unpacked file, which identifies the data that a run used.

    Notes
    -----
    The arrays are read-only because they may be shared within the process; copy them to change them.

    Examples
    --------
    >>> import pellucid.data as data
    >>> digits = data.load_dataset("digits")
    >>> digits.x_train[0].reshape(digits.image_shape)[0]
    array([ 0,  0,  0, 12, 13,  5,  0,  0], dtype=uint8)
    """

    name: str
    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    n_classes: int
    image_shape: tuple[int, int]
    source: str
    sha256: dict[str, str]

    def __post_init__(self) -> None:
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            array.flags.writeable = False

    def __repr__(self) -> str:
        height, width = self.image_shape
        return (
            f"Dataset({self.name!r}: {len(self.x_train)} training and {len(self.x_test)} test images of "
            f"{height} x {width}, {self.n_classes} classes, from {self.source})"
        )


@dataclass(frozen=True)
class Outlier:
    """A training image far from the mean image of its class.

    Attributes
    ----------
    row : int
        Its row in `x_train`.
    label : int
        Its class.
    distance : float
        Euclidean distance to the mean image of its class, in pixel units.
    deviations : float
        The same, in standard deviations above the mean distance of the class.

    Examples
    --------
    >>> Outlier(row=3, label=7, distance=2500.0, deviations=4.5).label
    7
    """

    row: int
    label: int
    distance: float
    deviations: float


@dataclass(frozen=True)
class Description:
    """Facts about a data set. Pixel statistics cover the training images.

    Attributes
    ----------
    name, source, image_shape, n_classes
        As in the `Dataset`.
    n_train, n_test, n_features : int
    memory_mb : float
        Size of all four arrays, in 10**6 bytes.
    train_counts, test_counts : tuple of int
        Rows per class.
    pixel_min, pixel_max : int
    pixel_mean, pixel_sd : float
        Mean and standard deviation (divided by n) over all pixels of all training images.
    zero_fraction : float
        The fraction of those pixels that are 0.
    constant_pixels : tuple of int
        Features with the same value in every training image.
    constant_values : tuple of int
        That value, for each of these features.
    duplicate_rows : int
        Training images with the same pixels as an earlier training image, whatever their labels.
    shared_rows : int
        Test images with the same pixels as a training image.
    n_outliers : int
        Training images farther from the mean image of their class than the class's mean distance plus four
        standard deviations (divided by n) of its distances.
    outliers : tuple of Outlier
        The ten with the most deviations, in descending order.

    Examples
    --------
    >>> import pellucid.data as data
    >>> facts = data.describe(data.load_dataset("digits"))
    >>> facts.n_features, facts.pixel_max, facts.duplicate_rows, facts.constant_pixels
    (64, 16, 0, (0, 32, 39))
    """

    name: str
    source: str
    image_shape: tuple[int, int]
    n_classes: int
    n_train: int
    n_test: int
    n_features: int
    memory_mb: float
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    pixel_min: int
    pixel_max: int
    pixel_mean: float
    pixel_sd: float
    zero_fraction: float
    constant_pixels: tuple[int, ...]
    constant_values: tuple[int, ...]
    duplicate_rows: int
    shared_rows: int
    n_outliers: int
    outliers: tuple[Outlier, ...]


def describe(dataset: Dataset) -> Description:
    """Compute the facts about a data set that `pellucid data describe` prints.

    Parameters
    ----------
    dataset : Dataset
        With at least one training row.

    Returns
    -------
    Description
        Plain numbers and tuples: ``dataclasses.asdict`` of it can be written as JSON.

    Raises
    ------
    ValueError
        If there are no training rows.

    Notes
    -----
    Equal images are found by 128-bit BLAKE2 digests of their rows.

    Examples
    --------
    >>> import pellucid.data as data
    >>> facts = data.describe(data.load_dataset("digits"))
    >>> facts.train_counts
    (142, 146, 141, 147, 144, 146, 145, 143, 139, 144)
    >>> round(facts.pixel_mean, 2), round(facts.zero_fraction, 2)
    (4.89, 0.49)
    """
    x = dataset.x_train
    if not x.size:
        raise ValueError(f"{dataset.name} has no training pixels to describe: x_train has shape {x.shape}")
    histogram = _histogram(x)
    seen = set(_digests(x))
    outliers = sorted(_outliers(x, dataset.y_train), key=lambda outlier: -outlier.deviations)
    low, high = x.min(axis=0), x.max(axis=0)
    constant = np.flatnonzero(low == high)
    mean, sd = _mean_and_sd(histogram)
    return Description(
        name=dataset.name,
        source=dataset.source,
        image_shape=dataset.image_shape,
        n_classes=dataset.n_classes,
        n_train=len(x),
        n_test=len(dataset.x_test),
        n_features=x.shape[1],
        memory_mb=(x.nbytes + dataset.y_train.nbytes + dataset.x_test.nbytes + dataset.y_test.nbytes) / 1e6,
        train_counts=_label_counts(dataset.y_train, dataset.n_classes),
        test_counts=_label_counts(dataset.y_test, dataset.n_classes),
        pixel_min=int(low.min()),
        pixel_max=int(high.max()),
        pixel_mean=mean,
        pixel_sd=sd,
        zero_fraction=float(histogram[0] / x.size),
        constant_pixels=tuple(constant.tolist()),
        constant_values=tuple(low[constant].tolist()),
        duplicate_rows=len(x) - len(seen),
        shared_rows=sum(digest in seen for digest in _digests(dataset.x_test)),
        n_outliers=len(outliers),
        outliers=tuple(outliers[:WORST]),
    )


def _label_counts(labels: NDArray[np.int64], n_classes: int) -> tuple[int, ...]:
    return tuple(np.bincount(labels, minlength=n_classes).tolist())


def _histogram(x: Pixels) -> NDArray[np.int64]:
    """Count each of the 256 pixel values; mean and standard deviation follow exactly from the counts."""
    counts = np.zeros(256, np.int64)
    for start in range(0, len(x), BLOCK_ROWS):
        counts += np.bincount(x[start : start + BLOCK_ROWS].ravel(), minlength=256)
    return counts


def _mean_and_sd(histogram: NDArray[np.int64]) -> tuple[float, float]:
    values = np.arange(256)
    mean = np.average(values, weights=histogram)
    return float(mean), float(np.sqrt(np.average((values - mean) ** 2, weights=histogram)))


def _digests(x: Pixels) -> Iterator[bytes]:
    from hashlib import blake2b

    return (blake2b(row.tobytes(), digest_size=16).digest() for row in x)


def _outliers(x: Pixels, y: NDArray[np.int64]) -> Iterator[Outlier]:
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        distances = _distances_to_mean(x, rows)
        mean, sd = distances.mean(), distances.std()
        for i in np.flatnonzero(distances > mean + OUTLIER_DEVIATIONS * sd) if sd else ():
            deviations = (distances[i] - mean) / sd
            yield Outlier(int(rows[i]), int(label), float(distances[i]), float(deviations))


def _distances_to_mean(x: Pixels, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the Euclidean distance of each of `rows` to their mean."""
    starts = range(0, len(rows), BLOCK_ROWS)
    blocks = [rows[start : start + BLOCK_ROWS] for start in starts]
    mean = np.sum([x[block].sum(axis=0, dtype=np.int64) for block in blocks], axis=0) / len(rows)
    offsets = (x[block].astype(np.float32) - mean.astype(np.float32) for block in blocks)
    return np.concatenate([np.sqrt(np.einsum("ij,ij->i", d, d)) for d in offsets]).astype(np.float64)
