"""Training: a generator that yields a record an epoch, so that the caller logs, plots, stops.

One step is always the same four lines: forward, loss, backward, update.

>>> import numpy as np, pellucid as pl
>>> x, y = np.eye(2), np.array([0, 1])
>>> net = pl.Network([pl.Dense(2)]).build(n_in=2, rng=np.random.default_rng(0))
>>> for record in pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(1.0), x, y, epochs=50):
...     pass
>>> record.epoch, record.accuracy
(50, 1.0)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.backend import Array, as_array
from pellucid.layers import Sigmoid, Softmax
from pellucid.losses import Loss, SigmoidCrossEntropy, SoftmaxCrossEntropy, check_labels
from pellucid.metrics import count_correct
from pellucid.network import Network, blocks
from pellucid.optimizers import Optimizer

#: Rows whose activations fit the processor's cache; full-batch descent walks the data in such blocks.
BLOCK_ROWS = 2048


@dataclass(frozen=True)
class Record:
    """What one epoch, or with ``per_batch=True`` one batch, has shown.

    Attributes
    ----------
    epoch : int
        From 1.
    batch : int or None
        From 1 in a batch's record; None in an epoch's.
    loss, accuracy : float
        Means over the rows of the training passes, before each update and with dropout on. The accuracy is a
        fraction.
    validation_loss, validation_accuracy : float or None
        Measured after the epoch with ``train=False``; None without validation data.

    Examples
    --------
    >>> Record(epoch=3, batch=None, loss=0.25, accuracy=0.9)  # doctest: +NORMALIZE_WHITESPACE
    Record(epoch=3, batch=None, loss=0.25, accuracy=0.9,
           validation_loss=None, validation_accuracy=None)
    """

    epoch: int
    batch: int | None
    loss: float
    accuracy: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


def train(
    net: Network,
    loss: Loss,
    optimizer: Optimizer,
    x: Any,
    y: Any,
    *,
    epochs: int,
    batch_size: int | None = None,
    block_rows: int | None = BLOCK_ROWS,
    shuffle: bool = True,
    validation: tuple[Any, Any] | None = None,
    rng: np.random.Generator | None = None,
    per_batch: bool = False,
) -> Iterator[Record]:
    """Train a network by gradient descent; nothing happens until the records are asked for.

    Parameters
    ----------
    net : Network
        Built. Its ``theta`` is updated in place.
    loss : Loss
    optimizer : Optimizer
    x : array, shape (n, n_in)
        Read, never written. Whole numbers need a network that begins with `Rescale`.
    y : array, shape (n,) or (n, n_out)
        Class numbers or targets.
    epochs : int
        Passes over the data.
    batch_size : int, optional
        Rows a step; a last smaller batch is used. None: full-batch gradient descent, one step an epoch.
    block_rows : int, optional
        In full batch, rows computed at a time: the gradient is the same sum. None: one pass.
    shuffle : bool
        Whether mini-batches are drawn from a fresh permutation in each epoch.
    validation : (x, y), optional
        Measured after each epoch.
    rng : numpy.random.Generator, optional
        Draws the permutations: needed where there is a batch_size and shuffle is True.
    per_batch : bool
        Also yield a record for each batch.

    Yields
    ------
    Record

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be right; raised by the call itself.
    FloatingPointError
        If a batch's loss or the parameters are no longer finite. It names the epoch and the batch, and
        ``theta`` is put back as it was when that epoch began.

    Examples
    --------
    >>> import pellucid as pl
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(100, 3)), rng.integers(2, size=100)
    >>> net = pl.Network([pl.Dense(4), pl.ReLU(), pl.Dense(2)]).build(n_in=3, rng=rng)
    >>> loss, optimizer = pl.SoftmaxCrossEntropy(), pl.Adam()
    >>> [r.epoch for r in pl.train(net, loss, optimizer, x, y, epochs=2, batch_size=32, rng=rng)]
    [1, 2]
    """
    for name, value, kind in (
        ("net", net, Network),
        ("loss", loss, Loss),
        ("optimizer", optimizer, Optimizer),
    ):
        if not isinstance(value, kind):
            raise TypeError(f"{name} must be a pellucid.{kind.__name__}, an instance of it, got {value!r}")
    x, y = _check_data(net, x, y)
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise TypeError(f"validation must be a pair (x, y), got {type(validation).__name__}")
        validation = _check_data(net, *validation, what="validation ")
    for name, number in (("epochs", epochs), ("batch_size", batch_size), ("block_rows", block_rows)):
        _check_count(name, number, may_be_none=name != "epochs")
    _check_ending(net, loss)
    if batch_size is not None and shuffle and not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a generator such as numpy.random.default_rng(0) to shuffle, got {rng!r}"
        )
    batches = _Batches(x, y, batch_size, rng if shuffle else None)
    step = _Step(net, loss, optimizer, block_rows)
    return _epochs(step, batches, epochs, validation=validation, per_batch=per_batch)


def evaluate(
    net: Network, loss: Loss, x: Any, y: Any, *, block_rows: int = BLOCK_ROWS
) -> tuple[float, float]:
    """Return the mean loss and the accuracy (a fraction) of a network, dropout off.

    Parameters
    ----------
    net : Network
    loss : Loss
    x, y : array
        As in `train`.
    block_rows : int
        Rows computed at a time.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.Network([pl.Dense(2, init=pl.zeros)]).build(n_in=2, rng=np.random.default_rng(0))
    >>> value, right = evaluate(net, pl.SoftmaxCrossEntropy(), np.eye(2), np.array([0, 1]))
    >>> round(value, 4), right
    (0.6931, 0.5)
    """
    x, y = _check_data(net, x, y)
    total, correct = 0.0, 0
    for rows in blocks(len(x), block_rows):
        outputs = net.forward(x[rows])
        value, _ = loss.value_and_grad(outputs, y[rows])
        total += float(value) * len(outputs)
        correct += int(count_correct(outputs, y[rows], loss.threshold))
    return total / len(x), correct / len(x)


class _Batches:
    """The rows of each step: all of them, or batches of a fresh permutation or in the order of the rows."""

    def __init__(self, x: Array, y: Array, batch_size: int | None, rng: np.random.Generator | None) -> None:
        self.x, self.y = x, y
        self.size = len(x) if batch_size is None else min(batch_size, len(x))
        self.rng = None if batch_size is None else rng
        self.rows = np.array([rows.stop - rows.start for rows in blocks(len(x), self.size)])
        if self.rng is not None:
            self.batch = np.empty((self.size, *x.shape[1:]), x.dtype)
            self.labels = np.empty((self.size, *y.shape[1:]), y.dtype)

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        """Yield the batches of one epoch."""
        order = None if self.rng is None else self.rng.permutation(len(self.x))
        for rows in blocks(len(self.x), self.size):
            yield (self.x[rows], self.y[rows]) if order is None else self._gather(order[rows])

    def _gather(self, chosen: Array) -> tuple[Array, Array]:
        """Copy the chosen rows into the batch's buffers; "clip" spares a check that cannot fail."""
        n = len(chosen)
        x = np.take(self.x, chosen, axis=0, mode="clip", out=self.batch[:n])
        return x, np.take(self.y, chosen, axis=0, mode="clip", out=self.labels[:n])


