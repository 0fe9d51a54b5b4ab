"""Network.save and Network.load: one safetensors file, which PyTorch reads too."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest

import pellucid as pl
from pellucid.files import safetensors


def trained(dtype=np.float32):
    """Return a network with every kind of layer, after changes to its initial parameters."""
    layers = [
        pl.Rescale(1 / 16),
        pl.Dense(6, init=pl.he_normal),
        pl.LeakyReLU(0.2),
        pl.Dropout(0.3),
        pl.Dense(5),
    ]
    layers += [pl.Tanh(), pl.Dense(4), pl.Sigmoid(), pl.Identity(), pl.Dense(3), pl.ReLU(), pl.Softmax()]
    net = pl.Network(layers).build(7, rng=np.random.default_rng(0), dtype=dtype)
    net.theta += np.random.default_rng(1).normal(0, 0.3, net.theta.size).astype(dtype)
    return net


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trip(dtype, tmp_path, rng):
    net, x = trained(dtype), rng.integers(17, size=(9, 7))
    net.save(tmp_path / "net.safetensors")
    again = pl.Network.load(str(tmp_path / "net.safetensors"))
    np.testing.assert_array_equal(again.theta, net.theta)
    np.testing.assert_array_equal(again.predict(x), net.predict(x))
    assert (again.dtype, again.n_in, again.n_weights) == (dtype, 7, net.n_weights)
    assert repr(again) == repr(net).replace(", init=he_normal", "")
    again.theta[0] += 1
    assert again.layers[1].W[0, 0] == net.layers[1].W[0, 0] + 1


def test_a_loaded_network_trains_with_dropout_once_it_has_a_generator(tmp_path, rng):
    trained().save(tmp_path / "net")
    x = np.ones((4, 7))
    with pytest.raises(RuntimeError, match=r"pass rng= to Network\.build or Network\.load"):
        pl.Network.load(tmp_path / "net").forward(x, train=True)
    nets = [pl.Network.load(tmp_path / "net", rng=np.random.default_rng(5)) for _ in range(2)]
    np.testing.assert_array_equal(*(net.forward(x, train=True) for net in nets))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pytorch_loads_the_file(dtype, tmp_path, rng):
    """Rescale does not count, every other layer does: names and orientation as in nn.Sequential."""
    torch = pytest.importorskip("torch")
    load_file = pytest.importorskip("safetensors.torch").load_file
    net, x = trained(dtype), rng.integers(17, size=(9, 7))
    net.save(tmp_path / "net.safetensors")
    nn = torch.nn
    twin = nn.Sequential(nn.Linear(7, 6), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(6, 5), nn.Tanh())
    twin.extend([nn.Linear(5, 4), nn.Sigmoid(), nn.Identity(), nn.Linear(4, 3), nn.ReLU(), nn.Softmax(dim=1)])
    twin = twin.to(getattr(torch, np.dtype(dtype).name)).eval()
    twin.load_state_dict(load_file(tmp_path / "net.safetensors"), strict=True)
    with torch.no_grad():
        expected = twin(torch.tensor(x / 16, dtype=getattr(torch, np.dtype(dtype).name))).numpy()
    assert net.predict(x).std() > 0.05
    np.testing.assert_allclose(net.predict(x), expected, rtol=0, atol=1e-6 if dtype == np.float32 else 1e-14)


def test_notes_travel_with_the_file_and_with_a_copy(tmp_path):
    net, notes = trained(), {"classes": ["é", "b"], "shape": [2, 3], "none": None}
    net.notes.update(notes)
    net.save(tmp_path / "net")
    assert pl.Network.load(tmp_path / "net").notes == notes
    assert pickle.loads(pickle.dumps(net)).notes == notes
    net.notes["of the copy"] = copy.copy(net).notes.pop("classes")
    assert net.notes["classes"] == ["é", "b"]


def test_a_file_without_notes_loads(tmp_path):
    trained().save(tmp_path / "net")
    assert "notes" not in safetensors.read(tmp_path / "net")[1]
    assert pl.Network.load(tmp_path / "net").notes == {}


def test_notes_that_json_cannot_hold_leave_the_old_file(tmp_path):
    net = trained()
    net.save(tmp_path / "net")
    before = (tmp_path / "net").read_bytes()
    for wrong, error in ((np.ones(2), TypeError), (float("nan"), ValueError)):
        net.notes["wrong"] = wrong
        with pytest.raises(error, match="JSON"):
            net.save(tmp_path / "net")
    assert (tmp_path / "net").read_bytes() == before


def test_saving_again_replaces_the_file_at_once(tmp_path):
    net, path = trained(), tmp_path / "net"
    net.save(path)
    first = path.read_bytes()
    net.theta *= 2
    net.save(path)
    assert path.read_bytes() != first
    assert list(tmp_path.iterdir()) == [path]


def test_a_user_defined_layer_cannot_be_saved(tmp_path, rng):
    class Double(pl.ReLU):
        pass

    net = pl.Network([pl.Dense(2), Double()]).build(3, rng=rng)
    with pytest.raises(TypeError, match=r"Double\(\) cannot be saved: only Dense, Dropout, .* can"):
        net.save(tmp_path / "net")
    assert not list(tmp_path.iterdir())


def spec(**changes):
    about = {"layers": [{"layer": "Dense", "n_out": 2}, {"layer": "ReLU"}], "n_in": 3, "dtype": "float32"}
    return {**about, **changes}


TENSORS = {"0.weight": np.zeros((2, 3), np.float32), "0.bias": np.zeros(2, np.float32)}

#: What the metadata say, the tensors, a piece of the message.
WRONG = [
    (None, TENSORS, "do not describe a pellucid network"),
    ([], TENSORS, "do not describe a pellucid network"),
    ({}, TENSORS, "do not describe a pellucid network"),
    (spec(layers=[]), TENSORS, "at least one layer"),
    (spec(layers="Dense"), TENSORS, "do not describe a pellucid network"),
    (spec(layers=[{"layer": "Conv"}]), TENSORS, "do not describe a pellucid network"),
    (spec(layers=[{"layer": ["Dense"]}]), TENSORS, "do not describe a pellucid network"),
    (spec(layers=[{"layer": "Dense", "n_out": -1}]), TENSORS, "n_out must be a whole number >= 1, got -1"),
    (spec(layers=[{"layer": "Dense", "units": 2}]), TENSORS, "do not describe a pellucid network"),
    (spec(layers=[{"layer": "Dropout", "drop_prob": "0.5"}]), {}, "do not describe a pellucid network"),
    ({key: value for key, value in spec().items() if key != "dtype"}, TENSORS, "dtype"),
    ({key: value for key, value in spec().items() if key != "n_in"}, TENSORS, "n_in"),
    (spec(dtype="int8"), TENSORS, "dtype must be float32 or float64, got 'int8'"),
    (spec(dtype="float64"), TENSORS, r"0\.weight must be float64 \(2, 3\), got float32 \(2, 3\)"),
    (spec(dtype="f4,,"), TENSORS, "dtype must be float32 or float64, got 'f4,,'"),
    (spec(dtype="a5"), TENSORS, "dtype must be float32 or float64, got 'a5'"),
    (
        spec(dtype={"names": "a", "formats": "f", "itemsize": 10**30}),
        TENSORS,
        "dtype must be float32 or float64",
    ),
    (spec(dtype=["float32"]), TENSORS, "dtype must be float32 or float64"),
    (spec(n_in="3"), TENSORS, "n_in must be a whole number >= 1, got '3'"),
    (spec(n_in=-3), TENSORS, "n_in must be a whole number >= 1, got -3"),
    (spec(n_in=3.0), TENSORS, "n_in must be a whole number >= 1, got 3.0"),
    (spec(n_in=10**15), TENSORS, r"0\.weight must be float32 \(2, 1000000000000000\), got float32 \(2, 3\)"),
    (spec(n_in=4), TENSORS, r"0\.weight must be float32 \(2, 4\), got float32 \(2, 3\)"),
    (spec(), {"0.weight": TENSORS["0.weight"]}, r"0\.bias must be float32 \(2,\), got nothing"),
    (spec(notes=3), TENSORS, "do not describe a pellucid network"),
    (spec(notes=[["a", 1]]), TENSORS, "notes must be an object"),
    (spec(layers=[[["layer", "ReLU"]]]), {}, "layers must be a list of objects"),
    (spec(layers=[{"layer": "Rescale", "scale": 10**400}]), {}, "do not describe a pellucid network"),
    (
        spec(layers=[{"layer": "Rescale", "scale": [[[1]]]}]),
        {},
        "scale must be a number or one number per",
    ),
    (spec(layers=[{"layer": "Dropout", "drop_prob": 10**400}]), {}, r"drop_prob must be in \[0, 1\)"),
    (
        spec(layers=[{"layer": "Dense", "n_out": 10**12}]),
        TENSORS,
        r"0\.weight must be float32 \(1000000000000",
    ),
    (spec(layers=[{"layer": "ReLU\n"}]), {}, "do not describe a pellucid network"),
    (spec(), {**TENSORS, "a\nb": np.zeros(1)}, r"no layer needs the tensor 'a\\nb'"),
    (spec(notes=["classes"]), TENSORS, "do not describe a pellucid network"),
    (spec(layers=[{"layer": "Rescale", "scale": [1, 2]}]), {}, "scale has 2 numbers, but the input has 3"),
    (spec(), {**TENSORS, "5.weight": np.zeros(1)}, r"5\.weight"),
]


@pytest.mark.parametrize(("about", "tensors", "message"), WRONG)
def test_files_that_hold_no_network(about, tensors, message, tmp_path):
    path = tmp_path / "net"
    safetensors.write(path, tensors, about)
    with pytest.raises(ValueError, match=message) as caught:
        pl.Network.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_loading_takes_the_network_and_no_more(tmp_path):
    net = pl.Network([pl.Dense(1000)]).build(1000, rng=np.random.default_rng(0))
    net.save(tmp_path / "net")
    tracemalloc.start()
    again = pl.Network.load(tmp_path / "net")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(again.theta, net.theta)
    assert peak < again.theta.nbytes + again.grad.nbytes + 1_500_000


def test_a_cut_file(tmp_path):
    path = tmp_path / "net"
    trained().save(path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="net: "):
            pl.Network.load(path)
