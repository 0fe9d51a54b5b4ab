"""Losses: the loss of a batch and its gradient with respect to the network's outputs.

``value_and_grad(outputs, labels)`` sums over outputs, averages over rows and never writes to `outputs`;
``rows(outputs, labels)`` returns the loss of each row before averaging. Labels are class numbers (a vector of
whole numbers; 0 or 1 if there is one output) or targets (floats of the outputs' shape).

>>> import numpy as np
>>> value, dy = MeanSquaredError().value_and_grad(np.array([[0.0, 0.0]]), np.array([1]))
>>> float(value), dy.tolist()
(0.5, [[0.0, -1.0]])
"""

from typing import Any

import numpy as np

from pellucid.backend import Array, Scratch, as_array, module_of, to_host


class Loss:
    """Base class of losses. A subclass implements `rows`, or `value_and_grad` if it is not a mean over rows.

    Parameters
    ----------
    label_smoothing : float
        The fraction s of each target that is spread evenly over the K classes: t becomes (1 - s) t + s / K.
        In [0, 1). A single output counts as K = 2 classes.

    Raises
    ------
    ValueError
        If label_smoothing is out of range.

    Attributes
    ----------
    threshold : float
        With a single output, class 1 is predicted above this value.
    by_rows : bool
        Whether the loss is the mean of `rows`: false if a subclass overrides `value_and_grad`.

    References
    ----------
    Label smoothing: Szegedy et al. (2016), Rethinking the Inception architecture for computer vision,
    section 7.

    Examples
    --------
    >>> class AbsoluteError(Loss):
    ...     def rows(self, outputs, labels):
    ...         difference = outputs - self.as_targets(outputs, labels)
    ...         return abs(difference).sum(axis=1), np.sign(difference)
    >>> value, dy = AbsoluteError().value_and_grad(np.array([[2.0, 0.0]]), np.array([1]))
    >>> float(value), dy.tolist()
    (3.0, [[1.0, -1.0]])

    The same loss, averaged by the subclass:

    >>> class MeanAbsoluteError(Loss):
    ...     def value_and_grad(self, outputs, labels):
    ...         difference = outputs - self.targets(outputs, labels)
    ...         return abs(difference).sum() / len(outputs), np.sign(difference) / len(outputs)
    >>> MeanAbsoluteError.by_rows, AbsoluteError.by_rows
    (False, True)
    """

    threshold = 0.0
    by_rows = True
    label_smoothing = 0.0

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if {"rows", "value_and_grad"} & vars(cls).keys():
            cls.by_rows = "rows" in vars(cls)

    def __init__(self, *, label_smoothing: float = 0.0) -> None:
        is_number = isinstance(label_smoothing, int | float | np.integer | np.floating)
        if not is_number or isinstance(label_smoothing, bool) or not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must be a number >= 0 and < 1, got {label_smoothing!r}")
        self.label_smoothing = float(label_smoothing)
        self._scratch = Scratch()

    def value_and_grad(self, outputs: Array, labels: Array) -> tuple[Any, Array]:
        """Return the loss, averaged over rows, and its gradient.

        Parameters
        ----------
        outputs : array, shape (n, k)
        labels : array, shape (n,) of whole numbers or (n, k) of floats
            Copied to the outputs' device if necessary.

        Returns
        -------
        value : scalar
            An array of shape () on the GPU if the outputs are on the GPU.
        dy : array, shape (n, k)
            ∂value/∂outputs, a buffer that is valid until the next call.

        Raises
        ------
        ValueError
            If the labels do not fit the outputs.
        """
        values, dy = self.rows(outputs, self.checked(outputs, labels))
        dy /= len(outputs)
        return values.sum() / len(outputs), dy

    def rows(self, outputs: Array, labels: Array) -> tuple[Array, Array]:
        """Return the loss of each row and its gradient, not averaged. The labels are not checked.

        Parameters
        ----------
        outputs : array, shape (n, k)
        labels : array, shape (n,) of whole numbers or (n, k) of floats
            As `check_labels` returns them, on the outputs' device.

        Returns
        -------
        values : array, shape (n,)
        dy : array, shape (n, k)
            ∂values_i/∂outputs_ij, a buffer that is valid until the next call and may be overwritten.
        """
        raise NotImplementedError(f"{type(self).__name__} has neither rows nor value_and_grad")

    def checked(self, outputs: Array, labels: Array) -> Array:
        """Return the labels on the outputs' device, or raise if they do not fit the outputs."""
        return module_of(outputs).asarray(check_labels(labels, *outputs.shape))  # type: ignore[no-any-return]

    def targets(self, outputs: Array, labels: Array) -> Array:
        """Check labels and return them as targets of the outputs' shape."""
        return self.as_targets(outputs, self.checked(outputs, labels))

    def as_targets(self, outputs: Array, labels: Array) -> Array:
        """Return labels as targets of the outputs' shape: class numbers one-hot encoded, then smoothed.

        Examples
        --------
        >>> SoftmaxCrossEntropy(label_smoothing=0.3).as_targets(np.zeros((1, 3)), np.array([2])).round(3)
        array([[0.1, 0.1, 0.8]])
        """
        if labels.ndim == 2 and not self.label_smoothing:
            return labels
        targets = self.buffer("targets", outputs)
        if labels.ndim == 2:
            targets[...] = labels
        elif outputs.shape[1] == 1:
            targets[:, 0] = labels
        else:
            targets.fill(0)
            targets.reshape(-1)[self.places(outputs, labels)] = 1
        if self.label_smoothing:
            targets *= 1 - self.label_smoothing
            targets += self.label_smoothing / max(outputs.shape[1], 2)
        return targets

    def places(self, outputs: Array, labels: Array) -> Array:
        """Return the index of each row's class in ``outputs.ravel()``."""
        n, k = outputs.shape
        xp = module_of(outputs)
        starts = self._scratch.array(f"starts {k}", (n,), np.int64, xp, lambda *_: xp.arange(0, n * k, k))
        return starts + labels

    def row_sums(self, values: Array) -> Array:
        """Return the sum of each row: a product with ones, several times faster than sum(axis=1)."""
        k, xp = values.shape[1], module_of(values)
        return values.dot(self._scratch.array("ones", (k,), values.dtype, xp, xp.ones))  # type: ignore[no-any-return]

    def buffer(self, name: str, like: Array) -> Array:
        """Return the scratch array `name` with another array's shape, dtype and device."""
        return self._scratch.like(name, like)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_scratch": Scratch()}

    def __repr__(self) -> str:
        smoothing = f"label_smoothing={self.label_smoothing}" if self.label_smoothing else ""
        return f"{type(self).__name__}({smoothing})"


