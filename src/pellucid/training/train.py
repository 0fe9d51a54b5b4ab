"""Training: a generator that yields a record an epoch, so that the caller logs, plots and stops.

The loop of gradient descent is in `pellucid.training.loop`.

>>> import numpy as np, pellucid as pl
>>> x, y = np.eye(2), np.array([0, 1])
>>> net = pl.Network([pl.Dense(2)]).build(n_in=2, rng=np.random.default_rng(0))
>>> for record in pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(1.0), x, y, epochs=50):
...     pass
>>> record.epoch, record.accuracy
(50, 1.0)
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from os import PathLike
from typing import Any

import numpy as np

from pellucid.backend import Array, to_device, to_host
from pellucid.checks import check_data, check_kind
from pellucid.losses import Loss
from pellucid.metrics import count_correct
from pellucid.network import Network, blocks
from pellucid.optimizers import Optimizer
from pellucid.training.arguments import BLOCK_ROWS, Arguments
from pellucid.training.checkpoint import Checkpoint
from pellucid.training.records import Record


def train(
    net: Network,
    loss: Loss,
    optimizer: Optimizer,
    x: Any,
    y: Any = None,
    *,
    epochs: int,
    batch_size: int | None = None,
    block_rows: int | None = BLOCK_ROWS,
    shuffle: bool = True,
    validation: tuple[Any, Any] | None = None,
    rng: np.random.Generator | None = None,
    per_batch: bool = False,
    compiled: bool | None = None,
    deterministic: bool = False,
    checkpoint: str | PathLike[str] | Checkpoint | None = None,
    every: int | None = None,
    resume: bool = False,
) -> Iterator[Record]:
    """Train a network by gradient descent; nothing happens until the records are asked for.

    Parameters
    ----------
    net : Network
        Built. Its ``theta`` is updated in place.
    loss : Loss
    optimizer : Optimizer
    x : array, shape (n, n_in), path, or iterable of (x, y)
        Read, never written. Whole numbers need a network that begins with `Rescale`. The path of an ``.npy``
        file is opened as a memory map. Of a memory map larger than 32 MiB two windows are in memory at a
        time, and mini-batches are shuffled as `pellucid.training.batches.FromFile` says. An iterable, gone
        through anew in every epoch, gives the batches themselves; then y is left out.
    y : array, shape (n,) or (n, n_out), or path
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
    compiled : bool, optional
        Whether to run the steps as code compiled by Numba (extra ``fast``), which gives the same numbers to
        rounding. None: where that is possible and, by the number and size of the steps and the zeros in x,
        pays, which it does not with per_batch.
    deterministic : bool
        Whether to compute products by one thread of BLAS and cut batches in one way, so that the same bits
        come out whatever the number of threads. Needs the extra ``fast``; on the CPU.
    checkpoint : path or Checkpoint, optional
        Where to save the state of the training, as one file that can be resumed from. A file that is there
        already needs ``resume=True``. A `Checkpoint` has room for arrays of the caller's own.
    every : int, optional
        Save after so many steps, in the middle of an epoch too, or a few more where steps are taken together;
        None: after each epoch. A training always saves at its end. An epoch's end is saved before its record
        is yielded.
    resume : bool
        Go on from the checkpoint to the same bits as without a break; where there is no file, from the start.
        Where BLAS, its number of threads or another library that computes has changed since, a warning is
        logged by the logger "pellucid", and last digits may differ.
        Give everything as at the first start, a network built anew too; only `epochs` may be more, and then
        the steps stay plain or compiled as they were. The first record is that of the last epoch if it was
        saved at its end, else of the epoch (or batch) that was running. An iterable of batches, and a
        learning rate that is a function, must be the same again, which cannot be checked.

    Yields
    ------
    Record

    Raises
    ------
    ValueError, TypeError
        If an argument cannot be right, a number in the data is NaN or infinite, or the checkpoint is damaged
        or another training's; raised by the call itself. Numbers of a memory map that is read in windows, and
        batches of an iterable, are checked when they are read, and ``theta`` then stays as the batches before
        have left it.
    OSError
        If a checkpoint cannot be written; the one before stays. FileExistsError, by the call itself, if there
        is one and ``resume`` is False.
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
    given = dict(locals())
    check_kind("net", net, Network)
    from pellucid.training.setup import start  # here: a program that trains nothing does not wait for it

    return (record for [record] in start(Arguments(nets=[given.pop("net")], **given)))


