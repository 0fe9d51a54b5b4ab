"""Compiled training equals plain training: the same random numbers, the same steps to rounding."""

import copy
import itertools
import pickle
from functools import partial

import numpy as np
import pytest

import pellucid as pl
from pellucid.compiled import program

pytestmark = pytest.mark.usefixtures("either_method")
N, N_IN = 57, 6
ACTIVATIONS = [None, pl.Identity, pl.ReLU, lambda: pl.LeakyReLU(0.2), pl.Sigmoid, pl.Tanh]
KINDS = [pl.SoftmaxCrossEntropy, pl.SigmoidCrossEntropy, pl.MeanSquaredError]
LOSSES = [partial(kind, label_smoothing=share) for kind in KINDS for share in (0, 0.2)]
OPTIMIZERS = {
    "sgd": lambda: pl.SGD(0.2),
    "decay": lambda: pl.SGD(0.1, weight_decay=0.1),
    "momentum": lambda: pl.SGD(0.05, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda: pl.SGD(pl.cosine(0.05, 40), momentum=0.9, nesterov=True),
    "adam": lambda: pl.Adam(0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-3, weight_decay=0.1),
    "schedule": lambda: pl.Adam(pl.step_decay(0.02, every=5, factor=0.5)),
}
#: Mini-batches, the last one smaller; the same in blocks; full batch in one pass and in blocks.
WAYS = [
    {"batch_size": 10},
    {"batch_size": 24, "block_rows": 7},
    {"block_rows": None},
    {"block_rows": 8},
]


def data(seed=0, n_out=3, n=N):
    """Return bytes and classes that can be learned."""
    rng = np.random.default_rng(seed)
    y = rng.integers(max(n_out, 2), size=n)
    x = rng.integers(100, size=(n, N_IN)) + 100 * np.eye(8, N_IN, dtype=int)[y]
    return x.astype(np.uint8), y


def network(activation=pl.Tanh, *, scale=1 / 100, shift=0, drop_prob=0.3, n_out=3, seed=1, dtype=np.float64):
    """Return a network of two hidden layers, with dropout after the first."""
    hidden = [pl.Dense(7, bias_init=pl.normal(0.5)), *([activation()] if activation else [])]
    dropout = [] if drop_prob is None else [pl.Dropout(drop_prob)]
    layers = [pl.Rescale(scale, shift), *hidden, *dropout, pl.Dense(5), pl.Tanh(), pl.Dense(n_out)]
    return pl.Network(layers).build(N_IN, rng=np.random.default_rng(seed), dtype=dtype)


def run(net, x, y, *, compiled, loss=None, optimizer=None, epochs=3, **arguments):
    """Train; return the records."""
    loss, optimizer = loss or pl.SoftmaxCrossEntropy(), optimizer or pl.SGD(0.2, momentum=0.9)
    rng = np.random.default_rng(5)
    return list(pl.train(net, loss, optimizer, x, y, epochs=epochs, rng=rng, compiled=compiled, **arguments))


def figures(records):
    """Return the numbers in records as an array."""
    return np.array([(r.loss, r.accuracy, r.validation_loss or 0, r.batch or 0) for r in records])


def check_same(nets, *records, bound=1e-12):
    """Compare a plain and a compiled training: parameters, records, generators."""
    plain, compiled = (net.theta for net in nets)
    assert np.abs(plain - compiled).max() <= bound * np.abs(plain).max()
    np.testing.assert_allclose(figures(records[0]), figures(records[1]), rtol=bound, atol=bound)
    states = [[generator.bit_generator.state for generator in net.generators] for net in nets]
    assert states[0] == states[1]


def check_twins(x, y, *, make=network, optimizer=OPTIMIZERS["momentum"], bound=1e-12, **arguments):
    """Train the same network twice, once compiled, and compare."""
    nets = make(), make()
    records = [
        run(net, x, y, compiled=compiled, optimizer=optimizer(), **arguments)
        for net, compiled in zip(nets, (False, True), strict=True)
    ]
    check_same(nets, *records, bound=bound)
    assert np.abs(nets[0].theta - make().theta).max() > 1e-2
    return nets


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("drop_prob", [None, 0.0, 0.4])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_and_dropout(activation, drop_prob, way):
    check_twins(*data(), make=partial(network, activation, drop_prob=drop_prob), **way)


@pytest.mark.parametrize("way", [WAYS[0], WAYS[3]], ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(("loss", "n_out"), [*itertools.product(LOSSES, [3]), *((x, 1) for x in LOSSES[2:])])
def test_losses_and_optimizers(loss, n_out, optimizer, way):
    x, y = data(n_out=n_out)
    make = OPTIMIZERS[optimizer]
    check_twins(
        x,
        y,
        make=partial(network, n_out=n_out),
        loss=loss(),
        optimizer=make,
        validation=data(9, n_out),
        **way,
    )


@pytest.mark.parametrize("scale", [1 / 100, [1 / (100 + 9 * i) for i in range(N_IN)]])
@pytest.mark.parametrize("shift", [0, -0.5, [0.1 * i for i in range(N_IN)]])
def test_rescale(scale, shift):
    for dtype, bound in ((np.float64, 1e-12), (np.float32, 1e-5)):
        make = partial(network, scale=scale, shift=shift, dtype=dtype)
        check_twins(*data(), make=make, batch_size=10, bound=bound)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_float32(activation, loss, way):
    """200 roundings of 1e-7 each add up to 1e-5 at most."""
    make = partial(network, activation, dtype=np.float32)
    nets = check_twins(*data(), make=make, loss=loss(), epochs=8, bound=1e-5, **way)
    assert nets[1].theta.dtype == np.float32


def on_disk(x, folder):
    np.save(folder / "x.npy", x)
    return np.load(folder / "x.npy", mmap_mode="r")


@pytest.mark.parametrize("way", [WAYS[0], WAYS[3]], ids=str)
@pytest.mark.parametrize(
    "kind",
    [
        lambda x, folder: x,
        on_disk,
        lambda x, folder: np.asfortranarray(x),
        lambda x, folder: np.repeat(x, 2, axis=0)[::2],
        lambda x, folder: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x, folder: x[::-1].copy()[::-1],
    ],
)
def test_x_in_any_form_is_read_and_never_written(kind, way, tmp_path):
    x, y = data()
    x = kind(x, tmp_path)
    before = np.array(x)
    x.flags.writeable = False
    check_twins(x, y, **way)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("kind", [*"bBhHiIlLqQ", "?", list])
def test_class_numbers_of_any_kind(kind):
    x, y = data(n_out=2)
    net, twin = network(), network()
    labels = y.tolist() if kind is list else y.astype(kind)
    run(net, x, y, compiled=True, batch_size=10)
    run(twin, x, labels, compiled=True, batch_size=10)
    np.testing.assert_array_equal(net.theta, twin.theta)


def test_single_layer_and_single_column():
    x, y = data()

    def make():
        layers = [pl.Rescale(1 / 100), pl.Dense(3)]
        return pl.Network(layers).build(1, rng=np.random.default_rng(3), dtype=np.float64)

    for way in WAYS:
        check_twins(x[:, :1], y, make=make, **way)


@pytest.mark.parametrize("way", [WAYS[0], WAYS[1]], ids=str)
def test_per_batch(way):
    check_twins(*data(), per_batch=True, validation=data(9), **way)


def test_in_their_order():
    check_twins(*data(), batch_size=10, shuffle=False)


def test_batches_one_by_one_may_grow():
    x, y = data()
    batches = [(x[start:stop], y[start:stop]) for start, stop in ((0, 5), (5, 30), (30, 31), (31, N))]
    check_twins(batches, None)
    check_twins(batches, None, block_rows=8)


def test_an_epoch_in_many_calls(monkeypatch):
    """A call takes few rows, as with large networks, and few random numbers."""
    for name, number in (("CALL", 3000), ("AHEAD", 150)):
        monkeypatch.setattr(f"pellucid.compiled.descent.{name}", number)
        for way in WAYS:
            check_twins(*data(), **way)


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "adam"])
@pytest.mark.parametrize("pattern", [*itertools.product([False, True], repeat=3)], ids=str)
def test_plain_and_compiled_training_continue_each_other(optimizer, pattern):
    (x, y), net, twin = data(), network(), network()
    optimizers = OPTIMIZERS[optimizer](), OPTIMIZERS[optimizer]()
    for i, compiled in enumerate(pattern):
        run(net, x, y, compiled=False, optimizer=optimizers[0], batch_size=10)
        run(twin, x, y, compiled=compiled, optimizer=optimizers[1], batch_size=10)
        assert optimizers[1].step_number == (i + 1) * 18
    assert np.abs(net.theta - twin.theta).max() <= 1e-12
    for name, kept in optimizers[0].state.items():
        np.testing.assert_allclose(optimizers[1].state[name], kept, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_of_a_network_train_on(duplicate):
    (x, y), net = data(), network()
    run(net, x, y, compiled=True, batch_size=10)
    twin = duplicate(net)
    for each in (net, twin):
        run(each, x, y, compiled=True, batch_size=10)
    np.testing.assert_array_equal(net.theta, twin.theta)


def test_settings_may_change_between_epochs():
    x, y = data()
    nets, found = (network(), network()), []
    for net, compiled in zip(nets, (False, True), strict=True):
        optimizer, loss, rng = pl.SGD(0.1, momentum=0.5), pl.SoftmaxCrossEntropy(), np.random.default_rng(5)
        arguments = {"epochs": 4, "batch_size": 10, "rng": rng, "compiled": compiled}
        records = []
        for record in pl.train(net, loss, optimizer, x, y, **arguments):
            optimizer.learning_rate, optimizer.momentum = 0.05, 0.9
            optimizer.weight_decay, net.layers[3].drop_prob = 0.01, 0.1
            records.append(record)
        found.append(records)
    check_same(nets, *found)


def test_two_trainings_in_turn_do_not_disturb_each_other():
    x, y = data()
    nets, twins = [network(seed=i) for i in range(2)], [network(seed=i) for i in range(2)]
    for net in twins:
        run(net, x, y, compiled=True, epochs=3, batch_size=10)
    trainings = [
        pl.train(
            net,
            pl.SoftmaxCrossEntropy(),
            pl.SGD(0.2, momentum=0.9),
            x,
            y,
            epochs=3,
            batch_size=10,
            rng=np.random.default_rng(5),
            compiled=True,
        )
        for net in nets
    ]
    for _ in zip(*trainings, strict=True):
        pass
    for net, twin in zip(nets, twins, strict=True):
        np.testing.assert_array_equal(net.theta, twin.theta)


@pytest.mark.parametrize("way", [WAYS[0], WAYS[3]], ids=str)
def test_the_same_call_gives_the_same_bits(way):
    nets = network(dtype=np.float32), network(dtype=np.float32)
    records = [run(net, *data(), compiled=True, **way) for net in nets]
    assert records[0] == records[1]
    np.testing.assert_array_equal(nets[0].theta, nets[1].theta)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_loss_that_is_nan_is_noticed(activation, compiled):
    """No activation and no dropout turns NaN into a number."""
    net = network(activation)
    net.theta[3] = np.nan
    theta = net.theta.copy()
    with pytest.raises(FloatingPointError, match=r"epoch 1: in batch 1 the loss is nan, not finite"):
        run(net, *data(), compiled=compiled, batch_size=10)
    np.testing.assert_array_equal(net.theta, theta)


@pytest.mark.parametrize("way", [WAYS[0], WAYS[3]], ids=str)
def test_a_rate_that_is_too_large_is_reported_and_theta_restored(way):
    nets, messages = [network(pl.ReLU, drop_prob=None) for _ in range(2)], []
    rate = lambda step: 1e200 if step == 20 else 0.1  # noqa: E731
    for net, compiled in zip(nets, (False, True), strict=True):
        with pytest.raises(FloatingPointError) as found:
            arguments = {"optimizer": pl.SGD(rate), "loss": pl.MeanSquaredError(), "epochs": 30, **way}
            run(net, *data(), compiled=compiled, **arguments)
        # Whether an overflowing sum is inf or NaN depends on its order.
        messages.append(str(found.value).replace("nan,", "inf,"))
    assert messages[0] == messages[1]
    np.testing.assert_allclose(nets[0].theta, nets[1].theta, rtol=1e-10)


def test_subnormal_momentum_counts_as_zero():
    """It changes theta by nothing, and 0 is a hundred times faster."""
    net = network(drop_prob=None)
    optimizer = pl.SGD(1e-300, momentum=0.5)
    run(net, *data(), compiled=True, optimizer=optimizer, batch_size=10)
    optimizer.state["v"][:] = 1e-307
    net.grad[:] = 0
    for layer in net.layers[1:]:
        if isinstance(layer, pl.Dense):
            layer.W[...] = layer.b[...] = 0
    run(net, *data(), compiled=True, optimizer=optimizer, epochs=1, batch_size=3)
    tiny = np.finfo(float).tiny
    assert not ((optimizer.state["v"] != 0) & (np.abs(optimizer.state["v"]) < tiny)).any()
    assert (optimizer.state["v"] == 0).any()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"layers": [pl.Dense(3), pl.Softmax()], "loss": pl.MeanSquaredError()},
            r"Softmax in layers\[1\]: only activations other",
        ),
        ({"layers": [pl.Tanh(), pl.Dense(3)]}, r"Tanh in layers\[0\]: only Rescale and Dense"),
        ({"layers": [pl.Dense(3), pl.Tanh(), pl.ReLU()]}, r"ReLU in layers\[2\]: only Dropout"),
        ({"layers": [pl.Dense(3), pl.Dropout(0.1)]}, "with a Dropout at its end"),
        ({"y": np.eye(3)[data()[1]]}, "the labels are targets, not class numbers"),
    ],
)
def test_what_cannot_be_compiled_is_named_by_the_call(changed, message):
    net = pl.Network(changed.get("layers", [pl.Dense(3)])).build(N_IN, rng=np.random.default_rng(0))
    x, y = data()
    arguments = net, changed.get("loss", pl.SoftmaxCrossEntropy()), pl.SGD(0.1), x / 100, changed.get("y", y)
    with pytest.raises(ValueError, match=rf"^compiled=True is not possible: .*{message}"):
        pl.train(*arguments, epochs=1, compiled=True)
    list(pl.train(*arguments, epochs=1))


