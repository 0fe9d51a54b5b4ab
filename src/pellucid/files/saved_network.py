"""Networks in safetensors files: which layers, as JSON, and their parameters under PyTorch's names.

`Network.save` and `Network.load` are what users call; here stands what a file says.

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
from pellucid.files.safetensors_header import Place
from pellucid.layers import SAVED_LAYERS, Dense, Layer
from pellucid.wording import brief

#: In a file a layer may take 18 bytes, and some 600 in memory.
MAX_LAYERS = 2000


def describe_layers(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """Return the layers as plain JSON values.

    Raises
    ------
    TypeError
        If a layer is not one of pellucid's own: a file could not say how to make it again.
    ValueError
        If there are more layers than are read.

    Examples
    --------
    >>> describe_layers([Dense(2)])
    [{'layer': 'Dense', 'n_out': 2}]
    """
    _check_count(len(layers))
    for layer in layers:
        if SAVED_LAYERS.get(type(layer).__name__) is not type(layer):
            raise TypeError(f"{layer!r} cannot be saved: only {', '.join(SAVED_LAYERS)} can")
    return [{"layer": type(layer).__name__, **layer.settings()} for layer in layers]


def describe_network(
    layers: Sequence[Layer], n_in: int, dtype: np.dtype[np.floating], notes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a file's metadata say of a network; without notes there is no entry for them.

    Examples
    --------
    >>> describe_network([Dense(2)], 3, np.dtype("float32"), {"classes": ["no", "yes"]})["notes"]
    {'classes': ['no', 'yes']}
    """
    about = {"layers": describe_layers(layers), "n_in": n_in, "dtype": dtype.name}
    return {**about, "notes": dict(notes)} if notes else about


def make_layers(descriptions: Sequence[Mapping[str, Any]]) -> list[Layer]:
    """Return the layers that `describe_layers` described.

    Raises
    ------
    KeyError, TypeError, ValueError
        If a description names no layer of ours, or settings that it does not take.

    Examples
    --------
    >>> make_layers([{"layer": "Dense", "n_out": 2}])
    [Dense(2)]
    """
    if not isinstance(descriptions, list) or not all(isinstance(each, dict) for each in descriptions):
        raise TypeError(f"layers must be a list of objects, got {brief(descriptions)}")
    _check_count(len(descriptions))
    settings = [dict(description) for description in descriptions]
    return [SAVED_LAYERS[each.pop("layer")](**each) for each in settings]


def _check_count(n_layers: int) -> None:
    if n_layers > MAX_LAYERS:
        raise ValueError(f"a file may hold {MAX_LAYERS:,} layers at most, got {n_layers:,}")


def named_parameters(layers: Sequence[Layer]) -> Iterator[tuple[str, Layer, str]]:
    """Yield the name in `torch.nn.Sequential`, the layer and our name of each parameter.

    Names are ``0.weight``, ``0.bias``, ``2.weight`` …, a first layer that converts raw input not counted.
    PyTorch's weights are ours transposed, (n_out, n_in).

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
    """Return the dtype that a file names: by the one name that `describe_network` writes.

    Examples
    --------
    >>> checked_dtype("float32")
    dtype('float32')
    """
    if name not in ("float32", "float64"):
        raise ValueError(f"dtype must be float32 or float64, got {brief(name)}")
    dtype: np.dtype[np.floating] = np.dtype(name)
    return dtype


def checked_notes(notes: Any) -> dict[str, Any]:
    """Return what a file notes beside its layers, which must be an object.

    Examples
    --------
    >>> checked_notes({"classes": ["no", "yes"]})
    {'classes': ['no', 'yes']}
    """
    if not isinstance(notes, dict):
        raise TypeError(f"notes must be an object, got {brief(notes)}")
    return notes


def check_described(about: Any, path: object) -> None:
    """Raise where a file's metadata say nothing of a network, as in files of other libraries.

    Raises
    ------
    ValueError
        It names the file and what to do with it.
    """
    if isinstance(about, dict) and "checkpoint" in about:
        raise ValueError(
            f"{path} is the checkpoint of a training, not a network: resume from it by train(..., "
            "checkpoint=path, resume=True), then save the network"
        )
    if about is None:
        raise ValueError(
            f"{path}: the metadata do not describe a pellucid network: there are none. A file of PyTorch's "
            "goes into a network with the same layers, built: pellucid.interop.state_dict.load_state_dict"
            "(net, path)"
        )


def check_tensors(layers: Sequence[Layer], tensors: Mapping[str, Place], path: object) -> None:
    """Raise unless a file's tensors are those that the connected layers need.

    It is enough to know where they are: none has to be read.

    Raises
    ------
    ValueError
        If one is missing or left over, or has another shape or dtype; it names the file and the tensor.
    """
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


def read_parameters(layers: Sequence[Layer], contents: safetensors.Contents) -> None:
    """Fill the layers' parameters from an open file that `check_tensors` has accepted."""
    for name, layer, ours in named_parameters(layers):
        contents.read_into(name, getattr(layer, ours).T)


@contextmanager
def metadata(about: Any, path: object) -> Iterator[dict[str, Any]]:
    """Yield a file's metadata, and turn the errors of a block that uses them into one that names the file.

    Raises
    ------
    ValueError
        If the metadata do not describe a network.

    Examples
    --------
    >>> with metadata({"n_in": 3}, "net.safetensors") as about:
    ...     make_layers(about["layers"])
    Traceback (most recent call last):
    ...
    ValueError: net.safetensors: the metadata do not describe a pellucid network: KeyError('layers')
    """
    check_described(about, path)
    try:
        yield about
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        what = "the metadata do not describe a pellucid network"
        raise ValueError(f"{path}: {what}: {brief(error, 200)}") from error