def train_many(
    nets: Sequence[Network],
    loss: Loss,
    optimizer: Optimizer,
    x: Any,
    y: Any = None,
    *,
    epochs: int,
    batch_size: int | None = None,
    block_rows: int | None = BLOCK_ROWS,
    shuffle: bool = True,
    validation: tuple[Any, Any] | None = None,
    rng: np.random.Generator | None = None,
    per_batch: bool = False,
    compiled: bool | None = None,
    deterministic: bool = False,
    checkpoint: str | PathLike[str] | Checkpoint | None = None,
    every: int | None = None,
    resume: bool = False,
) -> Iterator[list[Record]]:
    """Train several networks of one shape on the same batches, as one computation.

    Each gets the numbers, to rounding, that `train` gives it with an optimizer of its own and an equal `rng`;
    the time is far less, since all of them share their first product.

    Parameters
    ----------
    nets : sequence of Network
        Built, of one shape, dtype and settings, on the CPU, beginning with Dense or Rescale and Dense; they
        differ in their parameters, and in their generators for dropout.
    loss, optimizer, x, y, epochs, batch_size, block_rows, shuffle, validation, rng, per_batch, compiled,
    deterministic, checkpoint, every, resume
        As in `train`. All networks are stepped by one copy of the optimizer; the one given stays as it is.

    Yields
    ------
    list of Record
        One for each network. The networks' parameters are those after the epoch or the batch; changing them
        in between has no effect.

    Raises
    ------
    ValueError, TypeError, OSError, FloatingPointError
        As `train`; also if the networks are not alike.

    Notes
    -----
    Seeds that share their batches share the split and its order: an interval over them leaves out what these
    contribute to the variance.

    Examples
    --------
    >>> import pellucid as pl
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(100, 3)), rng.integers(2, size=100)
    >>> nets = [pl.Network([pl.Dense(2)]).build(n_in=3, rng=np.random.default_rng(i)) for i in range(5)]
    >>> for records in pl.train_many(nets, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y, epochs=2):
    ...     losses = [record.loss for record in records]
    >>> len(losses)
    5
    """
    given = dict(locals())
    check_kind("optimizer", optimizer, Optimizer)
    from pellucid.training.setup import start

    return start(Arguments(**{**given, "nets": list(nets), "optimizer": deepcopy(optimizer)}))


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

    Raises
    ------
    ValueError
        As `train`: of data that hold NaN there is no loss.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.Network([pl.Dense(2, init=pl.zeros)]).build(n_in=2, rng=np.random.default_rng(0))
    >>> value, right = evaluate(net, pl.SoftmaxCrossEntropy(), np.eye(2), np.array([0, 1]))
    >>> round(value, 4), right
    (0.6931, 0.5)
    """
    net.check_built()
    return measure(net, loss, *check_data(net, x, y), block_rows=block_rows)


def measure(
    net: Network, loss: Loss, x: Array, y: Array, *, block_rows: int = BLOCK_ROWS
) -> tuple[float, float]:
    """Return the mean loss and the accuracy on data that `check_data` returned."""
    total, n_correct = 0.0, 0
    for rows in blocks(len(x), block_rows):
        outputs, labels = net.forward(x[rows]), to_device(y[rows], net.device)
        value, _ = loss.value_and_grad(outputs, labels)
        total += float(to_host(value)) * len(outputs)
        n_correct += int(to_host(count_correct(outputs, labels, loss.threshold)))
    return total / len(x), n_correct / len(x)
