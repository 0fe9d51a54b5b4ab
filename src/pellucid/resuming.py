"""Whether a checkpoint is one of this training: what it must have in common with it, and what it is."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from pellucid.backend import Array, to_host
from pellucid.batches import Source
from pellucid.checkpoint import Snapshot, generator_state
from pellucid.layers import Layer
from pellucid.losses import Loss
from pellucid.network import Network, blocks
from pellucid.optimizers import Optimizer
from pellucid.reading import brief
from pellucid.stack import Model, generators_of

#: Rows that stand for all of a memory map; and rows that are looked at together.
SAMPLE = 1024


def describe_training(
    nets: Sequence[Network], loss: Loss, optimizer: Optimizer, settings: Mapping[str, object]
) -> dict[str, object]:
    """Return as JSON values what determines the numbers of a training, beside its random generators.

    Parameters
    ----------
    nets, loss, optimizer
        What is trained and how.
    settings : mapping of str to JSON value
        Whatever else.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = pl.Network([pl.Dense(2)]).build(3, rng=np.random.default_rng(0))
    >>> describe_training([net], pl.MeanSquaredError(), pl.SGD(0.5), {"batch_size": 7})["optimizer"]
    'SGD(learning_rate=0.5, weight_decay=0, momentum=0, nesterov=False)'
    """
    net = nets[0]
    layers = [f"{type(layer).__name__}({_told(_settings(layer))})" for each in nets for layer in each.layers]
    return {
        "networks": len(nets),
        "layers": layers,
        "inputs": net.n_in,
        "dtype": net.dtype.name,
        "device": net.device,
        "loss": repr(loss),
        "optimizer": _told_optimizer(optimizer),
        **settings,
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


def check_epochs(start: Snapshot, epochs: int, path: object) -> None:
    """Raise where more epochs are done, or begun, than there shall be."""
    begun = start.epochs + (start.running is not None)
    if begun > epochs:
        raise ValueError(
            f"epochs must be at least {begun}, where {path} is, got {epochs}; to have fewer, train from the "
            "start to another file"
        )


def check_fits(start: Snapshot, training: dict[str, object], model: Model, path: object) -> None:
    """Raise unless a snapshot is one of this training.

    Raises
    ------
    ValueError
        It names the file, what differs, and what to do.
    """
    made_of = {**start.training, **_kinds(start.generators, start.order)}
    for name, now in training.items():
        then = made_of.get(name)
        if then != now:
            raise ValueError(
                f"{path} is the checkpoint of another training, {name}: {brief(then, 200)} there, "
                f"{brief(now, 200)} here; resume with what it was made with, or train to another file"
            )
    n_networks = {len(records) for records in start.records} | {
        start.running.losses.shape[1] if start.running else model.k
    }
    if (start.theta.size, n_networks) != (model.theta.size, {model.k}):
        raise ValueError(
            f"{path} is damaged: it holds {start.theta.size} parameters of {n_networks} networks; this "
            f"training has {model.theta.size} of {model.k}"
        )


def describe_generators(model: Model, rng: np.random.Generator | None) -> dict[str, object]:
    """Return as JSON values which generators a training draws from: for dropout, and for the order of rows.

    Examples
    --------
    >>> import pellucid as pl
    >>> from pellucid.stack import Single
    >>> net = pl.Network([pl.Dense(2), pl.Dropout(0.1)]).build(3, rng=np.random.default_rng(0))
    >>> describe_generators(Single(net), None)
    {'generators': ['PCG64'], 'rng': None}
    """
    states = [generator_state(each) for each in generators_of(model)]
    return _kinds(states, rng and generator_state(rng))


def _kinds(states: Sequence[Mapping[str, Any]], order: Mapping[str, Any] | None) -> dict[str, object]:
    """Return the algorithms of generators that are in these states."""
    return {
        "generators": [state["bit_generator"] for state in states],
        "rng": order and order["bit_generator"],
    }
