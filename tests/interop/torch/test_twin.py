"""Training in PyTorch with the same weights and batches yields the same records."""

import copy

import numpy as np
import pytest

import pellucid as pl
from pellucid.lab.reports import d_run

torch = pytest.importorskip("torch")

from pellucid.interop.torch import Twin, criterion, sequential, threads, torch_optimizer, train_twin  # noqa: E402

DTYPES = [(np.float64, 1e-10), (np.float32, 1e-5)]


@pytest.fixture
def rows(rng):
    """Return 100 rows of 12: batches of 32, 32, 32 and 4."""
    return rng.uniform(0, 1, (100, 12)), rng.integers(0, 5, 100)


def network(dtype, *hidden, seed=0):
    net = pl.Network([*hidden, pl.Dense(5, bias_init=pl.normal(0.3))])
    return net.build(12, rng=np.random.default_rng(seed), dtype=dtype)


def values(records):
    return np.array([(r.epoch, r.batch or 0, r.loss, r.accuracy) for r in records])


@pytest.mark.parametrize("reshuffled", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_the_twin_trains_alike(rows, dtype, tolerance, reshuffled):
    x, y = rows[0].astype(dtype), rows[1]
    ours, theirs = (network(dtype, pl.Dense(9), pl.Tanh()) for _ in range(2))
    start = ours.theta.copy()
    options = {"epochs": 3, "batch_size": 32}
    drawn = np.random.default_rng(5)
    loss, optimizer = pl.SoftmaxCrossEntropy(), pl.SGD(0.3)
    mine = pl.train(ours, loss, optimizer, x, y, **options, shuffle=reshuffled, rng=drawn, per_batch=True)
    rng = np.random.default_rng(5) if reshuffled else None
    twin = train_twin(theirs, loss, pl.SGD(0.3), x, y, **options, rng=rng)
    mine, twin = values(mine), values(twin)
    assert len(mine) == 3 * (4 + 1)
    np.testing.assert_allclose(twin, mine, rtol=0, atol=tolerance)
    np.testing.assert_allclose(theirs.theta, ours.theta, rtol=0, atol=tolerance)
    assert abs(ours.theta - start).max() > 0.05  # the training moves the parameters
    assert theirs.theta.dtype == dtype


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_the_twin_of_report_d(rows, dtype, tolerance, monkeypatch):
    """`run_on` with library "torch" uses the same parameters and batches, and evaluates the twin."""
    build = pl.Network.build
    monkeypatch.setattr(pl.Network, "build", lambda self, **about: build(self, **about, dtype=dtype))
    x, y = rows[0].astype(dtype), rows[1]
    variant, reading = d_run.TWIN_CELL
    mine, twin = (
        d_run.run_on(x, y, x[:40], y[:40], d_run.settings_of(variant, *reading, epochs=4, library=library), 2)
        for library in ("pellucid", "torch")
    )
    for name, curve in mine["epochs"].items():
        scale = 100 if "accuracy" in name else 1
        np.testing.assert_allclose(twin["epochs"][name], curve, rtol=0, atol=scale * tolerance)
    assert twin["dead"] == mine["dead"]
    assert twin["batches"].keys() == mine["batches"].keys()
    assert mine["epochs"]["validation loss"][0] - mine["epochs"]["validation loss"][-1] > 1e-3


OPTIMIZERS = [
    pl.SGD(0.1, momentum=0.9, weight_decay=0.01),
    pl.SGD(0.1, momentum=0.8, nesterov=True),
    pl.Adam(0.01, beta_1=0.8, beta_2=0.9, epsilon=1e-3, weight_decay=0.1),
    pl.SGD(pl.step_decay(0.2, every=3), momentum=0.9),
    pl.Adam(pl.one_cycle(0.05, steps=12)),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize(
    "loss",
    [
        kind(label_smoothing=share)
        for kind in (pl.SoftmaxCrossEntropy, pl.SigmoidCrossEntropy, pl.MeanSquaredError)
        for share in (0, 0.2)
    ],
    ids=repr,
)
def test_every_loss_and_optimizer_trains_alike(rows, loss, optimizer):
    x, y = rows
    ours, theirs = (network(np.float64, pl.Dense(9), pl.Tanh()) for _ in range(2))
    start = ours.theta.copy()
    options = {"epochs": 3, "batch_size": 32, "rng": None}
    twin = values(train_twin(theirs, loss, optimizer, x, y, **options))  # leaves the optimizer unchanged
    optimizer = copy.deepcopy(optimizer)
    mine = pl.train(ours, loss, optimizer, x, y, **options, shuffle=False, per_batch=True)
    np.testing.assert_allclose(twin, values(mine), rtol=0, atol=1e-10)
    np.testing.assert_allclose(theirs.theta, ours.theta, rtol=0, atol=1e-10)
    assert abs(ours.theta - start).max() > 0.05


def test_what_has_no_counterpart_is_named():
    model = sequential(network(np.float64))
    with pytest.raises(TypeError, match=r"^Other has no counterpart in PyTorch"):
        criterion(type("Other", (pl.SoftmaxCrossEntropy,), {})())
    with pytest.raises(TypeError, match=r"^Other has no counterpart in PyTorch"):
        torch_optimizer(type("Other", (pl.Optimizer,), {})(0.1, 0), model)


def test_the_parameters_are_copied_back_after_each_epoch_and_not_before(rows):
    x, y = rows
    net = network(np.float64)
    start = net.theta.copy()
    for record in train_twin(
        net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1), x, y, epochs=1, batch_size=50, rng=None
    ):
        assert np.array_equal(net.theta, start) == (record.batch is not None)


def test_the_twin_draws_our_masks_and_leaves_our_generators_alone(rows):
    """Two Dropout layers, 12 steps: with other masks the losses would differ from the first step on."""
    x, y = rows
    ours, theirs = (
        network(np.float64, pl.Dense(9), pl.ReLU(), pl.Dropout(0.4), pl.Dense(7), pl.Tanh(), pl.Dropout(0.2))
        for _ in range(2)
    )
    options = {"epochs": 3, "batch_size": 32, "rng": None}
    loss = pl.SoftmaxCrossEntropy()
    twin = values(train_twin(theirs, loss, pl.SGD(0.3), x, y, **options))
    mine = values(pl.train(ours, loss, pl.SGD(0.3), x, y, **options, shuffle=False, per_batch=True))
    np.testing.assert_allclose(twin, mine, rtol=0, atol=1e-10)
    np.testing.assert_allclose(theirs.theta, ours.theta, rtol=0, atol=1e-10)
    assert not np.array_equal(*(net.generators[0].random(3) for net in (ours, theirs)))


def test_a_fixed_mask_is_the_twins_too(rows):
    dropout = pl.Dropout(0.5)
    net = network(np.float64, pl.Dense(9), dropout)
    dropout.fix_mask([1, 0, 0, 1, 1, 0, 1, 1, 0])
    twin = Twin(net, pl.SoftmaxCrossEntropy(), pl.SGD(0.1))
    twin.step(*rows)
    dead = np.abs(twin.gradients()["2.weight"]).sum(axis=1) == 0
    np.testing.assert_array_equal(dead, ~dropout.mask)


def test_raw_pixels_and_one_output(rng):
    """uint8 through Rescale, one output, smoothed labels: loss, correct rows and all gradients agree."""
    x, y = rng.integers(0, 256, (40, 6)).astype(np.uint8), rng.integers(0, 2, 40)
    layers = [pl.Rescale(1 / 255, rng.uniform(-1, 0, 6)), pl.Dense(4), pl.Tanh(), pl.Dense(1)]
    net = pl.Network(layers).build(6, rng=rng, dtype=np.float64)
    loss = pl.SigmoidCrossEntropy(label_smoothing=0.1)
    value, right = Twin(net, loss, pl.SGD(0.1)).step(x, y)
    twin = Twin(net, loss, pl.SGD(0.1))
    assert (value, right) == twin.step(x, y)
    outputs = net.forward(x, train=True)
    mine, dy = loss.value_and_grad(outputs, y)
    assert right == ((outputs[:, 0] > 0) == y).sum()
    net.backward(dy)
    assert value == pytest.approx(float(mine), rel=1e-12)
    for name, layer in (("0", layers[1]), ("2", layers[3])):
        np.testing.assert_allclose(twin.gradients()[f"{name}.weight"], layer.dW, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(twin.gradients()[f"{name}.bias"], layer.db, rtol=1e-9, atol=1e-15)


def test_the_first_step_has_the_schedules_first_rate_and_the_second_its_second(rows):
    net = network(np.float64)
    twin = Twin(net, pl.MeanSquaredError(), pl.SGD(lambda step: (0.5, 0.25)[step]))
    for rate in (0.5, 0.25):
        before = twin.parameters()["0.weight"].copy()
        twin.step(*rows)
        change = twin.parameters()["0.weight"] - before
        np.testing.assert_allclose(change, -rate * twin.gradients()["0.weight"], rtol=1e-9, atol=1e-16)


@pytest.mark.parametrize("n", [1, None])
def test_the_number_of_threads_is_restored(n):
    usual = torch.get_num_threads()
    with threads(3):
        with pytest.raises(KeyboardInterrupt), threads(n):
            assert torch.get_num_threads() == (n or 3)
            raise KeyboardInterrupt
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == usual
