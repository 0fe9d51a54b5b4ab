"""Layers: `forward` maps a batch, `backward` its gradient. `pellucid.layers.base` states the protocol."""

from pellucid.layers.activations import Activation, Identity, LeakyReLU, ReLU, Sigmoid, Softmax, Tanh
from pellucid.layers.base import Layer
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout
from pellucid.layers.rescale import Rescale

#: Layers that can be saved, by class name.
SAVED_LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (Dense, Dropout, Identity, LeakyReLU, ReLU, Rescale, Sigmoid, Softmax, Tanh)
}

__all__ = [
    "SAVED_LAYERS",
    "Activation",
    "Dense",
    "Dropout",
    "Identity",
    "Layer",
    "LeakyReLU",
    "ReLU",
    "Rescale",
    "Sigmoid",
    "Softmax",
    "Tanh",
]
