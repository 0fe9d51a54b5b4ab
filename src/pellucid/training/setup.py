"""From checked arguments to a training run: open and check the data, and choose the parts."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import numpy as np

from pellucid.backend import Array
from pellucid.checks import check_data, check_finite, check_form, kept_as
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
from pellucid.network import Network
from pellucid.provenance import Arithmetic, arithmetic
from pellucid.training.arguments import Arguments
from pellucid.training.batches import FromBatches, InMemory, Source
from pellucid.training.checkpoint import Checkpoint, Snapshot
from pellucid.training.epochs import CompiledSteps, Saving, Training
from pellucid.training.loop import run
from pellucid.training.many import Model, Single, Stack, StepLoss
from pellucid.training.memory_map.windows import WINDOW_BYTES, FromFile
from pellucid.training.records import Measured, Record, measure
from pellucid.training.resuming import PLAIN, check_fits, describe_training

#: With at least `FEW_NETS` networks, batches of up to `SMALL_BATCH` rows are split between two threads: each
#: computes half of the networks.
FEW_NETS, SMALL_BATCH = 4, 256
#: The packages that compute compiled steps.
COMPILERS = ("numba", "scipy")


def start(given: Arguments) -> Iterator[list[Record]]:
    """Return the generator of records; training starts when the first one is requested."""
    validation = check_data(given.net, *given.validation, what="validation ") if given.validation else None
    source = open_source(given)
    model = make_model(given, source.batch_size)
    snapshot = given.checkpoint.load() if isinstance(given.checkpoint, Checkpoint) and given.resume else None
    compiled = choose_compiled(given, model, source, snapshot)
    training = Training(
        model=model,
        loss=StepLoss(given.loss, model.k),
        optimizer=given.optimizer,
        source=source,
        compiled=compiled,
        n_epochs=given.epochs,
        block_rows=given.block_rows,
        measure=partial(_validate, loss=given.loss, validation=validation),
        per_batch=given.per_batch,
        threads=_threads(given),
    )
    if isinstance(given.checkpoint, Checkpoint):
        about = describe_training(training, given, validation)
        training.saving = Saving(given.checkpoint, given.every, about, partial(_arithmetic, training, given))
    if snapshot is not None:
        check_fits(snapshot, training)
    return run(training, snapshot)


def open_source(given: Arguments) -> Source:
    """Return where the rows come from: arrays, a large memory map, or an iterable of batches."""
    net, rng = given.net, given.order_rng
    if given.y is None:
        return FromBatches(given.x, partial(check_data, net), net.device)
    x, y = check_form(net, given.x, given.y)
    if isinstance(x, np.memmap) and given.batch_size is not None and x.nbytes > WINDOW_BYTES:
        return FromFile(x, y, given.batch_size, rng, net.device, kept_as(net, x))
    check_finite("x", x, kept_as(net, x))
    return InMemory(x, y, given.batch_size, rng, net.device)


def make_model(given: Arguments, batch_size: int) -> Model:
    """Return a single network as `Single`, or several as a `Stack`."""
    if len(given.nets) == 1:
        return Single(given.net)
    in_two_threads = 0 < batch_size <= SMALL_BATCH and len(given.nets) >= FEW_NETS
    return Stack(given.nets, 2 if in_two_threads else 1)


def choose_compiled(
    given: Arguments, model: Model, source: Source, snapshot: Snapshot | None
) -> CompiledSteps | None:
    """Return compiled code for the steps if it is requested, or if it is possible and saves time; else None.

    A resumed run continues with the kind of steps, plain or compiled, that it started with.
    """
    wanted = given.compiled
    if wanted is None and snapshot is not None:
        wanted = snapshot.training.get("steps") != PLAIN
    obstacle = why_not(model.nets, given.loss, given.optimizer, source.labels)
    if wanted and obstacle:
        raise ValueError(f"compiled=True is not possible: {obstacle}")
    if wanted is None:
        wanted = obstacle is None and _pays(given, model, source)
    return _compiled(given, model, source) if wanted else None


def _pays(given: Arguments, model: Model, source: Source) -> bool:
    """Whether compiled steps save time. On a GPU they always do, but the labels must be known in advance.

    With ``per_batch``, calling compiled code for each step takes longer than it saves.
    """
    if model.device == "gpu":
        return source.labels is not None
    n_epochs = given.epochs
    sizes = model.n_weights, n_epochs * source.n_rows, n_epochs * source.n_steps
    return not given.per_batch and pays(*sizes, n_sparse(model.nets, source.x)) and is_installed()


def _compiled(given: Arguments, model: Model, source: Source) -> CompiledSteps:
    """Return the compiled steps of the model's device."""
    if model.device == "gpu":
        from pellucid.compiled.gpu.fused import FusedDescent

        return FusedDescent(model, given.loss, given.optimizer)
    check_installed("compiled training", NEEDED)
    from pellucid.compiled.descent import CompiledDescent

    n_shares = FIXED_SHARES if given.deterministic else None
    return CompiledDescent(
        model, given.loss, given.optimizer, source.batch_size, given.block_rows, n_shares, source.x
    )


def _threads(given: Arguments) -> Callable[[], AbstractContextManager[None]]:
    """Return the context for matrix products: one thread, or as many as BLAS has."""
    if not given.deterministic:
        return nullcontext
    check_installed("deterministic training", THREADS_NEEDED)
    from pellucid.compiled.threads.blas import one_thread_each

    return one_thread_each


def _arithmetic(training: Training, given: Arguments) -> Arithmetic:
    """Return the versions and hardware that determine the run bit for bit."""
    on_cpu = training.model.device == "cpu"
    packages = ["pellucid", *(COMPILERS if on_cpu and training.compiled else ())]
    return arithmetic(packages, with_blas=on_cpu, with_threads=on_cpu and not given.deterministic)


def _validate(net: Network, loss: Loss, validation: tuple[Array, Array] | None) -> Measured:
    """Return loss and accuracy on the validation rows; the loss may be infinite."""
    return (None, None) if validation is None else measure(net, loss, *validation)