class SoftmaxCrossEntropy(Loss):
    """Softmax and cross-entropy in one, for a network whose last layer is Dense: its outputs are logits z.

    With p = softmax(z), s = log Σ_k exp(z_k) and targets t, each row has

    value: -Σ_k t_k log p_k = Σ_k t_k (s - z_k)      for class y: s - z_y
    grad:  ∂/∂z_k = p_k Σ_j t_j - t_k                for class y: p_k - [k = y]

    Label smoothing a over K classes turns class y into the targets t_k = (1 - a) [k = y] + a / K:

    value: s - (1 - a) z_y - a / K Σ_k z_k
    grad:  p_k - (1 - a) [k = y] - a / K

    Subtracting each row's largest logit changes neither and keeps exp from overflowing.

    References
    ----------
    Bishop (2006), Pattern Recognition and Machine Learning, equations 4.108-4.109.

    Examples
    --------
    >>> value, dy = SoftmaxCrossEntropy().value_and_grad(np.zeros((1, 4)), np.array([2]))
    >>> round(float(value), 4), dy.tolist()
    (1.3863, [[0.25, 0.25, -0.75, 0.25]])
    """

    def rows(self, outputs: Array, labels: Array) -> tuple[Array, Array]:
        """Return s - z_y and p_k - [k = y] for class numbers, Σ t (s - z) and p Σ t - t for targets."""
        xp, p = module_of(outputs), self.buffer("dy", outputs)
        z = xp.subtract(outputs, outputs.max(axis=1, keepdims=True), out=p)
        if labels.ndim == 2:
            return self._rows_of_targets(z, self.as_targets(outputs, labels))
        flat, places = p.reshape(-1), self.places(outputs, labels)
        certain, spread = 1 - self.label_smoothing, self.label_smoothing / outputs.shape[1]
        z_t = certain * flat[places]
        if spread:
            z_t += spread * self.row_sums(z)
        xp.exp(z, out=p)
        sums = self.row_sums(p)
        p /= sums[:, None]
        if spread:
            p -= spread
        flat[places] -= certain
        return xp.log(sums) - z_t, p

    def _rows_of_targets(self, z: Array, t: Array) -> tuple[Array, Array]:
        xp, p, total = module_of(z), z, t.sum(axis=1)
        xp.maximum(z, np.finfo(z.dtype).min, out=z)  # 0 · -inf would be NaN
        z_t = self.row_sums(xp.multiply(z, t, out=self.buffer("part", z)))
        xp.exp(z, out=p)
        sums = self.row_sums(p)
        p *= (total / sums)[:, None]
        p -= t
        return total * xp.log(sums) - z_t, p

    def checked(self, outputs: Array, labels: Array) -> Array:
        """Return the labels on the outputs' device, or raise if there is a single output."""
        if outputs.shape[1] == 1:
            raise ValueError("SoftmaxCrossEntropy needs at least 2 outputs, got 1: use SigmoidCrossEntropy")
        return super().checked(outputs, labels)


