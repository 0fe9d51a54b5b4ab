"""Checkpoints: the whole state of a run in one safetensors file, from which it resumes bit for bit.

A `Snapshot` is the state, a `Checkpoint` is the file. Nothing in the file can run code.

>>> checkpoint = Checkpoint("never_written.safetensors")
>>> checkpoint.load() is None
True
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from errno import EACCES, EINVAL, ENOENT
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.backend import Array, to_host
from pellucid.files import safetensors
from pellucid.files.whole import remove_left_over
from pellucid.provenance import Arithmetic
from pellucid.training.records import History, Record, as_records, as_table
from pellucid.wording import brief

#: The version of the file's contents.
VERSION = 1
#: Bit generators whose state is plain numbers. MT19937 is left out, because a damaged file could set an
#: invalid position in its buffer.
GENERATORS: dict[str, Any] = {
    kind.__name__: kind for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.SFC64)
}


@dataclass(frozen=True)
class Running:
    """The additional state in the middle of an epoch.

    Attributes
    ----------
    before : array
        The parameters at the start of the epoch.
    losses, right : array, shape (steps, k)
    sizes : array, shape (steps,)
        Loss, number of correct rows and number of rows of each batch so far.
    """

    before: Array
    losses: Array
    right: Array
    sizes: Array


@dataclass(frozen=True)
class Snapshot:
    """The state of a training run between two steps.

    Attributes
    ----------
    training : dict
        What is trained and how, as JSON values; a resumed run must have the same.
    epochs : int
        Finished epochs.
    theta : array
    optimizer : dict of str to array
        The optimizer's state.
    step_number : int
        Number of steps taken.
    generators : list of dict
        States of the generators for dropout, network by network.
    order : dict or None
        State of the generator of permutations at the start of the running epoch, or of the next one.
    records : History
        Records of the finished epochs.
    running : Running or None
        None between two epochs.
    arithmetic : dict
        Versions and hardware that rounding depends on. A run that resumes with different ones may no longer
        match bit for bit.
    """

    training: dict[str, Any]
    epochs: int
    theta: Array
    optimizer: dict[str, Array]
    step_number: int
    generators: list[dict[str, Any]]
    order: dict[str, Any] | None
    records: History
    running: Running | None
    arithmetic: Arithmetic


@dataclass
class Checkpoint:
    """A file in which a training run saves its state, and from which it can resume.

    Parameters
    ----------
    path : path
        Its folder must exist. Each new file replaces the previous one when it is complete. A file that exists
        before the run is replaced only if the run resumes from it.

    Attributes
    ----------
    extras : dict of str to array
        The caller's own arrays, saved with each checkpoint and restored when a run resumes.
    records : sequence of list of Record
        After a resume: the earlier records, which are not yielded again. One entry per epoch, with one record
        per network.

    Examples
    --------
    >>> import pellucid as pl, tempfile
    >>> x, y = np.eye(2), np.array([0, 1])
    >>> def training(path, epochs):
    ...     net = pl.Network([pl.Dense(2)]).build(n_in=2, rng=np.random.default_rng(0))
    ...     loss, optimizer = pl.SoftmaxCrossEntropy(), pl.Adam()
    ...     return pl.train(net, loss, optimizer, x, y, epochs=epochs, checkpoint=path, resume=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first = [record.epoch for record in training(folder + "/a.safetensors", epochs=3)]
    ...     again = [record.epoch for record in training(folder + "/a.safetensors", epochs=5)]
    >>> first, again
    ([1, 2, 3], [3, 4, 5])
    """

    path: str | PathLike[str]
    extras: dict[str, Array] = field(default_factory=dict)
    records: Sequence[list[Record]] = ()

    def check_place(self, *, resume: bool) -> None:
        """Raise if the file cannot be written or would be overwritten, before training starts."""
        if not isinstance(self.path, str | os.PathLike) or not str(self.path):
            raise TypeError(f"checkpoint must be the path of a file, got {self.path!r}")
        path = Path(self.path).resolve()
        if path.exists() and not path.is_file():
            raise OSError(EINVAL, "the checkpoint must be a regular file; name another", str(self.path))
        folder = path.parent
        if not folder.is_dir():
            raise FileNotFoundError(
                ENOENT, "the folder of the checkpoint does not exist; create it", str(folder)
            )
        if not os.access(folder, os.W_OK):
            raise PermissionError(EACCES, "the folder of the checkpoint is not writable", str(folder))
        if path.exists() and not resume:
            raise FileExistsError(
                f"{self.path} exists: resume from it with resume=True, or remove it to start again"
            )

    def save(self, snapshot: Snapshot) -> None:
        """Write the file; the previous one stays until the new one is complete on disk.

        Raises
        ------
        OSError
            If the disk is full, or the folder is not writable.
        """
        tensors = {**_tensors(snapshot), **_prefixed("extra", self.extras)}
        about = {
            "checkpoint": VERSION,
            "sha256": _digest(tensors),
            "training": snapshot.training,
            "epochs": snapshot.epochs,
            "step_number": snapshot.step_number,
            "generators": snapshot.generators,
            "order": snapshot.order,
            "arithmetic": snapshot.arithmetic,
        }
        try:
            safetensors.write(self.path, tensors, about)
        except OSError as error:
            advice = "the previous checkpoint, if any, is unchanged: free some space and resume"
            raise type(error)(error.errno, f"{error.strerror}; {advice}", str(self.path)) from error

    def load(self) -> Snapshot | None:
        """Read the file and fill extras and records; return None if there is no file.

        Raises
        ------
        ValueError
            If the file is damaged or not a checkpoint.
        """
        remove_left_over(self.path)
        if not Path(self.path).exists():
            return None
        try:
            tensors, about = safetensors.read(self.path)
        except ValueError as error:
            raise ValueError(f"{error}; remove the checkpoint to start again") from error
        if not isinstance(about, dict) or "checkpoint" not in about:
            raise ValueError(f"{self.path} is a safetensors file, but not a training checkpoint")
        try:
            snapshot = _snapshot(tensors, about)
            self.extras = _without_prefix("extra", tensors)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(
                f"{self.path} cannot be read by this version of pellucid: {brief(error, 200)}"
            ) from error
        n_yielded = len(snapshot.records) - (snapshot.running is None)
        self.records = snapshot.records[: max(0, n_yielded)]
        return snapshot


def _tensors(snapshot: Snapshot) -> dict[str, Array]:
    """Return the arrays of a snapshot by their names in the file."""
    tensors = {"theta": snapshot.theta, **_prefixed("optimizer", snapshot.optimizer)}
    if snapshot.records:
        tensors["records"] = as_table(snapshot.records)
    if snapshot.running:
        tensors |= _prefixed("running", vars(snapshot.running))
    return {name: to_host(array) for name, array in tensors.items()}


def _snapshot(tensors: Mapping[str, Array], about: Mapping[str, Any]) -> Snapshot:
    """Return the snapshot in a file. Malformed contents raise one of the errors that `load` catches."""
    if about["checkpoint"] != VERSION:
        raise ValueError(f"its version is {brief(about['checkpoint'])}, not {VERSION}")
    epochs, theta, order = _count(about, "epochs"), tensors["theta"], about["order"]
    optimizer, running = _without_prefix("optimizer", tensors), _without_prefix("running", tensors)
    if not epochs and not running:
        raise ValueError("it holds neither an epoch nor a batch")
    records = as_records(tensors["records"]) if epochs else History()
    if len(records) != epochs:
        raise ValueError(f"it holds records of {len(records)} epochs, but counts {epochs}")
    for name, array in {"theta": theta, **optimizer}.items():
        _check(name, array, theta.dtype, (theta.size,))
    if about["sha256"] != _digest(tensors):
        raise ValueError("the checksum of its arrays is wrong: the file is damaged")
    return Snapshot(
        dict(about["training"]), epochs, theta, optimizer, _count(about, "step_number"),
        [_checked_state(state) for state in about["generators"]], order and _checked_state(order), records,
        _checked(Running(**running), theta) if running else None, dict(about.get("arithmetic", {})),
    )  # fmt: skip


def _checked(running: Running, theta: Array) -> Running:
    """Return the state of a running epoch after checking it."""
    n_steps, k = running.losses.shape
    _check("running.before", running.before, theta.dtype, theta.shape)
    _check("running.losses", running.losses, running.losses.dtype, (n_steps, k))
    _check("running.right", running.right, running.right.dtype, (n_steps, k))
    _check("running.sizes", running.sizes, np.dtype(np.int64), (n_steps,))
    if n_steps == 0 or running.sizes.min() < 1 or not np.isfinite(running.losses).all():
        raise ValueError("running.sizes must be >= 1 and running.losses finite, for at least one batch")
    return running


def _check(name: str, array: Array, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape or array.dtype.kind not in "fi":
        raise ValueError(f"{name} must hold numbers, {dtype} {shape}, got {array.dtype} {array.shape}")


def _digest(tensors: Mapping[str, Array]) -> str:
    """Return the SHA-256 of all arrays and their names."""
    import hashlib

    digest = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.view(np.uint8).data if array.size else b"")
    return digest.hexdigest()


def _count(about: Mapping[str, Any], name: str) -> int:
    number = about[name]
    if type(number) is not int or not 0 <= number < 2**62:
        raise ValueError(f"{name} must be a whole number >= 0, got {brief(number)}")
    return number


def _prefixed(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{prefix}.{name}": array for name, array in arrays.items()}


def _without_prefix(prefix: str, tensors: Mapping[str, Array]) -> dict[str, Array]:
    start = f"{prefix}."
    return {name.removeprefix(start): array for name, array in tensors.items() if name.startswith(start)}


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """Return a generator's state as JSON values."""
    state: dict[str, Any] = dict(rng.bit_generator.state)
    if state["bit_generator"] not in GENERATORS:
        raise TypeError(
            f"a checkpoint can hold generators of {', '.join(GENERATORS)}, got {state['bit_generator']}: "
            "make one with numpy.random.default_rng(seed)"
        )
    inner = {
        name: each.tolist() if isinstance(each, np.ndarray) else each for name, each in state["state"].items()
    }
    return {**state, "state": inner}


def set_generator_state(rng: np.random.Generator, state: Mapping[str, Any]) -> None:
    """Set a generator's state."""
    inner = {
        name: np.array(each, np.uint64) if isinstance(each, list) else each
        for name, each in state["state"].items()
    }
    rng.bit_generator.state = {**state, "state": inner}


def _checked_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a generator's state after checking it. An invalid one raises an error that `load` catches."""
    set_generator_state(np.random.Generator(GENERATORS[state["bit_generator"]](0)), state)
    return dict(state)
