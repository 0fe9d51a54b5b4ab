"""The contents of a saved network: its layers as JSON, and its parameters under PyTorch's names.

Users call `Network.save` and `Network.load`, which use this module.

>>> import pellucid as pl
>>> describe_layers([pl.Rescale(0.5), pl.Dense(3), pl.Tanh()])
[{'layer': 'Rescale', 'scale': 0.5}, {'layer': 'Dense', 'n_out': 3}, {'layer': 'Tanh'}]
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import Any

import numpy as np

from pellucid.backend import to_host
from pellucid.files import safetensors
from pellucid.files.safetensors import Place
from pellucid.layers import SAVED_LAYERS, Dense, Layer
from pellucid.wording import brief

#: A layer may take only 18 bytes in a file, but about 600 in memory.
MAX_LAYERS = 2000


def describe_layers(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """Return the layers as plain JSON values; raise `TypeError` for a class that is not pellucid's own."""
    _check_count(len(layers))
    for layer in layers:
        if SAVED_LAYERS.get(type(layer).__name__) is not type(layer):
            raise TypeError(f"{layer!r} cannot be saved: only {', '.join(SAVED_LAYERS)} can")
    return [{"layer": type(layer).__name__, **layer.settings()} for layer in layers]


def describe_network(
    layers: Sequence[Layer], n_in: int, dtype: np.dtype[np.floating], notes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the metadata of a network; empty notes are left out."""
    about = {"layers": describe_layers(layers), "n_in": n_in, "dtype": dtype.name}
    return {**about, "notes": dict(notes)} if notes else about


def make_layers(descriptions: Sequence[Mapping[str, Any]]) -> list[Layer]:
    """Return the layers for descriptions from `describe_layers`."""
    if not isinstance(descriptions, list) or not all(isinstance(each, dict) for each in descriptions):
        raise TypeError(f"layers must be a list of objects, got {brief(descriptions)}")
    _check_count(len(descriptions))
    settings = [dict(description) for description in descriptions]
    return [SAVED_LAYERS[each.pop("layer")](**each) for each in settings]


def _check_count(n_layers: int) -> None:
    if n_layers > MAX_LAYERS:
        raise ValueError(f"a file may hold at most {MAX_LAYERS:,} layers, got {n_layers:,}")


def named_parameters(layers: Sequence[Layer]) -> Iterator[tuple[str, Layer, str]]:
    """Yield each parameter's name in `torch.nn.Sequential`, its layer, and its name in the layer.

    Names are ``0.weight``, ``0.bias``, ``2.weight`` …; a first layer that converts raw input is not counted.
    PyTorch's weights have shape (n_out, n_in), the transpose of ours.

    Examples
    --------
    >>> [(name, ours) for name, layer, ours in named_parameters([Dense(2)])]
    [('0.weight', 'W'), ('0.bias', 'b')]
    """
    counted = layers[1:] if layers[0].casts else layers
    for i, layer in enumerate(counted):
        if isinstance(layer, Dense):
            yield f"{i}.weight", layer, "W"
            yield f"{i}.bias", layer, "b"


def checked_dtype(name: Any) -> np.dtype[np.floating]:
    """Return the dtype that a file names, spelt as `describe_network` writes it."""
    if name not in ("float32", "float64"):
        raise ValueError(f"dtype must be float32 or float64, got {brief(name)}")
    dtype: np.dtype[np.floating] = np.dtype(name)
    return dtype


def checked_notes(notes: Any) -> dict[str, Any]:
    """Return a file's notes, which must be a JSON object."""
    if not isinstance(notes, dict):
        raise TypeError(f"notes must be an object, got {brief(notes)}")
    return notes


def check_described(about: Any, path: object) -> None:
    """Raise `ValueError` if a file is a checkpoint, or has no metadata, as in files of other libraries."""
    if isinstance(about, dict) and "checkpoint" in about:
        raise ValueError(
            f"{path} is a checkpoint, not a network: resume from it with train(..., checkpoint=path, "
            "resume=True), then save the network"
        )
    if about is None:
        raise ValueError(
            f"{path}: the metadata do not describe a pellucid network: there are none. If PyTorch wrote the "
            "file, build a network with the same layers and call "
            "pellucid.interop.state_dict.load_state_dict(net, path)"
        )


def check_tensors(layers: Sequence[Layer], tensors: Mapping[str, Place], path: object) -> None:
    """Raise `ValueError` unless a file's header has exactly the layers' tensors, in shape and dtype."""
    surplus = set(tensors)
    for name, layer, ours in named_parameters(layers):
        shape, values = layer.parameter_shapes()[ours][::-1], tensors.get(name)
        if values is None or values.shape != shape or values.dtype != layer.dtype:
            found = "nothing" if values is None else f"{values.dtype} {values.shape}"
            raise ValueError(f"{path}: {name} must be {layer.dtype} {shape}, got {found}")
        surplus.discard(name)
    if surplus:
        raise ValueError(f"{path}: no layer needs the tensor {brief(min(surplus))}")


def write_network(
    path: str | PathLike[str],
    layers: Sequence[Layer],
    n_in: int,
    dtype: np.dtype[np.floating],
    notes: Mapping[str, Any],
) -> None:
    """Write a network's layers, parameters and notes as one safetensors file."""
    about = describe_network(layers, n_in, dtype, notes)
    tensors = {name: to_host(getattr(layer, ours)).T for name, layer, ours in named_parameters(layers)}
    safetensors.write(path, tensors, about)


def read_parameters(layers: Sequence[Layer], contents: safetensors.TensorFile) -> None:
    """Fill the layers' parameters from an open file that `check_tensors` has accepted."""
    for name, layer, ours in named_parameters(layers):
        contents.read_into(name, getattr(layer, ours).T)


@contextmanager
def metadata(about: Any, path: object) -> Iterator[dict[str, Any]]:
    """Yield a file's metadata; an error in the ``with`` block becomes a `ValueError` that names the file."""
    check_described(about, path)
    try:
        yield about
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        what = "the metadata do not describe a pellucid network"
        raise ValueError(f"{path}: {what}: {brief(error, 200)}") from error
