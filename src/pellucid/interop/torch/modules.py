"""Networks to `torch.nn.Sequential` and back, parameters and dtype with them.

Modules are named as tensors in the files of `Network.save` are: ``0``, ``1`` …, a `Rescale` in front not
counted. So such a file loads by ``model.load_state_dict(safetensors.torch.load_file(path))``.

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
    """`Rescale` in PyTorch: reckoned in float64, then cast. It has no parameters and nothing to save."""

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
    """`Dropout` in PyTorch with the masks that ours will draw: from a copy of its generator."""

    def __init__(self, ours: Dropout) -> None:
        super().__init__()
        self.ours = deepcopy(ours)
        self.ours.connect(ours.n_in, dtype=ours.dtype, xp=np)

    def forward(self, x: Any) -> Any:
        """Return x · m / (1 - drop_prob) while training, else x."""
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
#: The same with our masks of dropout.
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
    """Return the network as `torch.nn.Sequential`, with a copy of its parameters and its dtype.

    A `Rescale` in front goes along, so that the model takes the raw input that the network takes. Like every
    new module it is in training mode: call ``eval()`` before predicting.

    Parameters
    ----------
    net : Network
        Built.
    same_masks : bool
        Whether dropout uses the masks that ours will draw, instead of PyTorch's own.

    Raises
    ------
    TypeError
        If a layer has no counterpart here.

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
    """Return a network with the modules of a `torch.nn.Sequential`, a copy of its parameters and its dtype.

    Parameters
    ----------
    model : torch.nn.Sequential
        Of Linear, ReLU, LeakyReLU, Tanh, Sigmoid, Softmax over columns, Identity and Dropout; in front the
        Rescaling that `sequential` makes of a `Rescale`. A Linear without bias gets a bias of zeros, which
        training would move.
    rescale : Rescale, optional
        Stands in front, so that the network takes raw input; not where a Rescaling does.
    rng : numpy.random.Generator, optional
        Needed only to train on with dropout.

    Raises
    ------
    TypeError
        If a module has no counterpart, or parameters are neither float32 nor float64.
    ValueError
        If there is no Linear, widths do not fit, or the input would be rescaled twice.

    Examples
    --------
    >>> import pellucid as pl
    >>> net = from_sequential(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), rescale=pl.Rescale(1 / 255))
    >>> net, net.predict(np.full((5, 3), 255, np.uint8)).shape
    (Network([Rescale(scale=0.00392156862745098), Dense(2), ReLU()]), (5, 2))
    """
    if not isinstance(model, nn.Sequential):
        raise TypeError(f"model must be a torch.nn.Sequential, got {type(model).__name__}: put it into one")
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
    """Yield each parameter as a view in PyTorch's orientation, and its counterpart of the same name."""
    theirs = dict(model.named_parameters())
    for name, layer, ours in named_parameters(net.layers):
        yield getattr(layer, ours).T, theirs[name]


def _layer(name: str, module: nn.Module) -> Layer:
    """Return the layer that stands for a module, or raise by its name and place."""
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
    """Return the one dtype of all parameters."""
    found = {parameter.dtype for module in linears for parameter in module.parameters()}
    if len(found) > 1 or not found <= DTYPES.keys():
        told = ", ".join(sorted(map(str, found)))
        raise TypeError(f"all parameters must be float32 or all float64, got {told}: call model.float()")
    return DTYPES[found.pop()]


def _fill(layer: Dense, module: Any) -> None:
    """Copy weight and bias; no bias is one of zeros."""
    weight = module.weight.detach().cpu().numpy().T
    if weight.shape != layer.W.shape:
        raise ValueError(f"{module!r} stands behind {layer.n_in} columns: widths must fit")
    layer.W[...] = weight
    layer.b[...] = 0 if module.bias is None else module.bias.detach().cpu().numpy()
