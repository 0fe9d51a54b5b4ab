"""Networks converted to torch.nn.Sequential and back: same names, same outputs, clear errors."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.files import safetensors
from pellucid.lab.reports import d_run

torch = pytest.importorskip("torch")
nn = torch.nn

from pellucid.interop.torch import from_sequential, sequential  # noqa: E402

DTYPES = [(np.float64, 1e-13), (np.float32, 1e-6)]


def network(dtype, *hidden, seed=0):
    net = pl.Network([*hidden, pl.Dense(5, bias_init=pl.normal(0.3))])
    return net.build(12, rng=np.random.default_rng(seed), dtype=dtype)


def outputs_of(model, x):
    with torch.no_grad():
        return model.eval()(torch.from_numpy(x)).numpy()


@pytest.mark.parametrize(
    "layer",
    [pl.Identity(), pl.ReLU(), pl.LeakyReLU(0.3), pl.Tanh(), pl.Sigmoid(), pl.Softmax(), pl.Dropout(0.5)],
    ids=repr,
)
@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_every_layer_has_the_same_values_there_and_back(rng, layer, dtype, tolerance):
    net = network(dtype, pl.Dense(7), layer)
    x = rng.normal(size=(30, 12)).astype(dtype)
    expected = net.predict(x)
    there = outputs_of(sequential(net), x)
    back = from_sequential(sequential(net))
    assert there.dtype == expected.dtype == back.dtype == dtype
    np.testing.assert_allclose(there, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(back.predict(x), expected)
    assert repr(back.layers[1]) == repr(layer)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_rescale_takes_raw_input_and_is_not_counted_in_the_names(rng, dtype, tolerance, tmp_path):
    rescale = pl.Rescale(rng.uniform(0.01, 0.1, 12), rng.normal(size=12))
    net = network(dtype, rescale, pl.Dense(7), pl.Tanh())
    model, x = sequential(net), rng.integers(0, 256, (30, 12)).astype(np.uint8)
    np.testing.assert_allclose(outputs_of(model, x), net.predict(x), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(from_sequential(model).predict(x), net.predict(x), rtol=tolerance)
    net.save(tmp_path / "net")
    tensors, _ = safetensors.read(tmp_path / "net")
    state = model.state_dict()
    assert state.keys() == tensors.keys() == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert all(np.array_equal(state[name].numpy(), tensors[name]) for name in tensors)


def test_the_model_has_a_copy_of_the_parameters():
    net = network(np.float64)
    model = sequential(net)
    before = net.theta.copy()
    with torch.no_grad():
        model[0].weight.add_(1)
    assert np.array_equal(net.theta, before)
    back = from_sequential(model)
    back.theta += 1
    np.testing.assert_array_equal(model[0].weight.detach().numpy().T, before[:60].reshape(12, 5) + 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_model_made_in_pytorch(rng, dtype):
    """Widths, positions of the parameters and dtype come from the model."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(8, 6), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(6, 4, bias=False), nn.Softmax(dim=-1)
    ).to(dtype)
    net = from_sequential(model, rescale=pl.Rescale(0.5))
    x = rng.normal(size=(20, 8)).astype(net.dtype)
    assert net.dtype == np.dtype(str(dtype).removeprefix("torch."))
    assert [repr(layer) for layer in net.layers] == [
        "Rescale(scale=0.5)",
        "Dense(6)",
        "LeakyReLU(slope=0.2)",
        "Dropout(drop_prob=0.3)",
        "Dense(4)",
        "Softmax()",
    ]
    np.testing.assert_allclose(net.predict(2 * x), outputs_of(model, x), rtol=1e-6)
    np.testing.assert_array_equal(net.layers[4].b, 0)


def test_dropout_trains_on_once_there_is_a_generator(rng):
    model, x = nn.Sequential(nn.Linear(3, 50), nn.Dropout(0.5)), np.ones((4, 3))
    with pytest.raises(RuntimeError, match="no random generator"):
        from_sequential(model).forward(x, train=True)
    net = from_sequential(model, rng=rng)
    assert 50 < (net.forward(x, train=True) == 0).sum() < 150


@pytest.mark.parametrize("layer", [d_run.ReLUWithMaskOfOnes(), type("Mine", (pl.Dense,), {})(3)])
def test_a_user_defined_layer_is_named(layer):
    with pytest.raises(TypeError, match=f"^{type(layer).__name__} has no counterpart in PyTorch: "):
        sequential(network(np.float64, layer))


REFUSED = [
    ([nn.Linear(4, 3), nn.GELU()], TypeError, r"model\[1\], GELU.* has no counterpart here, only Identity, "),
    ([nn.Flatten(), nn.Linear(4, 3)], TypeError, r"model\[0\], Flatten"),
    (
        [nn.Linear(4, 3), nn.Softmax(dim=0)],
        TypeError,
        r"model\[1\] must be Softmax\(dim=1\), .* Softmax\(dim=0\)",
    ),
    ([nn.Linear(4, 3), nn.Sequential(nn.ReLU())], TypeError, r"model\[1\], Sequential"),
    ([nn.Linear(4, 3), type("Mine", (nn.ReLU,), {})()], TypeError, r"model\[1\], Mine"),
    ([nn.ReLU()], ValueError, "at least one Linear, got"),
    ([], ValueError, "at least one Linear"),
    (
        [nn.Linear(4, 3), nn.Linear(2, 2)],
        ValueError,
        "in_features=2.* gets 3 columns from the module before it",
    ),
    ([nn.Linear(4, 3).half()], TypeError, r"got torch.float16: call model.float\(\)"),
    ([nn.Linear(4, 3), nn.Linear(3, 2).double()], TypeError, "got torch.float32, torch.float64"),
]


@pytest.mark.parametrize(("modules", "error", "message"), REFUSED)
def test_modules_that_cannot_be_converted_are_named_with_their_position(modules, error, message):
    with pytest.raises(error, match=message):
        from_sequential(nn.Sequential(*modules))
