"""Training: a generator that yields a record an epoch, so that the caller logs, plots, stops.

Here arguments are checked and the parts chosen; the loop is in `pellucid.training.loop`, the steps are in
`pellucid.training.step`.

>>> import numpy as np, pellucid as pl
>>> x, y = np.eye(2), np.array([0, 1])
>>> net = pl.Network([pl.Dense(2)]).build(n_in=2, rng=np.random.default_rng(0))
>>> for record in pl.train(net, pl.SoftmaxCrossEntropy(), pl.SGD(1.0), x, y, epochs=50):
...     pass
>>> record.epoch, record.accuracy
(50, 1.0)
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.backend import Array, to_device, to_host
from pellucid.checks import (
    check_count,
    check_data,
    check_ending,
    check_finite,
    check_form,
    check_kind,
    kept_as,
)
from pellucid.compiled.program import (
    FIXED_SHARES,
    NEEDED,
    THREADS_NEEDED,
    check_installed,
    is_installed,
    n_sparse,
    pays,
    why_not,
)
from pellucid.losses import Loss
from pellucid.metrics import count_correct
from pellucid.network import Network, blocks
from pellucid.optimizers import Optimizer
from pellucid.provenance import Arithmetic, arithmetic
from pellucid.training.batches import WINDOW_BYTES, FromBatches, FromFile, InMemory, Source
from pellucid.training.checkpoint import Checkpoint
from pellucid.training.many import Model, Single, Stack
from pellucid.training.records import Measured, Record
from pellucid.training.step import Descent, PlainDescent

if TYPE_CHECKING:
    from pellucid.training.loop import Loop

#: Rows whose activations fit the processor's cache; full-batch descent walks the data in such blocks.
BLOCK_ROWS = 2048
#: From so many networks on, batches of at most so many rows are computed by two threads that have half of the
#: networks each.
FEW_NETS, SMALL_BATCH = 4, 256
#: The packages whose code is in compiled steps.
COMPILERS = ("numba", "scipy")


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
    check_kind("net", net, Network)
    records = _prepare(
        [net], loss, optimizer, x, y, epochs=epochs, batch_size=batch_size, block_rows=block_rows,
        shuffle=shuffle, validation=validation, rng=rng, per_batch=per_batch, compiled=compiled,
        deterministic=deterministic, checkpoint=checkpoint, every=every, resume=resume,
    )  # fmt: skip
    return (record for [record] in records)


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
    nets = list(nets)
    if not nets:
        raise ValueError("nets must hold at least one network, got an empty list")
    for j, net in enumerate(nets):
        check_kind(f"nets[{j}]", net, Network)
    check_kind("optimizer", optimizer, Optimizer)
    return _prepare(
        nets, loss, deepcopy(optimizer), x, y, epochs=epochs, batch_size=batch_size, block_rows=block_rows,
        shuffle=shuffle, validation=validation, rng=rng, per_batch=per_batch, compiled=compiled,
        deterministic=deterministic, checkpoint=checkpoint, every=every, resume=resume,
    )  # fmt: skip


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
    return _measure(net, loss, *check_data(net, x, y), block_rows)


def _measure(net: Network, loss: Loss, x: Array, y: Array, block_rows: int) -> tuple[float, float]:
    """Return the mean loss and the accuracy on data that have been checked."""
    total, correct = 0.0, 0
    for rows in blocks(len(x), block_rows):
        outputs, labels = net.forward(x[rows]), to_device(y[rows], net.device)
        value, _ = loss.value_and_grad(outputs, labels)
        total += float(to_host(value)) * len(outputs)
        correct += int(to_host(count_correct(outputs, labels, loss.threshold)))
    return total / len(x), correct / len(x)


def _prepare(
    nets: Sequence[Network], loss: Loss, optimizer: Optimizer, x: Any, y: Any, *, epochs: int,
    batch_size: int | None, block_rows: int | None, shuffle: bool, validation: tuple[Any, Any] | None,
    rng: np.random.Generator | None, per_batch: bool, compiled: bool | None, deterministic: bool,
    checkpoint: str | PathLike[str] | Checkpoint | None, every: int | None, resume: bool,
) -> Iterator[list[Record]]:  # fmt: skip
    """Check all arguments, then return the generator that trains."""
    # Here, since a program that trains nothing should not wait for the loop and what belongs to checkpoints.
    from pellucid.training.loop import Loop, Saving
    from pellucid.training.resuming import check_fits, describe_training

    net = _check_nets(nets, loss, optimizer)
    check_count("epochs", epochs, may_be_none=False)
    for name, number in (("batch_size", batch_size), ("block_rows", block_rows), ("every", every)):
        check_count(name, number, may_be_none=True)
    for name, flag in (("deterministic", deterministic), ("resume", resume)):
        if not isinstance(flag, bool):
            raise TypeError(f"{name} must be True or False, got {flag!r}")
    held_out = _check_validation(net, validation)
    source = _source(x, y, net, batch_size, _order(rng, batch_size) if shuffle else None)
    is_for_two = 0 < source.batch_size <= SMALL_BATCH and len(nets) >= FEW_NETS
    model = Single(net) if len(nets) == 1 else Stack(nets, 2 if is_for_two else 1)
    saved = _as_checkpoint(checkpoint, every, resume=resume)
    start = saved.load() if saved and resume else None
    if start is not None and compiled is None:
        compiled = start.training.get("steps") != PlainDescent.__name__  # as before, whatever would pay now
    descent = _choose_descent(
        model, loss, optimizer, source, epochs, block_rows, compiled,
        per_batch=per_batch, deterministic=deterministic,
    )  # fmt: skip
    loop = Loop(
        model, descent, optimizer, source, epochs, partial(_validate, loss=loss, validation=held_out),
        per_batch=per_batch, threads=_threads(net, deterministic=deterministic),
    )  # fmt: skip
    if saved is not None:
        settings = {"block_rows": block_rows and int(block_rows), "deterministic": deterministic}
        loop.saving = Saving(
            saved, every, describe_training(loop, loss, held_out, settings),
            partial(_arithmetic, loop, deterministic=deterministic),
        )  # fmt: skip
    if start is not None:
        check_fits(start, loop)
    return loop.run(start)


def _check_nets(nets: Sequence[Network], loss: Loss, optimizer: Optimizer) -> Network:
    """Return the first network, unless one cannot be trained with this loss."""
    check_kind("loss", loss, Loss)
    check_kind("optimizer", optimizer, Optimizer)
    for net in nets:
        net.check_built()
    check_ending(nets[0], loss)
    if len(nets) > 1 and not loss.by_rows:
        raise ValueError(f"networks are trained at once by a loss that has rows of its own, got {loss!r}")
    return nets[0]


def _check_validation(net: Network, validation: Any) -> tuple[Array, Array] | None:
    """Return the validation rows in the form in which they are measured."""
    if validation is None:
        return None
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise TypeError(f"validation must be a pair (x, y), got {type(validation).__name__}")
    return check_data(net, *validation, what="validation ")


def _order(rng: np.random.Generator | None, batch_size: int | None) -> np.random.Generator | None:
    """Return the generator of permutations; mini-batches need one."""
    if batch_size is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a generator such as numpy.random.default_rng(0) to shuffle, got {rng!r}"
        )
    return rng


def _arithmetic(loop: "Loop", *, deterministic: bool) -> Arithmetic:
    """Return with what a training's steps are computed here and now."""
    on_cpu = loop.model.device == "cpu"
    compilers = COMPILERS if on_cpu and not isinstance(loop.descent, PlainDescent) else ()
    return arithmetic(["pellucid", *compilers], with_blas=on_cpu, with_threads=on_cpu and not deterministic)


