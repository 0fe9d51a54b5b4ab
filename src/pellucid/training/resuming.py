"""Whether a checkpoint is one of this training: what it must have in common with it, and what it is."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from pellucid.backend import Array, to_host
from pellucid.layers import Layer
from pellucid.losses import Loss
from pellucid.network import Network, blocks
from pellucid.optimizers import Optimizer
from pellucid.training.batches import Source
from pellucid.training.checkpoint import Snapshot, generator_state
from pellucid.training.loop import Loop
from pellucid.training.many import Model, generators_of
from pellucid.wording import brief

#: Rows that stand for all of a memory map; and rows that are looked at together.
SAMPLE = 1024


def describe_training(
    loop: Loop, loss: Loss, validation: tuple[Array, Array] | None, settings: Mapping[str, object]
) -> dict[str, object]:
    """Return as JSON values what determines the numbers of a training.

    Parameters
    ----------
    loop, loss, validation
        What is trained, how, on what, and what it is measured on.
    settings : mapping of str to JSON value
        Whatever else.
    """
    return {
        **describe_nets(loop.model.nets),
        "loss": repr(loss),
        "optimizer": _told_optimizer(loop.optimizer),
        **describe_rows(loop.source),
        "validation": None if validation is None else digest_data(*validation),
        "steps": type(loop.descent).__name__,
        **describe_generators(loop.model, loop.source.rng),
        **settings,
    }


def describe_nets(nets: Sequence[Network]) -> dict[str, object]:
    """Return as JSON values what networks of one shape are made of, without their parameters.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.Network([pl.Dense(2)]).build(3, rng=np.random.default_rng(0))
    >>> describe_nets([net])["layers"]
    ['Dense(n_out=2)']
    """
    net = nets[0]
    layers = [f"{type(layer).__name__}({_told(_settings(layer))})" for each in nets for layer in each.layers]
    return {
        "networks": len(nets),
        "layers": layers,
        "inputs": net.n_in,
        "dtype": net.dtype.name,
        "device": net.device,
    }


def _settings(layer: Layer) -> dict[str, Any]:
    """Return a layer's settings, and a dropout's fixed mask."""
    mask = getattr(layer, "mask", None)
    return layer.settings() if mask is None else {**layer.settings(), "mask": to_host(mask).tolist()}


def _told(settings: dict[str, Any]) -> str:
    """Return settings as text; a long list, of means of pixels say, as its digest."""
    texts = {name: _told_value(value) for name, value in settings.items()}
    return ", ".join(
        f"{name}={text if len(text) < 100 else hashlib.sha256(text.encode()).hexdigest()}"
        for name, text in texts.items()
    )


def _told_value(value: Any) -> str:
    """Return a value as text: numbers alike whatever their type, a function by its name and first value."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return f"{float(value)!r}".removesuffix(".0")
    if callable(value) and not is_dataclass(value):
        return f"{getattr(value, '__qualname__', type(value).__qualname__)}: {float(value(0))!r} …"
    return repr(value)


def _told_optimizer(optimizer: Optimizer) -> str:
    """Return an optimizer's settings as text, without what it remembers."""
    forgotten = ("step_number", "state", "_scratch")
    settings = {name: value for name, value in vars(optimizer).items() if name not in forgotten}
    return f"{type(optimizer).__name__}({_told(settings)})"


def describe_rows(source: Source) -> dict[str, object]:
    """Return as JSON values what is trained on, and in batches of how many rows."""
    x, y = source.x, source.labels
    digest = None if x is None or y is None else digest_data(x, y)
    return {"rows": source.n_rows, "batch_size": int(source.batch_size), "data": digest}


def digest_data(x: Array, y: Array) -> str:
    """Return a SHA-256 of data: of all rows, but of a memory map, which may be larger than memory, of 1,024.

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
    """Return as JSON values which generators a training draws from: for dropout, and for the order of rows.

    Examples
    --------
    >>> import pellucid as pl
    >>> from pellucid.training.many import Single
    >>> net = pl.Network([pl.Dense(2), pl.Dropout(0.1)]).build(3, rng=np.random.default_rng(0))
    >>> describe_generators(Single(net), None)
    {'generators': ['PCG64'], 'rng': None}
    """
    states = [generator_state(each) for each in generators_of(model)]
    return _kinds(states, None if rng is None else generator_state(rng))


def _kinds(states: Sequence[Mapping[str, Any]], order: Mapping[str, Any] | None) -> dict[str, object]:
    """Return the algorithms of generators that are in these states."""
    return {
        "generators": [state["bit_generator"] for state in states],
        "rng": order and order["bit_generator"],
    }


def check_fits(start: Snapshot, loop: Loop) -> None:
    """Raise unless a loop that saves can go on from a snapshot: it is one of the same training.

    Raises
    ------
    ValueError
        It names the file, what differs, and what to do.
    """
    assert loop.saving is not None
    path = loop.saving.checkpoint.path
    _check_same(start, loop.saving.training, path)
    _check_shape(start, loop.model, path)
    _check_epochs(start, loop.epochs, path)


def _check_epochs(start: Snapshot, epochs: int, path: object) -> None:
    """Raise where more epochs are done, or begun, than there shall be."""
    begun = start.epochs + (start.running is not None)
    if begun > epochs:
        raise ValueError(
            f"epochs must be at least {begun}, where {path} is, got {epochs}; to have fewer, train from the "
            "start to another file"
        )


def _check_same(start: Snapshot, training: Mapping[str, object], path: object) -> None:
    """Raise if anything that determines the numbers was another when the snapshot was made."""
    made_of = {**start.training, **_kinds(start.generators, start.order)}
    for name, now in training.items():
        then = made_of.get(name)
        if then != now:
            raise ValueError(
                f"{path} is the checkpoint of another training, {name}: {brief(then, 200)} there, "
                f"{brief(now, 200)} here; resume with what it was made with, or train to another file"
            )


def _check_shape(start: Snapshot, model: Model, path: object) -> None:
    """Raise if a snapshot of this training is not of its size, which only damage can do."""
    n_networks = {len(records) for records in start.records} | {
        start.running.losses.shape[1] if start.running else model.k
    }
    if (start.theta.size, n_networks) != (model.theta.size, {model.k}):
        raise ValueError(
            f"{path} is damaged: it holds {start.theta.size} parameters of {n_networks} networks; this "
            f"training has {model.theta.size} of {model.k}"
        )
