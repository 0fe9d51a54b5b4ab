"""Convert networks to `torch.nn.Sequential` and back, with their parameters and dtype.

Modules are named ``0``, ``1`` … without counting an initial `Rescale`, as in files of `Network.save`. Such a
file therefore loads with ``model.load_state_dict(safetensors.torch.load_file(path))``.

>>> import pellucid as pl
>>> net = pl.Network([pl.Rescale(1 / 255), pl.Dense(2), pl.Tanh()])
>>> model = sequential(net.build(3, rng=np.random.default_rng(0)))
>>> model
Sequential(
  (rescale): Rescaling()
  (0): Linear(in_features=3, out_features=2, bias=True)
  (1): Tanh()
)
>>> from_sequential(model)
Network([Rescale(scale=0.00392156862745098), Dense(2), Tanh()])
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import nn

from pellucid.backend import Array, to_host
from pellucid.files.saved_network import named_parameters
from pellucid.interop.torch.counterparts import counterpart
from pellucid.layers import Dense, Dropout, Identity, Layer, LeakyReLU, ReLU, Rescale, Sigmoid, Softmax, Tanh
from pellucid.network import Network

DTYPES = {torch.float32: np.float32, torch.float64: np.float64}


class Rescaling(nn.Module):
    """`Rescale` in PyTorch, computed in float64, then cast. It adds nothing to the state dict."""

    def __init__(self, ours: Rescale) -> None:
        super().__init__()
        self.ours = ours
        self.scale, self.shift = (
            torch.tensor(each, dtype=torch.float64) for each in (ours.scale, ours.shift)
        )
        self.dtype = torch.float64 if ours.dtype == np.float64 else torch.float32

    def forward(self, x: Any) -> Any:
        """Return scale · x + shift."""
        return (x.double() * self.scale + self.shift).to(self.dtype)


class SameDropout(nn.Module):
    """`Dropout` in PyTorch with the same masks as ours, drawn from a copy of its generator."""

    def __init__(self, ours: Dropout) -> None:
        super().__init__()
        self.ours = deepcopy(ours)
        self.ours.connect(ours.n_in, dtype=ours.dtype, xp=np)

    def forward(self, x: Any) -> Any:
        """Return x · m / (1 - drop_prob) in training, else x."""
        if not self.training:
            return x
        return x * torch.from_numpy(self.ours.training_mask(len(x))) / (1 - self.ours.drop_prob)


MODULES: dict[type[Layer], Callable[[Any], nn.Module]] = {
    Rescale: Rescaling,
    Identity: lambda layer: nn.Identity(),
    ReLU: lambda layer: nn.ReLU(),
    LeakyReLU: lambda layer: nn.LeakyReLU(layer.slope),
    Tanh: lambda layer: nn.Tanh(),
    Sigmoid: lambda layer: nn.Sigmoid(),
    Softmax: lambda layer: nn.Softmax(dim=1),
    Dropout: lambda layer: nn.Dropout(layer.drop_prob),
    Dense: lambda layer: nn.Linear(layer.n_in, layer.n_out),
}
#: The same, but with our dropout masks.
TWINS = {**MODULES, Dropout: SameDropout}
LAYERS: dict[type[nn.Module], Callable[[Any], Layer]] = {
    Rescaling: lambda module: deepcopy(module.ours),
    nn.Identity: lambda module: Identity(),
    nn.ReLU: lambda module: ReLU(),
    nn.LeakyReLU: lambda module: LeakyReLU(module.negative_slope),
    nn.Tanh: lambda module: Tanh(),
    nn.Sigmoid: lambda module: Sigmoid(),
    nn.Softmax: lambda module: Softmax(),
    nn.Dropout: lambda module: Dropout(module.p),
    nn.Linear: lambda module: Dense(module.out_features),
}


def sequential(net: Network, *, same_masks: bool = False) -> nn.Sequential:
    """Return a network as `torch.nn.Sequential`, with the same dtype and a copy of the parameters.

    The model takes the same raw input as the network: a `Rescale` is converted too. The model is in training
    mode, like every new module; call ``eval()`` before predicting.

    Parameters
    ----------
    net : Network
        Built.
    same_masks : bool
        Whether dropout draws the same masks as ours, instead of PyTorch's.

    Raises
    ------
    TypeError
        If a layer has no counterpart in PyTorch.

    Examples
    --------
    >>> import pellucid as pl
    >>> sequential(pl.Network([pl.Dense(2), pl.Dropout(0.1)]).build(3, rng=np.random.default_rng(0)))
    Sequential(
      (0): Linear(in_features=3, out_features=2, bias=True)
      (1): Dropout(p=0.1, inplace=False)
    )
    """
    net.check_built()
    table = TWINS if same_masks else MODULES
    modules = [counterpart(table, layer)(layer) for layer in net.layers]
    first = 1 if net.layers[0].casts else 0
    named = [("rescale" if i < first else str(i - first), module) for i, module in enumerate(modules)]
    model = nn.Sequential(OrderedDict(named)).to(torch.float64 if net.dtype == np.float64 else torch.float32)
    with torch.no_grad():
        for mine, theirs in parameter_pairs(net, model):
            theirs.copy_(torch.from_numpy(np.ascontiguousarray(to_host(mine))))
    return model


def from_sequential(
    model: nn.Sequential, *, rescale: Rescale | None = None, rng: np.random.Generator | None = None
) -> Network:
    """Return a `torch.nn.Sequential` as a network, with the same dtype and a copy of the parameters.

    Parameters
    ----------
    model : torch.nn.Sequential
        Modules may be Linear, ReLU, LeakyReLU, Tanh, Sigmoid, Softmax over columns, Identity and Dropout,
        optionally after the `Rescaling` that `sequential` creates. A Linear
        without bias gets a bias of zeros, which further training changes.
    rescale : Rescale, optional
        Becomes the first layer, so that the network takes raw input.
    rng : numpy.random.Generator, optional
        Needed only for further training with dropout.

    Raises
    ------
    TypeError
        If a module has no counterpart, or the parameters are not all float32 or all float64.
    ValueError
        If there is no Linear, the widths do not match, or the input would be rescaled twice.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = from_sequential(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), rescale=pl.Rescale(1 / 255))
    >>> net, net.predict(np.full((5, 3), 255, np.uint8)).shape
    (Network([Rescale(scale=0.00392156862745098), Dense(2), ReLU()]), (5, 2))
    """
    if not isinstance(model, nn.Sequential):
        raise TypeError(f"model must be a torch.nn.Sequential, got {type(model).__name__}: wrap it in one")
    layers = [_layer(name, module) for name, module in model.named_children()]
    linears = [module for module in model if isinstance(module, nn.Linear)]
    if not linears:
        raise ValueError(f"the model must have at least one Linear, got {', '.join(map(repr, model))}")
    if rescale is not None and layers[0].casts:
        raise ValueError(f"the model begins with {layers[0]!r} already: leave rescale={rescale!r} out")
    net = Network(layers if rescale is None else [rescale, *layers])
    net.build(linears[0].in_features, rng=rng or np.random.default_rng(0), dtype=_dtype(linears))
    for layer, module in zip(net.layers[-len(layers) :], model, strict=True):
        if isinstance(layer, Dense):
            _fill(layer, module)
        if rng is None:
            layer.rng = None
    return net


def parameter_pairs(net: Network, model: nn.Module) -> Iterator[tuple[Array, Any]]:
    """Yield each of our parameters, transposed as in PyTorch, with PyTorch's parameter of the same name."""
    theirs = dict(model.named_parameters())
    for name, layer, ours in named_parameters(net.layers):
        yield getattr(layer, ours).T, theirs[name]


