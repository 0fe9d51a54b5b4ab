"""Training: a generator that yields a record per epoch, so that the caller can log, plot or stop.

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

from pellucid.checks import check_data, check_kind
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import Optimizer
from pellucid.training.arguments import Arguments
from pellucid.training.batches import BLOCK_ROWS
from pellucid.training.checkpoint import Checkpoint
from pellucid.training.records import Record, measure


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
    """Train a network by gradient descent. Training starts when the first record is requested.

    Parameters
    ----------
    net : Network
        A built network. Its ``theta`` is updated in place.
    loss : Loss
    optimizer : Optimizer
    x : array, shape (n, n_in), path, or iterable of (x, y)
        Read, never written. Integers need a network that begins with `Rescale`. The path of an ``.npy`` file
        is opened as a memory map. With ``batch_size``, a map larger than 32 MiB is read window by window, two
        of which are in memory; `pellucid.training.memory_map.windows.FromFile` describes how its rows are
        shuffled. An iterable yields whole batches, without y, and is iterated once per epoch.
    y : array, shape (n,) or (n, n_out), or path
        Class numbers or targets.
    epochs : int
        Passes over the data.
    batch_size : int, optional
        Rows per step; a smaller last batch is used. None: full-batch gradient descent, one step per epoch.
    block_rows : int, optional
        Larger batches are computed in blocks of this many rows, whose gradients add up. None: one pass.
    shuffle : bool
        Whether each epoch draws its mini-batches from a new permutation of the rows.
    validation : (x, y), optional
        Held-out rows, measured after each epoch.
    rng : numpy.random.Generator, optional
        Draws the permutations. Required with ``batch_size`` if ``shuffle`` is True.
    per_batch : bool
        Also yield a record after each batch.
    compiled : bool, optional
        Whether Numba (extra ``fast``) compiles the steps, which gives the same numbers up to rounding. None:
        compile if that is possible and saves time, judged by the number and size of the steps and by the
        zeros in x; never with ``per_batch``.
    deterministic : bool
        Whether results are identical for any number of threads: matrix products use one BLAS thread, and
        batches are always cut in the same way. Needs the extra ``fast``; CPU only.
    checkpoint : path or Checkpoint, optional
        The file in which the state of the run is saved. An existing file needs ``resume=True``. A
        `Checkpoint` can also hold your own arrays.
    every : int, optional
        Save after this many steps, or a few more where several steps are taken in one call. None: save after
        each epoch, before its record is yielded. The end of the run is always saved.
    resume : bool
        Continue from the checkpoint, bit for bit as if uninterrupted; start from scratch if there is no
        file. If BLAS, its number of threads or another numerical library has changed, the logger
        "pellucid" warns that the last digits may differ. Pass the same arguments as before, and a newly built
        network; only ``epochs`` may be larger. The first record repeats that of the last finished epoch if
        the checkpoint was saved at its end; otherwise it belongs to the interrupted epoch (or batch). An
        iterable of batches and a learning-rate function must be the same as before, which cannot be checked.

    Yields
    ------
    Record

    Raises
    ------
    ValueError, TypeError
        If an argument is invalid, the data contain NaN or infinity, or the checkpoint is damaged or belongs
        to another run. The call raises, before the first record. Windows of a memory map and batches of an
        iterable are checked when they are read; ``theta`` then keeps the updates of the earlier batches.
    OSError
        If a checkpoint cannot be written; the previous one is kept. FileExistsError if the file exists and
        ``resume`` is False.
    FloatingPointError
        If the loss of a batch or the parameters become infinite or NaN. The error names epoch and batch, and
        ``theta`` is restored to its values at the start of that epoch.

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
    from pellucid.training.setup import start  # imported here to keep `import pellucid` fast

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

    Each network gets the same numbers, up to rounding, as from `train` with its own optimizer and an equal
    `rng`. This takes far less time, because all networks share their first matrix product.

    Parameters
    ----------
    nets : sequence of Network
        Built networks on the CPU with equal layers, shapes and dtype, starting with Dense or with Rescale and
        Dense. They differ in their parameters and their generators for dropout.
    loss, optimizer, x, y, epochs, batch_size, block_rows, shuffle, validation, rng, per_batch, compiled,
    deterministic, checkpoint, every, resume
        As in `train`. One copy of the optimizer updates all networks; yours is not changed.

    Yields
    ------
    list of Record
        One record per network. Between two records the networks hold their current parameters; changing them
        there has no effect.

    Raises
    ------
    ValueError, TypeError, OSError, FloatingPointError
        As `train`; also if the networks differ in shape.

    Notes
    -----
    Networks trained together see the same split and the same batches. A confidence interval over their
    results does not include the variance due to the split and the order of rows.

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
    """Return the mean loss and the accuracy (a fraction) of a network, with dropout off.

    Parameters
    ----------
    net : Network
    loss : Loss
    x, y : array
        As in `train`.
    block_rows : int
        Rows per block, to save memory.

    Raises
    ------
    ValueError
        As `train`, for example if the data contain NaN.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.Network([pl.Dense(2, init=pl.zeros)]).build(n_in=2, rng=np.random.default_rng(0))
    >>> value, accuracy = evaluate(net, pl.SoftmaxCrossEntropy(), np.eye(2), np.array([0, 1]))
    >>> round(value, 4), accuracy
    (0.6931, 0.5)
    """
    net.check_built()
    return measure(net, loss, *check_data(net, x, y), block_rows=block_rows)