def _as_checkpoint(
    checkpoint: str | PathLike[str] | Checkpoint | None, every: int | None, *, resume: bool
) -> Checkpoint | None:
    """Return where to save, or raise where that cannot be or is missing."""
    if checkpoint is None:
        if every is not None or resume:
            named = f"every={every}" if every is not None else "resume=True"
            raise ValueError(f"{named} belongs to a checkpoint: give its path by checkpoint=")
        return None
    saved = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)
    saved.check_place(resume=resume)
    return saved


def _threads(net: Network, *, deterministic: bool) -> Callable[[], AbstractContextManager[None]]:
    """Return the context for products: one thread, or as many as BLAS has."""
    if not deterministic:
        return nullcontext
    if net.device != "cpu":
        raise ValueError(f"deterministic=True is for the CPU, got a network on {net.device!r}")
    check_installed("deterministic training", THREADS_NEEDED)
    from pellucid.compiled.threads.blas import one_thread_each

    return one_thread_each


def _source(x: Any, y: Any, net: Network, batch_size: int | None, rng: np.random.Generator | None) -> Source:
    """Return where the rows come from: arrays, a file larger than a window, or batches one by one."""
    if y is None:
        if batch_size is not None:
            raise ValueError(f"batches come as they are without y: leave batch_size={batch_size} out")
        if isinstance(x, np.ndarray) or not isinstance(x, Iterable):
            raise TypeError(f"without y, x must be an iterable of batches (x, y), got {type(x).__name__}")
        return FromBatches(x, partial(check_data, net), net.device)
    x, y = check_form(net, x, y)
    if isinstance(x, np.memmap) and batch_size is not None and x.nbytes > WINDOW_BYTES:
        return FromFile(x, y, batch_size, rng, net.device, kept_as(net, x))
    check_finite("x", x, kept_as(net, x))
    return InMemory(x, y, batch_size, rng, net.device)