class SigmoidCrossEntropy(Loss):
    """Sigmoid and binary cross-entropy in one, for logits z: each output is a separate binary classifier.

    value: Σ_k -t log σ(z) - (1 - t) log(1 - σ(z)) = Σ_k max(z, 0) - z t + log(1 + exp(-|z|))
    grad:  σ(z) - t

    References
    ----------
    Bishop (2006), Pattern Recognition and Machine Learning, equations 4.90-4.91.

    Examples
    --------
    >>> value, dy = SigmoidCrossEntropy().value_and_grad(np.zeros((2, 1)), np.array([0, 1]))
    >>> round(float(value), 4), dy.tolist()
    (0.6931, [[0.25], [-0.25]])
    """

    def rows(self, outputs: Array, labels: Array) -> tuple[Array, Array]:
        """Return Σ max(z, 0) - z t + log(1 + exp(-|z|)) and σ(z) - t."""
        xp, t = module_of(outputs), self.as_targets(outputs, labels)
        e, dy, part = (self.buffer(name, outputs) for name in ("e", "dy", "part"))
        xp.abs(outputs, out=e)
        xp.negative(e, out=e)
        xp.exp(e, out=e)  # exp(-|z|), never above 1
        # Subtract before summing: max(z, 0) - z t is exact, while two large sums would cancel.
        xp.maximum(outputs, 0, out=dy)
        dy -= xp.multiply(outputs, t, out=part)
        dy += xp.log1p(e, out=part)
        values = self.row_sums(dy)
        xp.greater_equal(outputs, 0, out=dy)
        xp.maximum(dy, e, out=dy)  # σ(z) = max([z ≥ 0], exp(-|z|)) / (1 + exp(-|z|))
        e += 1
        dy /= e
        dy -= t
        return values, dy


class MeanSquaredError(Loss):
    """Mean squared error, 1/(2n) Σ ‖y - t‖², summed over outputs and averaged over rows.

    value: 1/2 Σ_k (y_k - t_k)²
    grad:  y - t

    Notes
    -----
    PyTorch's ``MSELoss`` also averages over outputs and has no 1/2. With 10 outputs it is a fifth of this.

    Examples
    --------
    >>> value, dy = MeanSquaredError().value_and_grad(np.array([[0.5], [1.0]]), np.array([[1.0], [1.0]]))
    >>> float(value), dy.tolist()
    (0.0625, [[-0.25], [0.0]])
    """

    threshold = 0.5

    def rows(self, outputs: Array, labels: Array) -> tuple[Array, Array]:
        """Return ‖y - t‖² / 2 and y - t."""
        xp, dy = module_of(outputs), self.buffer("dy", outputs)
        xp.subtract(outputs, self.as_targets(outputs, labels), out=dy)
        return self.row_sums(xp.multiply(dy, dy, out=self.buffer("part", outputs))) / 2, dy


def check_labels(labels: Any, n_rows: int, n_outputs: int) -> Array:
    """Return labels as class numbers (n,) or targets (n, k), or raise.

    Parameters
    ----------
    labels : array_like
    n_rows, n_outputs : int
        Shape of the outputs.

    Raises
    ------
    ValueError
        If the dtype, the shape or a class number does not fit. The message names the first wrong row.

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
    # Viewed as unsigned, negative numbers are huge, so the same comparison catches them.
    unsigned = labels.view(labels.dtype.str.replace("i", "u"))
    if to_host(unsigned.max()) >= n_classes:
        wrong, unsigned = to_host(labels), to_host(unsigned)
        row = int(np.argmax(unsigned >= n_classes))
        raise ValueError(
            f"labels must be class numbers from 0 to {n_classes - 1}, got {wrong[row]} in row {row}"
        )
    # `places` adds int64 to labels; uint64 would turn the sum into floats.
    return labels.astype(np.int64) if labels.dtype.kind == "u" and labels.dtype.itemsize == 8 else labels
