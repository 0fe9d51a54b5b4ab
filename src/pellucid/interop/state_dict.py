"""Load parameters saved from PyTorch with ``safetensors.torch.save_file(model.state_dict(), path)``.

Such a file contains the parameters, but not the layers: build the network first. PyTorch is not needed.
"""

from collections.abc import Mapping, Sequence
from os import PathLike

from pellucid.backend import to_device
from pellucid.files import safetensors
from pellucid.files.safetensors import Place
from pellucid.files.saved_network import check_tensors, named_parameters
from pellucid.network import Network
from pellucid.wording import brief


def load_state_dict(
    net: Network, path: str | PathLike[str], *, names: Sequence[str] | None = None
) -> Network:
    """Load the parameters in a safetensors file into a network.

    Parameters
    ----------
    net : Network
        Built with the layers, widths and dtype of the saved model.
    path : path
        Contains a weight (n_out, n_in) and optionally a bias (n_out,) for each Dense. A missing bias is 0.
    names : sequence of str, optional
        The name of each Dense in the file, in order, such as ``["fc1", "fc2"]``. Default: the names in
        `torch.nn.Sequential`, ``0``, ``2`` …, which number the layers without an initial `Rescale`.

    Returns
    -------
    Network
        The network itself.

    Raises
    ------
    ValueError
        If the file is damaged, or a tensor is missing, unused, or has another shape or dtype. The network
        is then unchanged.

    Examples
    --------
    >>> import numpy as np, pellucid as pl, tempfile
    >>> net = pl.Network([pl.Dense(2)]).build(3, rng=np.random.default_rng(0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = folder + "/torch.safetensors"
    ...     safetensors.write(path, {"fc.weight": np.ones((2, 3), np.float32)}, None)
    ...     load_state_dict(net, path, names=["fc"]).predict([[1, 2, 3]])
    array([[6., 6.]], dtype=float32)
    """
    net.check_built()
    with safetensors.opened(path) as contents:
        theirs = _their_names(net, contents.places, names, path)
        found = {ours: contents.places[name] for ours, name in theirs.items()}
        # The check of shapes treats a missing bias as present.
        for name, layer, ours in named_parameters(net.layers):
            if ours == "b":
                found.setdefault(name, Place(net.dtype, (layer.n_out,), 0, 0))
        check_tensors(net.layers, found, path)
        values = {name: contents.read(their) for name, their in theirs.items()}
    for name, layer, ours in named_parameters(net.layers):
        getattr(layer, ours).T[...] = to_device(values[name], net.device) if name in values else 0
    return net


def _their_names(
    net: Network, places: Mapping[str, Place], names: Sequence[str] | None, path: object
) -> dict[str, str]:
    """Map the name of each tensor in pellucid's own files to its name in this file."""
    if names is None:
        return {name: name for name in places}
    ours = [name.split(".") for name, _, _ in named_parameters(net.layers)]
    stems = list(dict.fromkeys(stem for stem, _ in ours))
    if isinstance(names, str) or len(set(names)) != len(stems) or len(names) != len(stems):
        raise ValueError(f"names must name each of the {len(stems)} Dense layers once, got {names!r}")
    theirs = dict(zip(stems, names, strict=True))
    wanted = {f"{stem}.{kind}": f"{theirs[stem]}.{kind}" for stem, kind in ours}
    for name in wanted.values():
        if name.endswith(".weight") and name not in places:
            raise ValueError(f"{path}: there is no tensor {name}, only {brief(list(places), 200)}")
    left = set(places) - set(wanted.values())
    if left:
        raise ValueError(f"{path}: no layer needs the tensor {brief(min(left))}")
    return {name: their for name, their in wanted.items() if their in places}
