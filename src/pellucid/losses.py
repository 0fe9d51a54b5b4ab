"""Losses: the value of a batch, and its gradient with respect to the network's outputs.

``value_and_grad(outputs, labels)`` sums over outputs, averages over rows and never writes to `outputs`.
Labels are class numbers (a vector of whole numbers, or 0/1 where there is one output), or targets (floats of
the outputs' shape).

>>> import numpy as np
>>> value, dy = MeanSquaredError().value_and_grad(np.array([[0.0, 0.0]]), np.array([1]))
>>> float(value), dy.tolist()
(0.5, [[0.0, -1.0]])
"""

from typing import Any

import numpy as np

from pellucid.backend import Array, as_array


class Loss:
    """Base of the losses.

    Attributes
    ----------
    threshold : float
        Where there is one output, class 1 is predicted above it.

    Examples
    --------
    >>> class AbsoluteError(Loss):
    ...     def value_and_grad(self, outputs, labels):
    ...         difference = outputs - self.targets(outputs, labels)
    ...         return abs(difference).sum() / len(outputs), np.sign(difference) / len(outputs)
    >>> value, dy = AbsoluteError().value_and_grad(np.array([[2.0, 0.0]]), np.array([1]))
    >>> float(value), dy.tolist()
    (3.0, [[1.0, -1.0]])
    """

    threshold = 0.0

    def __init__(self) -> None:
        self._buffers: dict[str, Array] = {}

    def value_and_grad(self, outputs: Array, labels: Array) -> tuple[Any, Array]:
        """Return the loss, averaged over rows, and its gradient.

        Parameters
        ----------
        outputs : array, shape (n, k)
        labels : array, shape (n,) of whole numbers or (n, k) of floats

        Returns
        -------
        value : scalar
        dy : array, shape (n, k)
            ∂value/∂outputs, a buffer that is valid until the next call.

        Raises
        ------
        ValueError
            If the labels do not fit the outputs.
        """
        raise NotImplementedError(f"{type(self).__name__} has no value_and_grad")

    def targets(self, outputs: Array, labels: Array) -> Array:
        """Return labels as targets of the outputs' shape: class numbers become rows of a unit matrix."""
        labels = check_labels(labels, *outputs.shape)
        if labels.ndim == 2:
            return labels
        targets = self.buffer("targets", outputs)
        if outputs.shape[1] == 1:
            targets[:, 0] = labels
        else:
            targets.fill(0)
            targets[np.arange(len(labels)), labels] = 1
        return targets

    def buffer(self, name: str, like: Array) -> Array:
        """Return this loss's array `name` of the shape and dtype of another."""
        kept = self._buffers.get(name)
        if kept is None or kept.shape != like.shape or kept.dtype != like.dtype:
            kept = self._buffers[name] = np.empty_like(like)
        return kept

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_buffers": {}}

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of the softmax of logits z: for a network that ends in a Dense layer.

    With p = softmax(z), s = log Σ_k exp(z_k) and targets t, averaged over n rows:

    value: -Σ_k t_k log p_k = Σ_k t_k (s - z_k)
    grad:  ∂/∂z_k = (p_k Σ_j t_j - t_k) / n, which for one class y is (p_k - [k = y]) / n

    Subtracting the row's largest z changes neither and keeps exp finite, so any logits are exact.

    References
    ----------
    Bishop (2006), Pattern Recognition and Machine Learning, equations 4.108-4.109.

    Examples
    --------
    >>> value, dy = SoftmaxCrossEntropy().value_and_grad(np.zeros((1, 4)), np.array([2]))
    >>> round(float(value), 4), dy.tolist()
    (1.3863, [[0.25, 0.25, -0.75, 0.25]])
    """

    def value_and_grad(self, outputs: Array, labels: Array) -> tuple[Any, Array]:
        """Return the loss and (p Σt - t) / n."""
        n, k = outputs.shape
        if k == 1:
            raise ValueError("SoftmaxCrossEntropy needs at least 2 outputs, got 1: use SigmoidCrossEntropy")
        labels = check_labels(labels, n, k)
        p = self.buffer("dy", outputs)
        np.subtract(outputs, outputs.max(axis=1, keepdims=True), out=p)
        if labels.ndim == 1:
            chosen: Any = (np.arange(n), labels)
            weight: Any = 1
            total = p[chosen].sum()
        else:
            weight = labels.sum(axis=1, keepdims=True)
            np.maximum(p, np.finfo(p.dtype).min, out=p)  # 0 times -inf would be NaN
            total = np.einsum("ij,ij->", p, labels)
        np.exp(p, out=p)
        row_sums = p.sum(axis=1, keepdims=True)
        value = ((weight * np.log(row_sums)).sum() - total) / n
        p *= weight / row_sums
        if labels.ndim == 1:
            p[chosen] -= 1
        else:
            p -= labels
        p /= n
        return value, p


class SigmoidCrossEntropy(Loss):
    """Cross-entropy of the sigmoid of logits z, each output a yes-or-no question of its own.

    value: Σ_k -t log σ(z) - (1 - t) log(1 - σ(z)) = Σ_k max(z, 0) - z t + log(1 + exp(-|z|))
    grad:  (σ(z) - t) / n

    References
    ----------
    Bishop (2006), Pattern Recognition and Machine Learning, equations 4.90-4.91.

    Examples
    --------
    >>> value, dy = SigmoidCrossEntropy().value_and_grad(np.zeros((2, 1)), np.array([0, 1]))
    >>> round(float(value), 4), dy.tolist()
    (0.6931, [[0.25], [-0.25]])
    """

    def value_and_grad(self, outputs: Array, labels: Array) -> tuple[Any, Array]:
        """Return the loss and (σ(z) - t) / n."""
        t = self.targets(outputs, labels)
        e, dy, part = (self.buffer(name, outputs) for name in ("e", "dy", "part"))
        np.abs(outputs, out=e)
        np.negative(e, out=e)
        np.exp(e, out=e)  # exp(-|z|), never above 1
        # Entry by entry, where max(z, 0) - z t is exact: sums of both would cancel to noise.
        np.maximum(outputs, 0, out=dy)
        dy -= np.multiply(outputs, t, out=part)
        dy += np.log1p(e, out=part)
        value = dy.sum()
        np.greater_equal(outputs, 0, out=dy)
        np.maximum(dy, e, out=dy)  # σ(z) = max([z ≥ 0], exp(-|z|)) / (1 + exp(-|z|))
        e += 1
        dy /= e
        dy -= t
        dy /= len(outputs)
        return value / len(outputs), dy


class MeanSquaredError(Loss):
    """Squared error, 1/(2n) Σ ‖y - t‖², summed over outputs.

    value: 1/(2n) Σ_ik (y_ik - t_ik)²
    grad:  (y - t) / n

    Notes
    -----
    PyTorch's ``MSELoss`` averages over outputs too and has no 1/2: at 10 outputs a fifth of this.

    Examples
    --------
    >>> value, dy = MeanSquaredError().value_and_grad(np.array([[0.5], [1.0]]), np.array([[1.0], [1.0]]))
    >>> float(value), dy.tolist()
    (0.0625, [[-0.25], [0.0]])
    """

    threshold = 0.5

    def value_and_grad(self, outputs: Array, labels: Array) -> tuple[Any, Array]:
        """Return the loss and (y - t) / n."""
        n = len(outputs)
        dy = self.buffer("dy", outputs)
        np.subtract(outputs, self.targets(outputs, labels), out=dy)
        value = np.einsum("ij,ij->", dy, dy) / (2 * n)
        dy /= n
        return value, dy


def check_labels(labels: Any, n_rows: int, n_outputs: int) -> Array:
    """Return labels as class numbers (n,) or targets (n, k), or raise.

    Parameters
    ----------
    labels : array_like
    n_rows, n_outputs : int
        The shape of the outputs they belong to.

    Raises
    ------
    ValueError
        If dtype, shape or a class number does not fit; the message names the first wrong row.

    Examples
    --------
    >>> check_labels([0, 2], 2, 3)
    array([0, 2])
    >>> check_labels([0, 3], 2, 3)
    Traceback (most recent call last):
    ...
    ValueError: labels must be class numbers from 0 to 2, got 3 in row 1
    """
    labels = as_array(labels)
    if n_rows == 0:
        raise ValueError("a loss needs at least one row, got 0")
    if labels.dtype.kind in "iub":
        return _check_classes(labels, n_rows, max(n_outputs, 2))
    if labels.dtype.kind != "f":
        raise ValueError(f"labels must be whole numbers or floats, got dtype {labels.dtype}")
    if labels.shape == (n_rows,) and n_outputs == 1:
        return labels[:, None]  # type: ignore[no-any-return]
    if labels.shape != (n_rows, n_outputs):
        raise ValueError(f"targets must have shape {(n_rows, n_outputs)}, got {labels.shape}")
    return labels  # type: ignore[no-any-return]


def _check_classes(labels: Array, n_rows: int, n_classes: int) -> Array:
    if labels.ndim != 1:
        raise ValueError(
            f"class numbers must be a vector, got shape {labels.shape}; for targets such as one-hot rows "
            "use labels.astype(float)"
        )
    if len(labels) != n_rows:
        raise ValueError(f"labels must have {n_rows} rows like the outputs, got {len(labels)}")
    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    # As an unsigned number a negative one is huge: one comparison covers both ends.
    unsigned = labels.view(labels.dtype.str.replace("i", "u"))
    if unsigned.max() >= n_classes:
        row = int(np.argmax(unsigned >= n_classes))
        raise ValueError(
            f"labels must be class numbers from 0 to {n_classes - 1}, got {labels[row]} in row {row}"
        )
    return labels
