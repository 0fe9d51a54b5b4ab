"""Metrics of classifiers, from class numbers: first the true ``labels``, then the ``predicted`` ones.

>>> accuracy([0, 1, 1], [0, 1, 0])
0.6666666666666666
"""

from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pellucid.backend import Array, module_of

Average: TypeAlias = Literal["macro"] | None


def accuracy(labels: ArrayLike, predicted: ArrayLike) -> float:
    """Return the fraction of rows whose class is predicted correctly.

    Parameters
    ----------
    labels, predicted : array_like, shape (n,)
        Class numbers.

    Raises
    ------
    ValueError
        If the arguments differ in length, are empty, or are not class numbers.

    Examples
    --------
    >>> accuracy([0, 1], [0, 0])
    0.5
    """
    y, predictions = _class_vectors(labels, predicted)
    return float(np.mean(y == predictions))


def error(labels: ArrayLike, predicted: ArrayLike) -> float:
    """Return the fraction of rows whose class is predicted wrongly, 1 - `accuracy`.

    Examples
    --------
    >>> error([0, 1], [0, 0])
    0.5
    """
    return 1.0 - accuracy(labels, predicted)


def confusion_matrix(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int | None = None
) -> NDArray[np.int64]:
    """Count rows by true class (row) and predicted class (column).

    Parameters
    ----------
    labels, predicted : array_like, shape (n,)
        Class numbers.
    n_classes : int, optional
        Default: one more than the largest class number in the arguments.

    Returns
    -------
    array, shape (n_classes, n_classes)

    Raises
    ------
    ValueError
        If a class number is not below n_classes, or as in `accuracy`.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1], [0, 1, 0])
    array([[1, 0],
           [1, 1]])
    """
    y, predictions = _class_vectors(labels, predicted)
    largest = int(max(y.max(), predictions.max()))
    k = largest + 1 if n_classes is None else n_classes
    if largest >= k:
        raise ValueError(f"class numbers must be below n_classes={k}, got {largest}")
    return np.bincount(y * k + predictions, minlength=k * k).reshape(k, k)


@overload
def precision(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int | None = ..., average: Literal["macro"]
) -> float: ...
@overload
def precision(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int | None = ..., average: None = ...
) -> NDArray[np.float64]: ...
def precision(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int | None = None, average: Average = None
) -> float | NDArray[np.float64]:
    """Return the fraction of the rows predicted as a class that belong to it, TP / (TP + FP).

    Parameters
    ----------
    labels, predicted : array_like, shape (n,)
        Class numbers.
    n_classes : int, optional
        As in `confusion_matrix`.
    average : {None, "macro"}
        None returns one value per class, "macro" their unweighted mean.

    Notes
    -----
    The precision of a class that is never predicted is 0.

    Examples
    --------
    >>> precision([0, 1, 1], [0, 1, 0])
    array([0.5, 1. ])
    """
    matrix = confusion_matrix(labels, predicted, n_classes=n_classes)
    return _averaged(_ratio(matrix.diagonal(), matrix.sum(axis=0)), average)


@overload
def recall(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int | None = ..., average: Literal["macro"]
) -> float: ...
@overload
def recall(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int | None = ..., average: None = ...
) -> NDArray[np.float64]: ...
def recall(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int | None = None, average: Average = None
) -> float | NDArray[np.float64]:
    """Return the fraction of the rows of a class that are predicted as that class, TP / (TP + FN).

    The parameters are those of `precision`. The recall of a class without rows is 0.

    Examples
    --------
    >>> recall([0, 1, 1], [0, 1, 0], average="macro")
    0.75
    """
    matrix = confusion_matrix(labels, predicted, n_classes=n_classes)
    return _averaged(_ratio(matrix.diagonal(), matrix.sum(axis=1)), average)


@overload
def f1(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int | None = ..., average: Literal["macro"]
) -> float: ...
@overload
def f1(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int | None = ..., average: None = ...
) -> NDArray[np.float64]: ...
def f1(
    labels: ArrayLike, predicted: ArrayLike, *, n_classes: int | None = None, average: Average = None
) -> float | NDArray[np.float64]:
    """Return the harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN).

    The parameters are those of `precision`. The F1 score of a class without rows that is never predicted
    is 0.

    Examples
    --------
    >>> f1([0, 1, 1, 1], [0, 1, 1, 1])
    array([1., 1.])
    """
    matrix = confusion_matrix(labels, predicted, n_classes=n_classes)
    return _averaged(_ratio(2 * matrix.diagonal(), matrix.sum(axis=0) + matrix.sum(axis=1)), average)


def count_correct(outputs: Array, labels: Array, threshold: float) -> Any:
    """Count the rows of outputs (n, k) whose class is predicted correctly. Nothing is checked.

    Labels are class numbers (n,) or targets (n, k), whose class is that of the largest entry. If the outputs
    are on the GPU, the count is an array of shape () there.
    """
    return module_of(outputs).count_nonzero(right_rows(outputs, labels, threshold))


def right_rows(outputs: Array, labels: Array, threshold: float) -> Array:
    """Return for each row of outputs (n, k) whether its class is predicted correctly.

    Examples
    --------
    >>> right_rows(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]), 0.0)
    array([ True, False])
    """
    classes = labels if labels.ndim == 1 else predicted_classes(labels, 0.5)
    return predicted_classes(outputs, threshold) == classes  # type: ignore[no-any-return]


def predicted_classes(outputs: Array, threshold: float = 0.0) -> Array:
    """Return class numbers for outputs (n, k): the largest output, or if k = 1, whether it is > threshold.

    Examples
    --------
    >>> predicted_classes(np.array([[0.1, 0.9], [0.8, 0.2]]))
    array([1, 0])
    """
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > threshold).astype(np.int64)
    return outputs.argmax(axis=1)  # type: ignore[no-any-return]


def _class_vectors(labels: ArrayLike, predicted: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return both arguments as vectors of class numbers, or raise."""
    vectors = [np.asarray(labels), np.asarray(predicted)]
    for name, vector in zip(("labels", "predicted"), vectors, strict=True):
        if vector.ndim != 1 or vector.dtype.kind not in "biu":
            raise ValueError(
                f"{name} must be a vector of class numbers, got dtype {vector.dtype}, shape {vector.shape}"
                "; for a network's outputs use outputs.argmax(axis=1)"
            )
        if len(vector) == 0 or (vector.dtype.kind == "i" and vector.min() < 0):
            raise ValueError(f"{name} must hold at least one class number, all >= 0")
    if len(vectors[0]) != len(vectors[1]):
        raise ValueError(
            f"labels and predicted must have the same length, got {len(vectors[0])} and {len(vectors[1])}"
        )
    return vectors[0].astype(np.int64), vectors[1].astype(np.int64)


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _averaged(values: NDArray[np.float64], average: Average) -> float | NDArray[np.float64]:
    if average not in (None, "macro"):
        raise ValueError(f'average must be None or "macro", got {average!r}')
    return values if average is None else float(values.mean())