class _Step:
    """One step of gradient descent: forward, loss, backward, update."""

    def __init__(self, net: Network, loss: Loss, optimizer: Optimizer, block_rows: int | None) -> None:
        self.net, self.loss, self.optimizer, self.block_rows = net, loss, optimizer, block_rows

    def __call__(self, x: Array, y: Array) -> tuple[Any, Any]:
        """Take the step on a batch; return its loss and how many rows were right before it."""
        net = self.net
        one_block = self.block_rows is None or len(x) <= self.block_rows
        value, correct = self.gradient(x, y) if one_block else self.gradient_in_blocks(x, y)
        self.optimizer.step(net.theta, net.grad, net.n_weights)
        return value, correct

    def gradient(self, x: Array, y: Array) -> tuple[Any, Any]:
        """Fill net.grad with the gradient of the batch's mean loss."""
        outputs = self.net.forward(x, train=True)
        value, dy = self.loss.value_and_grad(outputs, y)
        correct = count_correct(outputs, y, self.loss.threshold)
        self.net.backward(dy)
        return value, correct

    def gradient_in_blocks(self, x: Array, y: Array) -> tuple[Any, Any]:
        """Do the same block by block: a block's mean, times its share of the rows, adds up to the whole's."""
        if not hasattr(self, "total"):
            self.total = np.empty_like(self.net.grad)
        self.total.fill(0)
        total_value, total_correct = 0.0, 0
        for rows in blocks(len(x), self.block_rows):
            value, correct = self.gradient(x[rows], y[rows])
            share = (rows.stop - rows.start) / len(x)
            self.total += np.multiply(self.net.grad, share, out=self.net.grad)
            total_value, total_correct = total_value + value * share, total_correct + correct
        np.copyto(self.net.grad, self.total)
        return total_value, total_correct