def _layer(name: str, module: nn.Module) -> Layer:
    """Return the layer for a module, or raise an error with the module's position."""
    if isinstance(module, nn.Softmax) and module.dim not in (1, -1):
        raise TypeError(f"model[{name}] must be Softmax(dim=1), over the columns, got {module!r}")
    if type(module) not in LAYERS:
        known = ", ".join(each.__name__ for each in LAYERS if each is not Rescaling)
        raise TypeError(
            f"model[{name}], {type(module).__name__}, has no counterpart here, only {known} have: leave it "
            "out, or give its modules one by one"
        )
    return LAYERS[type(module)](module)


def _dtype(linears: list[nn.Linear]) -> Any:
    """Return the common dtype of all parameters, or raise."""
    found = {parameter.dtype for module in linears for parameter in module.parameters()}
    if len(found) > 1 or not found <= DTYPES.keys():
        names = ", ".join(sorted(map(str, found)))
        raise TypeError(f"parameters must be all float32 or all float64, got {names}: call model.float()")
    return DTYPES[found.pop()]


def _fill(layer: Dense, module: Any) -> None:
    """Copy weight and bias; a missing bias is 0."""
    weight = module.weight.detach().cpu().numpy().T
    if weight.shape != layer.W.shape:
        raise ValueError(f"{module!r} gets {layer.n_in} columns from the module before it: widths must match")
    layer.W[...] = weight
    layer.b[...] = 0 if module.bias is None else module.bias.detach().cpu().numpy()
