"""Parameters that PyTorch users saved by ``safetensors.torch.save_file(model.state_dict(), path)``.

Such a file holds names and numbers, but not what stands between them: build the network first. PyTorch itself
is not needed.
"""

from collections.abc import Mapping, Sequence
from os import PathLike

from pellucid.backend import to_device
from pellucid.files import safetensors
from pellucid.files.reading import brief
from pellucid.files.safetensors import Place
from pellucid.files.saved_network import check_tensors, named_parameters
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
        # No bias is one of zeros: as far as shapes go, it is there.
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
    """Return what each tensor of the file is called there, under the name that it has in files of ours."""
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
