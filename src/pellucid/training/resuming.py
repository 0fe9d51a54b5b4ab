"""Check that a checkpoint belongs to a training run, by comparing the descriptions of both."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from pellucid.backend import Array, to_host
from pellucid.layers import Layer
from pellucid.network import Network, blocks
from pellucid.optimizers import Optimizer
from pellucid.training.arguments import Arguments
from pellucid.training.batches import Source
from pellucid.training.checkpoint import Snapshot, generator_state
from pellucid.training.epochs import Training
from pellucid.training.many import Model, generators_of
from pellucid.wording import brief

#: Rows sampled from a memory map for its digest; also the rows that are hashed in one piece.
SAMPLE = 1024
#: The name of the plain path in checkpoints.
PLAIN = "PlainDescent"


def describe_training(
    training: Training, given: Arguments, validation: tuple[Array, Array] | None
) -> dict[str, object]:
    """Return everything that determines the results of a training run, as JSON values."""
    compiled = training.compiled
    return {
        **describe_nets(training.model.nets),
        "loss": repr(given.loss),
        "optimizer": _optimizer_text(training.optimizer),
        **describe_rows(training.source),
        "validation": None if validation is None else digest_data(*validation),
        "steps": PLAIN if compiled is None else type(compiled).__name__,
        **describe_generators(training.model, training.source.rng),
        "block_rows": given.block_rows and int(given.block_rows),
        "deterministic": given.deterministic,
    }


def describe_nets(nets: Sequence[Network]) -> dict[str, object]:
    """Return the structure of the networks, without their parameters, as JSON values.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.Network([pl.Dense(2)]).build(3, rng=np.random.default_rng(0))
    >>> describe_nets([net])["layers"]
    ['Dense(n_out=2)']
    """
    net = nets[0]
    layers = [
        f"{type(layer).__name__}({_settings_text(_settings(layer))})"
        for each in nets
        for layer in each.layers
    ]
    return {
        "networks": len(nets),
        "layers": layers,
        "inputs": net.n_in,
        "dtype": net.dtype.name,
        "device": net.device,
    }


def _settings(layer: Layer) -> dict[str, Any]:
    """Return the settings of a layer, with a fixed mask of Dropout."""
    mask = getattr(layer, "mask", None)
    return layer.settings() if mask is None else {**layer.settings(), "mask": to_host(mask).tolist()}


def _settings_text(settings: dict[str, Any]) -> str:
    """Return settings as text; a long list, such as the means of pixels, as its digest."""
    texts = {name: _value_text(value) for name, value in settings.items()}
    return ", ".join(
        f"{name}={text if len(text) < 100 else hashlib.sha256(text.encode()).hexdigest()}"
        for name, text in texts.items()
    )


def _value_text(value: Any) -> str:
    """Return a value as text: numbers independent of their type, a function as its name and first value."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return f"{float(value)!r}".removesuffix(".0")
    if callable(value) and not is_dataclass(value):
        return f"{getattr(value, '__qualname__', type(value).__qualname__)}: {float(value(0))!r} …"
    return repr(value)


def _optimizer_text(optimizer: Optimizer) -> str:
    """Return the settings of an optimizer as text, without its state."""
    forgotten = ("step_number", "state", "_scratch")
    settings = {name: value for name, value in vars(optimizer).items() if name not in forgotten}
    return f"{type(optimizer).__name__}({_settings_text(settings)})"


def describe_rows(source: Source) -> dict[str, object]:
    """Return the number of rows, the batch size and the digest of the data, as JSON values."""
    x, y = source.x, source.labels
    digest = None if x is None or y is None else digest_data(x, y)
    return {"rows": source.n_rows, "batch_size": int(source.batch_size), "data": digest}


def digest_data(x: Array, y: Array) -> str:
    """Return the SHA-256 of all rows, or of 1,024 rows of a memory map, which may be larger than memory.

    Examples
    --------
    >>> digest_data(np.eye(2), np.array([0, 1])) == digest_data(np.eye(2), np.array([1, 0]))
    False
    """
    digest = hashlib.sha256(f"{x.dtype} {x.shape} {y.dtype} {y.shape}".encode())
    if isinstance(x, np.memmap):
        x = x[np.linspace(0, len(x) - 1, min(len(x), SAMPLE)).astype(np.int64)]
    for part in (to_host(x), to_host(y)):
        for rows in blocks(len(part), SAMPLE):
            digest.update(np.ascontiguousarray(part[rows]).tobytes())
    return digest.hexdigest()


def describe_generators(model: Model, rng: np.random.Generator | None) -> dict[str, object]:
    """Return the kinds of the generators for dropout and for shuffling, as JSON values."""
    states = [generator_state(each) for each in generators_of(model)]
    return _kinds(states, None if rng is None else generator_state(rng))


def _kinds(states: Sequence[Mapping[str, Any]], order: Mapping[str, Any] | None) -> dict[str, object]:
    """Return the kinds of the generators with these states."""
    return {
        "generators": [state["bit_generator"] for state in states],
        "rng": order and order["bit_generator"],
    }


def check_fits(start: Snapshot, training: Training) -> None:
    """Raise unless a snapshot belongs to this training run."""
    assert training.saving is not None
    path = training.saving.checkpoint.path
    _check_same(start, training.saving.training, path)
    _check_shape(start, training.model, path)
    _check_epochs(start, training.n_epochs, path)


def _check_epochs(start: Snapshot, epochs: int, path: object) -> None:
    """Raise if more epochs have started than are requested."""
    begun = start.epochs + (start.running is not None)
    if begun > epochs:
        raise ValueError(
            f"epochs must be at least {begun}, the epoch that {path} has reached, got {epochs}; for fewer, "
            "name another file"
        )


def _check_same(start: Snapshot, training: Mapping[str, object], path: object) -> None:
    """Raise if anything that determines the results has changed since the snapshot."""
    made_of = {**start.training, **_kinds(start.generators, start.order)}
    for name, now in training.items():
        then = made_of.get(name)
        if then != now:
            raise ValueError(
                f"{path} is the checkpoint of another run, {name}: {brief(then, 200)} there, "
                f"{brief(now, 200)} here; resume with the same settings, or name another file"
            )


def _check_shape(start: Snapshot, model: Model, path: object) -> None:
    """Raise if a snapshot of this run has the wrong size, which means that the file is damaged."""
    n_networks = {len(records) for records in start.records} | {
        start.running.losses.shape[1] if start.running else model.k
    }
    if (start.theta.size, n_networks) != (model.theta.size, {model.k}):
        raise ValueError(
            f"{path} is damaged: it holds {start.theta.size} parameters of {n_networks} networks; this "
            f"run has {model.theta.size} of {model.k}"
        )
