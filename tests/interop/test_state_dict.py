"""Parameters saved from PyTorch load into built networks; errors say what does not fit."""

import re

import numpy as np
import pytest

import pellucid as pl
from pellucid.files import safetensors
from pellucid.interop.state_dict import load_state_dict


def network(dtype=np.float32):
    layers = [pl.Rescale(0.5), pl.Dense(4), pl.Tanh(), pl.Dropout(0.2), pl.Dense(3)]
    return pl.Network(layers).build(6, rng=np.random.default_rng(0), dtype=dtype)


def tensors(first="0", second="3", dtype=np.float32):
    rng = np.random.default_rng(1)
    shapes = {
        f"{first}.weight": (4, 6),
        f"{first}.bias": (4,),
        f"{second}.weight": (3, 4),
        f"{second}.bias": (3,),
    }
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def by_hand(x, found):
    (w1, b1), (w2, b2) = (list(found.values())[i : i + 2] for i in (0, 2))
    return np.tanh(x / 2 @ w1.T + b1) @ w2.T + b2


@pytest.mark.parametrize("names", [("0", "3"), ("fc1", "fc2"), ("3", "0"), ("body.lin", "head")])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_by_place_or_by_name(tmp_path, rng, dtype, names):
    found, x = tensors(*names, dtype), rng.normal(size=(9, 6)).astype(dtype)
    safetensors.write(tmp_path / "t", found, None)
    net = network(dtype)
    assert load_state_dict(net, tmp_path / "t", names=None if names == ("0", "3") else names) is net
    np.testing.assert_allclose(net.predict(x), by_hand(x, found), rtol=1e-5, atol=1e-6)


def test_a_missing_bias_is_zero(tmp_path):
    found = {name: values for name, values in tensors().items() if name != "3.bias"}
    safetensors.write(tmp_path / "t", found, None)
    net = network()
    net.layers[4].b[...] = 7
    load_state_dict(net, tmp_path / "t")
    np.testing.assert_array_equal(net.layers[4].b, 0)
    np.testing.assert_array_equal(net.layers[1].b, found["0.bias"])


def test_a_file_that_pytorch_has_written(tmp_path, rng):
    torch = pytest.importorskip("torch")
    save_file = pytest.importorskip("safetensors.torch").save_file
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(*(m for i in range(5) for m in (nn.Linear(6, 6), nn.ReLU())), nn.Linear(6, 3))
    save_file(model.state_dict(), tmp_path / "t")  # in the file, 10.weight comes before 2.weight
    layers = [layer for _ in range(5) for layer in (pl.Dense(6), pl.ReLU())]
    net = pl.Network([*layers, pl.Dense(3)]).build(6, rng=rng)
    x = rng.normal(size=(9, 6)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(
        load_state_dict(net, tmp_path / "t").predict(x), expected, rtol=1e-6, atol=1e-7
    )


def without(name):
    return {key: values for key, values in tensors().items() if key != name}


REFUSED = [
    (without("3.weight"), None, "3.weight must be float32 (3, 4), got nothing"),
    (tensors(dtype=np.float64), None, "0.weight must be float32 (4, 6), got float64 (4, 6)"),
    (
        tensors() | {"3.weight": np.zeros((4, 3), "f4")},
        None,
        "3.weight must be float32 (3, 4), got float32 (4, 3)",
    ),
    (tensors() | {"5.weight": np.zeros(3)}, None, "no layer needs the tensor '5.weight'"),
    (
        tensors("a", "b"),
        ["a", "c"],
        "there is no tensor c.weight, only ['a.bias', 'a.weight', 'b.bias', 'b.weight']",
    ),
    (tensors("a", "b") | {"0.weight": np.zeros(3)}, ["a", "b"], "no layer needs the tensor '0.weight'"),
    (tensors(), ["a"], "names must name each of the 2 Dense layers once, got ['a']"),
    (tensors(), ["a", "a"], "names must name each of the 2 Dense layers once"),
    (tensors("a", "b"), "ab", "names must name each of the 2 Dense layers once, got 'ab'"),
]


@pytest.mark.parametrize(("found", "names", "message"), REFUSED)
def test_errors_name_what_does_not_fit_and_change_nothing(tmp_path, found, names, message):
    safetensors.write(tmp_path / "t", found, None)
    net = network()
    before = net.theta.copy()
    with pytest.raises(ValueError, match=re.escape(message)):
        load_state_dict(net, tmp_path / "t", names=names)
    np.testing.assert_array_equal(net.theta, before)


def test_loading_such_a_file_as_a_network_says_what_to_do(tmp_path):
    safetensors.write(tmp_path / "t", tensors(), None)
    with pytest.raises(ValueError, match=r"t: .*interop\.state_dict.load_state_dict\(net, path\)"):
        pl.Network.load(tmp_path / "t")