class Double(pl.layers.Activation):
    """A layer that is not pellucid's."""

    def forward(self, x, *, train):
        return self.xp.multiply(x, 2, out=self.output(x))

    def backward(self, dy):
        dy *= 2
        return dy


class OwnLoss(pl.MeanSquaredError):
    """A loss that is not pellucid's."""


class OwnSGD(pl.SGD):
    """An optimizer that is not pellucid's."""


@pytest.mark.parametrize(
    "own",
    [{"layer": Double()}, {"loss": OwnLoss()}, {"optimizer": OwnSGD(0.1)}],
    ids=lambda own: next(iter(own)),
)
def test_parts_that_are_not_pellucids_are_named_by_the_call(own):
    layers = [pl.Dense(3), *([own["layer"]] if "layer" in own else []), pl.Dense(3)]
    net = pl.Network(layers).build(N_IN, rng=np.random.default_rng(0))
    given = net, own.get("loss", pl.SoftmaxCrossEntropy()), own.get("optimizer", pl.SGD(0.1))
    x, y = data()
    with pytest.raises(
        ValueError, match=r"compiled=True is not possible: (Double in layers\[1\]|Own\w+ is not)"
    ):
        pl.train(*given, x / 100, y, epochs=1, compiled=True)
    list(pl.train(*given, x / 100, y, epochs=1))


