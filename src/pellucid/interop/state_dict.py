"""Parameters that PyTorch users saved by ``safetensors.torch.save_file(model.state_dict(), path)``.

Such a file holds names and numbers, but not what stands between them: build the network first. PyTorch itself
is not needed.
"""

from collections.abc import Mapping, Sequence
from os import PathLike

import numpy as np

from pellucid import safetensors
from pellucid.backend import Array, to_device
from pellucid.model_file import check_tensors, named_parameters
from pellucid.network import Network


def load_state_dict(
    net: Network, path: str | PathLike[str], *, names: Sequence[str] | None = None
) -> Network:
    """Give a built network the parameters of a safetensors file that need not be pellucid's.

    Parameters
    ----------
    net : Network
        Built, with the layers, the widths and the dtype of the model that was saved.
    path : path
        Holds a weight (n_out, n_in), and a bias (n_out,) or none, for each Dense: no bias is one of zeros.
    names : sequence of str, optional
        What each Dense is called there in turn, such as ``["fc1", "fc2"]``. None: as in
        `torch.nn.Sequential`, ``0``, ``2`` …: the places of the layers, a `Rescale` in front not counted.

    Returns
    -------
    Network
        The network itself.

    Raises
    ------
    ValueError
        If the file is damaged, or a tensor is missing, left over, or of another shape or dtype; then the
        network is as it was.

    Examples
    --------
    >>> import pellucid as pl, tempfile
    >>> net = pl.Network([pl.Dense(2)]).build(3, rng=np.random.default_rng(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = folder + "/torch.safetensors"
    ...     safetensors.write(path, {"fc.weight": np.ones((2, 3), np.float32)}, None)
    ...     load_state_dict(net, path, names=["fc"]).predict([[1, 2, 3]])
    array([[6., 6.]], dtype=float32)
    """
    net.check_built()
    tensors, _ = safetensors.read(path)
    if names is not None:
        tensors = _renamed(net, tensors, names, path)
    for name, layer, ours in named_parameters(net.layers):
        if ours == "b":
            tensors.setdefault(name, np.zeros(layer.n_out, net.dtype))
    check_tensors(net.layers, tensors, path)
    for name, layer, ours in named_parameters(net.layers):
        getattr(layer, ours).T[...] = to_device(tensors[name], net.device)
    return net


def _renamed(
    net: Network, tensors: Mapping[str, Array], names: Sequence[str], path: object
) -> dict[str, Array]:
    """Return the tensors under the names of our own files."""
    ours = [name.split(".") for name, _, _ in named_parameters(net.layers)]
    stems = list(dict.fromkeys(stem for stem, _ in ours))
    if isinstance(names, str) or len(set(names)) != len(stems) or len(names) != len(stems):
        raise ValueError(f"names must name each of the {len(stems)} Dense layers once, got {names!r}")
    theirs = dict(zip(stems, names, strict=True))
    left, found = dict(tensors), {}
    for stem, kind in ours:
        name = f"{theirs[stem]}.{kind}"
        if name in left:
            found[f"{stem}.{kind}"] = left.pop(name)
        elif kind == "weight":
            raise ValueError(f"{path}: there is no tensor {name}, only {', '.join(list(tensors)[:20])}")
    if left:
        raise ValueError(f"{path}: no layer needs the tensor {min(left)}")
    return found