def _epochs(
    step: _Step, batches: _Batches, epochs: int, *, validation: tuple[Array, Array] | None, per_batch: bool
) -> Iterator[Record]:
    """Run the epochs and make their records."""
    net, rows = step.net, batches.rows
    losses, correct = np.empty(len(rows), net.dtype), np.empty(len(rows), np.int64)
    before = np.empty_like(net.theta)
    for epoch in range(1, epochs + 1):
        np.copyto(before, net.theta)
        for i, (x, y) in enumerate(batches):
            # Numbers that overflow are reported by _check_finite, with epoch and batch, not as a warning.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                losses[i], correct[i] = step(x, y)
            if per_batch:
                _check_finite(net, losses[: i + 1], before, epoch)
                yield Record(epoch, i + 1, float(losses[i]), float(correct[i] / rows[i]))
        _check_finite(net, losses, before, epoch)
        mean_loss = float((losses.astype(np.float64) * rows).sum() / rows.sum())
        with np.errstate(over="ignore", invalid="ignore"):  # a validation loss of inf says so itself
            measured = (None, None) if validation is None else evaluate(net, step.loss, *validation)
        yield Record(epoch, None, mean_loss, float(correct.sum() / rows.sum()), *measured)


def _check_data(net: Network, x: Any, y: Any, *, what: str = "") -> tuple[Array, Array]:
    """Return x and y ready to train on, or raise: shapes, dtypes and class numbers, once for all batches."""
    if not net.built:
        raise RuntimeError("the network has no parameters yet: call net.build(n_in, rng=...) first")
    x = as_array(x)
    if x.ndim != 2 or x.shape[1] != net.n_in or len(x) == 0:
        raise ValueError(f"{what}x must have shape (n, {net.n_in}) with n >= 1, got {x.shape}")
    if x.dtype.kind in "bui" and not net.layers[0].casts:
        raise ValueError(
            f"{what}x holds {x.dtype}, which is never rescaled silently: begin the network with "
            "pellucid.Rescale(1 / 255), or convert x to floats"
        )
    if x.dtype.kind not in "buif":
        raise ValueError(f"{what}x must hold real numbers, got dtype {x.dtype}")
    y = check_labels(y, len(x), net.n_out)
    return x, y.astype(net.dtype, copy=False) if y.dtype.kind == "f" else y


def _check_count(name: str, number: Any, *, may_be_none: bool) -> None:
    """Raise unless a number is whole and at least 1, or None where that is allowed."""
    if number is None and may_be_none:
        return
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {number!r}")


def _check_ending(net: Network, loss: Loss) -> None:
    """Raise where the last layer does not fit the loss, or applies what the fused loss applies too."""
    if isinstance(loss, SoftmaxCrossEntropy) and net.n_out == 1:
        raise ValueError("SoftmaxCrossEntropy needs at least 2 outputs, got 1: use SigmoidCrossEntropy")
    for layer, fused in ((Softmax, SoftmaxCrossEntropy), (Sigmoid, SigmoidCrossEntropy)):
        if isinstance(net.layers[-1], layer) and isinstance(loss, fused):
            raise ValueError(
                f"{fused.__name__} applies the {layer.__name__} itself, and the network ends in one: "
                "leave the last layer out"
            )


def _check_finite(net: Network, losses: Array, before: Array, epoch: int) -> None:
    """Raise, with theta put back, if a loss so far or the parameters are not finite."""
    finite = np.isfinite(losses)
    # Both ends finite: all is, NaN included, and no array of theta's size is made.
    ends = net.theta.min(initial=0), net.theta.max(initial=0)
    if finite.all() and np.isfinite(ends).all():
        return
    where = f"after batch {len(losses)} the parameters are"
    if not finite.all():
        batch = int(np.argmin(finite))
        where = f"in batch {batch + 1} the loss is {losses[batch]},"
    np.copyto(net.theta, before)
    raise FloatingPointError(
        f"epoch {epoch}: {where} not finite; theta is as it was before this epoch, the optimizer "
        "is not: make a new one. A smaller learning rate, rescaled input or another initializer usually helps"
    )