def _choose_descent(
    model: Model, loss: Loss, optimizer: Optimizer, source: Source, epochs: int, block_rows: int | None,
    compiled: bool | None, *, per_batch: bool, deterministic: bool,
) -> Descent:  # fmt: skip
    """Return the compiled descent where it is wanted, or can be had and pays; else the plain one."""
    obstacle = why_not(model.nets, loss, optimizer, source.labels)
    if compiled and obstacle:
        raise ValueError(f"compiled=True is not possible: {obstacle}")
    on_gpu = model.device == "gpu"
    if compiled is None:
        # The GPU's kernels always pay; labels of batches that come one by one may turn out to be targets.
        # A call of compiled code for each step would take longer than it saves.
        compiled = obstacle is None and (
            source.labels is not None if on_gpu else not per_batch and _saves_time(model, source, epochs)
        )
    if not compiled:
        return PlainDescent(model, loss, optimizer, source.batch_size, block_rows)
    if on_gpu:
        from pellucid.compiled.gpu.fused import FusedDescent

        return FusedDescent(model, loss, optimizer)
    check_installed("compiled training", NEEDED)
    from pellucid.compiled.descent import CompiledDescent

    return CompiledDescent(
        model,
        loss,
        optimizer,
        source.batch_size,
        block_rows,
        FIXED_SHARES if deterministic else None,
        source.x,
    )


def _saves_time(model: Model, source: Source, epochs: int) -> bool:
    """Whether to compile on the CPU where nobody has said."""
    sizes = model.n_weights, epochs * source.n_rows, epochs * source.n_steps
    return pays(*sizes, n_sparse(model.nets, source.x)) and is_installed()


def _validate(net: Network, loss: Loss, validation: tuple[Array, Array] | None) -> Measured:
    """Return loss and accuracy on the validation rows."""
    if validation is None:
        return None, None
    with np.errstate(over="ignore", invalid="ignore"):  # a validation loss of inf says so itself
        return _measure(net, loss, *validation, BLOCK_ROWS)
