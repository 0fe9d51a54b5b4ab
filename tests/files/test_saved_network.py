"""The contents of a saved network: layers as JSON, parameters under PyTorch's names."""

import json

import numpy as np
import pytest

import pellucid as pl
from pellucid.files.saved_network import check_tensors, describe_layers, make_layers, named_parameters

LAYERS = [pl.Rescale(1 / 16), pl.Dense(3), pl.LeakyReLU(0.2), pl.Dropout(0.3), pl.Dense(2), pl.Softmax()]


def connected():
    net = pl.Network([pl.Rescale(1 / 16), pl.Dense(3), pl.Tanh(), pl.Dense(2)])
    return net.build(4, rng=np.random.default_rng(0)).layers


def tensors():
    shapes = {"0.weight": (3, 4), "0.bias": (3,), "2.weight": (2, 3), "2.bias": (2,)}
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def test_layers_survive_json():
    described = json.loads(json.dumps(describe_layers(LAYERS)))
    assert [repr(layer) for layer in make_layers(described)] == [repr(layer) for layer in LAYERS]


def test_a_layer_of_the_user_cannot_be_described():
    class Mine(pl.ReLU):
        pass

    with pytest.raises(TypeError, match=r"Mine\(\) cannot be saved: only .*ReLU.* can"):
        describe_layers([pl.Dense(2), Mine()])


@pytest.mark.parametrize(
    "described",
    [{"layer": "Magic"}, {"layer": "Dense"}, {"layer": "Dropout", "drop_prob": 2}, [["layer", "ReLU"]]],
)
def test_a_description_that_makes_no_layer_is_refused(described):
    with pytest.raises((KeyError, TypeError, ValueError)):
        make_layers([described])


def test_names_are_those_of_sequential_without_the_rescale():
    assert [name for name, _, _ in named_parameters(LAYERS)] == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert [name for name, _, _ in named_parameters(LAYERS[1:3])] == ["0.weight", "0.bias"]


def test_the_tensors_of_a_file_must_be_those_needed():
    check_tensors(connected(), tensors(), "a.safetensors")
    wrong = {
        "0.bias must be float32 (3,), got nothing": {k: v for k, v in tensors().items() if k != "0.bias"},
        "2.weight must be float32 (2, 3), got float32 (3, 2)": tensors()
        | {"2.weight": np.zeros((3, 2), "f4")},
        "2.bias must be float32 (2,), got float64 (2,)": tensors() | {"2.bias": np.zeros(2)},
        "no layer needs the tensor '4.bias'": tensors() | {"4.bias": np.zeros(2, "f4")},
    }
    for message, found in wrong.items():
        with pytest.raises(ValueError) as error:
            check_tensors(connected(), found, "a.safetensors")
        assert str(error.value) == f"a.safetensors: {message}"


def test_more_layers_than_a_file_holds():
    layers = [pl.ReLU()] * 2001
    with pytest.raises(ValueError, match="a file may hold at most 2,000 layers, got 2,001"):
        describe_layers(layers)
    with pytest.raises(ValueError, match="a file may hold at most 2,000 layers, got 2,001"):
        make_layers([{"layer": "ReLU"}] * 2001)
    assert len(make_layers(describe_layers(layers[1:]))) == 2000