def test_a_batch_with_targets_is_an_error():
    x, y = data()
    with pytest.raises(ValueError, match="this batch cannot be compiled: the labels are targets"):
        run(network(), [(x, y), (x, np.eye(3)[y])], None, compiled=True)


def test_a_mask_fixed_during_training_is_an_error():
    x, y = data()
    net, rng = network(), np.random.default_rng(0)
    training = pl.train(
        net,
        pl.SoftmaxCrossEntropy(),
        pl.SGD(0.1),
        x,
        y,
        epochs=2,
        batch_size=10,
        rng=rng,
        compiled=True,
    )
    next(training)
    net.layers[3].fix_mask([1, 0, 1, 1, 1, 1, 1])
    with pytest.raises(ValueError, match=r"a mask was fixed during compiled training: .* compiled=False"):
        next(training)


@pytest.mark.parametrize("way", [WAYS[0], WAYS[3]], ids=str)
@pytest.mark.parametrize("other", [{"n_out": 4}, {"dtype": np.float32}])
def test_an_optimizer_that_has_stepped_other_parameters(other, way):
    optimizer = pl.Adam()
    run(network(), *data(), compiled=True, optimizer=optimizer, **way)
    with pytest.raises(ValueError, match=r"this optimizer has stepped \d+ parameters of float64 before, got"):
        run(network(**other), *data(), compiled=True, optimizer=optimizer, **way)


def test_dropout_without_a_generator(tmp_path):
    network().save(tmp_path / "net.safetensors")
    with pytest.raises(RuntimeError, match="Dropout has no random generator"):
        run(pl.Network.load(tmp_path / "net.safetensors"), *data(), compiled=True)


def test_the_choice_is_by_size(monkeypatch):
    """`compiled=None` follows `pays` if the packages are installed: the bits show which path was taken."""
    x, y = data()
    for worth_it in (False, True):
        monkeypatch.setattr("pellucid.training.setup.pays", lambda *sizes, worth_it=worth_it: worth_it)
        chosen, asked = network(dtype=np.float32), network(dtype=np.float32)
        run(chosen, x, y, compiled=None, batch_size=10)
        run(asked, x, y, compiled=worth_it, batch_size=10)
        np.testing.assert_array_equal(chosen.theta, asked.theta)
    monkeypatch.setattr("pellucid.training.setup.is_installed", lambda: False)
    run(chosen := network(dtype=np.float32), x, y, compiled=None, batch_size=10)
    run(asked := network(dtype=np.float32), x, y, compiled=False, batch_size=10)
    np.testing.assert_array_equal(chosen.theta, asked.theta)
    assert program.is_installed()
