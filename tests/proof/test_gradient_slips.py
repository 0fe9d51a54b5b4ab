"""The table of slips is complete: a new layer or loss needs slips of its own."""

import importlib
import pkgutil

import pytest
from proof.gradient_slips import SLIPS

import pellucid as pl
import pellucid.layers


def subclasses(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from subclasses(sub)


def of_the_library():
    """Return all layers with a backward pass, and all losses.

    Layers of `pellucid.training.many`, which compute several networks at once, are left out: they must give
    the numbers of these layers, which tests/training/test_many.py checks.
    """
    for module in pkgutil.iter_modules(pellucid.layers.__path__):
        importlib.import_module(f"pellucid.layers.{module.name}")
    layers = [sub for sub in subclasses(pl.Layer) if sub.__module__.startswith("pellucid.layers")]
    losses = [sub for sub in subclasses(pl.Loss) if sub.__module__ == "pellucid.losses"]
    return [*(sub for sub in layers if sub.backward is not pl.Layer.backward), *losses]


@pytest.mark.parametrize("cls", of_the_library(), ids=lambda cls: cls.__name__)
def test_every_layer_and_loss_has_slips(cls):
    slips = [slip for slip in SLIPS if slip.cls is cls]
    assert len(slips) >= 3, f"{cls.__name__} is new: add slips, so that the gradient check is tested on it"
    assert any("sign" in slip.what for slip in slips)


def test_the_library_has_known_classes():
    names = {cls.__name__ for cls in of_the_library()}
    assert names >= {"Dense", "Dropout", "Softmax", "Rescale", "SoftmaxCrossEntropy", "MeanSquaredError"}
    assert len(names) >= 12


def test_dense_has_slips_in_each_gradient():
    assert {slip.gradient for slip in SLIPS if slip.cls is pl.Dense} == {"dW", "db", "dx"}


def test_each_kind_is_there_once():
    assert len({str(slip) for slip in SLIPS}) == len(SLIPS)
