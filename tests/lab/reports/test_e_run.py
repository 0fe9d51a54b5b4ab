"""Report E on few rows, against its functions rewritten in float64 with examples as columns."""

import json
from dataclasses import replace

import numpy as np
import pytest

import pellucid as pl
from pellucid.data import Dataset
from pellucid.lab.reports import e_run
from pellucid.lab.reports.e_run import HALF, LIMIT, NORMAL, SMALL, TORCH, SigmoidCell, textbook

ROWS, OTHERS, EPOCHS, BATCH = 150, 60, 4, 16  # the last batch has 6 rows


@pytest.fixture(scope="module")
def parts():
    """Noisy rows of ten patterns in 0 … 1, so that there is something to learn."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 2, (10, 784)) * 0.6
    found = {}
    for name, n in (("train", ROWS), ("validation", OTHERS), ("test", OTHERS)):
        y = rng.integers(0, 10, n)
        found[name] = (patterns[y] + rng.uniform(0, 0.4, (n, 784)), y)
    return found


def sigmoid(x):
    return 1 / (np.exp(-x) + 1)


def d_sigmoid(z, printed):
    return sigmoid(z) * sigmoid(1 - z) if printed else sigmoid(z) * (1 - sigmoid(z))


def forward_propagation(w1, w2, b1, b2, x):
    z1 = w1.dot(x) + b1
    z2 = w2.dot(a1 := sigmoid(z1)) + b2
    return z1, a1, z2, sigmoid(z2)


def backward_propagation(x, y, w2, a2, a1, z2, z1, cell):
    """Do what the report does: y is one-hot (10, n), so len(y) is 10. `cell` holds the slips to make."""
    divisor = len(y) if cell.sums else y.shape[1]
    delta2 = 1 / divisor * (a2 - y) * d_sigmoid(z2, cell.printed_slope)
    delta1 = w2.T.dot(delta2) * d_sigmoid(z1, cell.printed_slope)
    db1, db2 = (
        np.sum(delta) if cell.scalar_bias else delta.sum(axis=1, keepdims=True) for delta in (delta1, delta2)
    )
    return delta2.dot(a1.T), delta1.dot(x.T), db2, db1


def descend(cell, parts, seed, *, rate, momentum=0.0):
    """Train as the report does; return loss, training, validation and test accuracy by epoch."""
    dense = [layer for layer in e_run.network(cell, seed).layers if isinstance(layer, pl.Dense)]
    (w1, b1), (w2, b2) = ((layer.W.T.copy(), layer.b[:, None].copy()) for layer in dense)
    (x, y), rng, log = parts["train"], np.random.default_rng([seed, 2]), []
    speeds = [0.0] * 4
    for _ in range(cell.epochs):
        order, loss, right = rng.permutation(len(y)), 0.0, 0
        for start in range(0, len(y), cell.batch_size):
            chosen = order[start : start + cell.batch_size]
            truth = (np.arange(10)[:, None] == y[chosen]).astype(float)
            z1, a1, z2, a2 = forward_propagation(w1, w2, b1, b2, x[chosen].T)
            loss, right = loss + ((truth - a2) ** 2).sum() / 2, right + (a2.argmax(axis=0) == y[chosen]).sum()
            steps = backward_propagation(x[chosen].T, truth, w2, a2, a1, z2, z1, cell)
            speeds = [momentum * v + step for v, step in zip(speeds, steps, strict=True)]
            dw2, dw1, db2, db1 = speeds
            w1, b1, w2, b2 = w1 - rate * dw1, b1 - rate * db1, w2 - rate * dw2, b2 - rate * db2
        scores = []
        for name in ("validation", "test"):
            guesses = forward_propagation(w1, w2, b1, b2, parts[name][0].T)[3].argmax(axis=0)
            scores.append(100 * (guesses == parts[name][1]).mean())
        log.append((loss / len(y), 100 * right / len(y), *scores))
    return np.array(log).T


def assert_curves(found, log, **tolerance):
    names = ("train loss", "train accuracy", "validation accuracy", "test accuracy")
    assert set(found["curves"]) == set(names)
    for name, values in zip(names, log, strict=True):
        assert found["curves"][name]["x"] == [*range(1, len(values) + 1)]
        assert found["curves"][name]["y"] == pytest.approx(values, **tolerance)


AS_CODED = SigmoidCell(LIMIT, 0.02, EPOCHS, BATCH)


@pytest.mark.parametrize(
    "cell",
    [
        AS_CODED,
        replace(AS_CODED, init=HALF),
        replace(AS_CODED, init=SMALL),
        replace(AS_CODED, init=NORMAL, batch_size=64),
        replace(AS_CODED, printed_slope=True),
        replace(AS_CODED, sums=False, rate=1.0),
        replace(AS_CODED, scalar_bias=False),
        textbook(replace(AS_CODED, rate=1.0)),
    ],
    ids=lambda cell: f"{cell}, sums {cell.sums}, scalar bias {cell.scalar_bias}",
)
def test_a_run_is_the_reports_loop(cell, parts, in_float64):
    found = e_run.run_on(parts, e_run.settings_of(cell), 3)
    log = descend(cell, parts, 3, rate=cell.rate)
    assert_curves(found, log, rel=1e-10)
    assert abs(log[0][0] - log[0][-1]) > 5e-3


def test_each_slip_makes_a_difference(parts, in_float64):
    """Otherwise the comparison above could not tell them apart."""
    cells = [
        AS_CODED,
        replace(AS_CODED, printed_slope=True),
        replace(AS_CODED, sums=False),
        replace(AS_CODED, scalar_bias=False),
        textbook(AS_CODED),
    ]
    found = [e_run.run_on(parts, e_run.settings_of(cell), 3)["curves"]["train loss"]["y"] for cell in cells]
    assert min(np.diff(sorted(losses[-1] for losses in found))) > 1e-4


def test_the_gradient_is_the_batchs_sum_over_ten(rng):
    outputs, labels = rng.uniform(size=(30, 10)), rng.integers(0, 10, 30)
    value, dy = e_run.SumOverTen().value_and_grad(outputs, labels)
    truth = np.eye(10)[labels]
    assert value == pytest.approx(((outputs - truth) ** 2).sum(axis=1).mean() / 2)
    np.testing.assert_allclose(dy, (outputs - truth) / 10, rtol=1e-14)


def test_the_printed_slope():
    layer = e_run.SigmoidWithPrintedSlope()
    layer.connect(3, dtype=np.dtype("float64"), xp=np)
    y = layer.forward(np.array([[0.0, 1.0, -2.0]]), train=True).copy()
    assert y[0] == pytest.approx([0.5, 0.731059, 0.119203], abs=1e-6)
    dx = layer.backward(np.array([[1.0, 1.0, 2.0]]))
    assert dx[0] == pytest.approx([0.365529, 0.365529, 0.227100], abs=1e-6)


@pytest.mark.parametrize(
    ("init", "sd", "bias_sd"),
    [
        (LIMIT, (0.0206197, 0.0206197), (0.0206197, 0.0206197)),  # 1/28 in both layers, never 1/sqrt(30)
        (HALF, (0.288675, 0.288675), (0.288675, 0.288675)),
        (NORMAL, (1, 1), (1, 1)),
        (SMALL, (0.0357143, 0.0357143), (0, 0)),
        (TORCH, (0.0206197, 0.105409), (0.0206197, 0.105409)),
    ],
)
def test_initializers(init, sd, bias_sd):
    nets = [e_run.network(SigmoidCell(init, 0.1, 1), seed) for seed in range(60)]
    for place, w, b in zip((0, 2), sd, bias_sd, strict=True):
        layers = [net.layers[place] for net in nets]
        assert np.std([layer.W for layer in layers]) == pytest.approx(w, rel=0.02)
        assert np.std([layer.b for layer in layers]) == pytest.approx(b, rel=0.06)
        assert layers[0].W.shape == ((784, 30) if place == 0 else (30, 10))
    for layer in (nets[0].layers[0], nets[0].layers[2]):
        for values in (layer.W, layer.b):
            assert init != LIMIT or 0.8 / 28 < abs(values).max() <= 1.000001 / 28
    assert not np.array_equal(nets[0].theta, nets[1].theta)


@pytest.mark.parametrize("loss", [e_run.MSE, e_run.CE_OUTPUTS, e_run.CE_LOGITS])
def test_only_the_cross_entropy_of_the_logits_has_no_last_sigmoid(loss):
    net = e_run.network(textbook(SigmoidCell(TORCH, 0.1, 1, loss=loss)), 0)
    assert [isinstance(layer, pl.Sigmoid) for layer in net.layers[3:]] == (
        [] if loss == e_run.CE_LOGITS else [True]
    )
    assert [type(layer) for layer in net.layers[:3]] == [pl.Dense, pl.Sigmoid, pl.Dense]


@pytest.mark.parametrize(("name", "momentum"), [("SGD", 0.0), ("momentum 0.9", 0.9)])
def test_pytorchs_squared_error_moves_a_fifth_as_far(name, momentum, parts, in_float64):
    """Its mean over rows and outputs has the gradient 2 (a - y) / (10 n)."""
    cell = textbook(SigmoidCell(TORCH, 2.0, EPOCHS, BATCH, optimizer=name))
    log = descend(cell, parts, 1, rate=0.4, momentum=momentum)
    assert_curves(e_run.run_on(parts, e_run.settings_of(cell), 1), log, rel=1e-10)


PYTORCH = [
    textbook(SigmoidCell(TORCH, rate, EPOCHS, BATCH, optimizer=name, loss=loss))
    for loss in (e_run.MSE, e_run.CE_OUTPUTS, e_run.CE_LOGITS)
    for name, rate in (("SGD", 1.0), ("Adam", 0.003), ("momentum 0.9", 0.3))
]


@pytest.mark.parametrize("cell", PYTORCH, ids=str)
def test_a_pytorch_users_own_loop(cell, parts, in_float64):
    """PyTorch's own modules and losses, without the twin's definitions."""
    torch = pytest.importorskip("torch")
    nn, net = torch.nn, e_run.network(cell, 2)
    model = nn.Sequential(nn.Linear(784, 30), nn.Sigmoid(), nn.Linear(30, 10))
    if cell.loss != e_run.CE_LOGITS:
        model.append(nn.Sigmoid())
    model.double()
    with torch.no_grad():
        for place in (0, 2):
            model[place].weight.copy_(torch.from_numpy(net.layers[place].W.T.copy()))
            model[place].bias.copy_(torch.from_numpy(net.layers[place].b.copy()))
    steps = {
        "SGD": lambda p: torch.optim.SGD(p, lr=cell.rate),
        "Adam": lambda p: torch.optim.Adam(p, lr=cell.rate),
        "momentum 0.9": lambda p: torch.optim.SGD(p, lr=cell.rate, momentum=0.9),
    }[cell.optimizer](model.parameters())
    (x, y), rng = parts["train"], np.random.default_rng([2, 2])
    for _ in range(cell.epochs):
        for chosen in np.split(rng.permutation(ROWS), range(BATCH, ROWS, BATCH)):
            outputs, labels = model(torch.from_numpy(x[chosen])), torch.from_numpy(y[chosen])
            truth = nn.functional.one_hot(labels, 10).double()
            mean_squared = cell.loss == e_run.MSE
            loss = nn.MSELoss()(outputs, truth) if mean_squared else nn.CrossEntropyLoss()(outputs, labels)
            steps.zero_grad()
            loss.backward()
            steps.step()
    trained = train_here(cell, parts, 2)
    for place in (0, 2):
        expected = model[place].weight.detach().numpy().T
        gaps = abs(trained.layers[place].W - expected)
        # Adam's epsilon does not scale with the gradient: it shows where the gradient is almost 0.
        adam = cell.optimizer == "Adam" and cell.loss == e_run.MSE
        assert (gaps.max() < 2e-3 and gaps.mean() < 1e-5) if adam else gaps.max() < 1e-10
        assert abs(expected - net.layers[place].W).max() > 3e-3


def train_here(cell, parts, seed):
    """Return the network of a run."""
    net = e_run.network(cell, seed)
    options = {"epochs": cell.epochs, "batch_size": cell.batch_size, "rng": np.random.default_rng([seed, 2])}
    steps = pl.train(net, e_run.loss_of(cell), e_run.optimizer(cell), *parts["train"], **options)
    assert len([*steps]) == cell.epochs
    return net


@pytest.mark.parametrize("cell", [PYTORCH[0], PYTORCH[3], PYTORCH[6]], ids=str)
def test_the_twin_agrees(cell, parts, in_float64):
    pytest.importorskip("torch")
    ours, theirs = (
        e_run.run_on(parts, e_run.settings_of(cell, library=library), 4) for library in ("pellucid", "torch")
    )
    assert_curves(theirs, [ours["curves"][name]["y"] for name in ours["curves"]], rel=1e-9)
    assert [*ours["curves"]] == [*theirs["curves"]]
    assert json.loads(json.dumps(theirs, allow_nan=False)) == theirs


def test_the_cells_for_pytorch_start_as_its_linear_does():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = e_run.network(e_run.TORCH_MSE[0], 0)
    for place, n_in, n_out in ((0, 784, 30), (2, 30, 10)):
        weight, bias = ([] for _ in range(2))
        for _ in range(20):
            linear = torch.nn.Linear(n_in, n_out)
            weight.append(float(linear.weight.detach().abs().max()))
            bias.append(float(linear.bias.detach().abs().max()))
        assert abs(net.layers[place].W).max() == pytest.approx(max(weight), rel=0.02)
        assert abs(net.layers[place].b).max() <= max(bias) * 1.01
        assert abs(net.layers[place].b).max() > max(bias) * 0.5


def test_a_run_splits_the_training_images(monkeypatch):
    y = np.arange(20)
    x = np.repeat(y[:, None], 4, axis=1).astype(np.uint8) * 5
    data = Dataset("toy", x, y, x[:3] + 200, y[:3] + 50, 10, (2, 2), "a test", {})
    monkeypatch.setattr(pl, "load_dataset", lambda name: {"mnist": data}[name])
    monkeypatch.setattr(e_run, "SPLIT", (12, 5, 3))
    monkeypatch.setattr(e_run, "run_on", lambda *arguments: arguments)
    drawn = {}
    for cell in e_run.ALL_CELLS:
        for seed in (0, 1):
            parts, settings, its_seed = e_run.run(e_run.settings_of(cell), seed)
            assert (settings, its_seed) == (e_run.settings_of(cell), seed)
            assert [(name, len(labels)) for name, (_, labels) in parts.items()] == [
                ("train", 12),
                ("validation", 5),
                ("test", 3),
            ]
            for pixels, labels in parts.values():
                assert pixels.dtype == np.float32
                np.testing.assert_allclose(pixels[:, 2], labels / 51, rtol=1e-6)
            drawn.setdefault(seed, set()).add(tuple(n for _, labels in parts.values() for n in labels))
    assert [len(rows) for rows in drawn.values()] == [1, 1]  # the same for every cell
    assert drawn[0] != drawn[1]
    assert sorted(drawn[0].pop()) == [*range(20)]  # each row once, the 10,000 test images never


X_TOY = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
DY_TOY = np.array([[1.0, 2.0], [3.0, -10.0]])


def toy_net(kind, *after):
    net = pl.Network([pl.Dense(3), kind(2, bias_init=pl.normal(1)), *after])
    return net.build(3, rng=np.random.default_rng(0), dtype=np.float64)


def test_one_sum_over_rows_and_units():
    wrong, right = toy_net(e_run.DenseWithScalarBias), toy_net(pl.Dense)
    np.testing.assert_array_equal(wrong.forward(X_TOY), right.forward(X_TOY))
    for net in (wrong, right):
        net.backward(DY_TOY.copy())
    assert right.layers[1].db.tolist() == [4.0, -8.0]
    assert wrong.layers[1].db.tolist() == [-4.0, -4.0]
    # The weights' gradient and what goes to the layer before are the true ones.
    np.testing.assert_array_equal(wrong.layers[1].dW, right.layers[1].dW)
    np.testing.assert_array_equal(wrong.layers[0].dW, right.layers[0].dW)
    np.testing.assert_array_equal(wrong.layers[0].db, right.layers[0].db)


def test_the_first_layer_of_a_network_too():
    net = pl.Network([e_run.DenseWithScalarBias(2)]).build(3, rng=np.random.default_rng(0), dtype=np.float64)
    net.forward(X_TOY)
    net.backward(DY_TOY.copy())
    assert net.layers[0].dW.tolist() == [[1.0, 2.0], [3.0, -10.0], [-1.0, 14.0]]
    assert net.layers[0].db.tolist() == [-4.0, -4.0]


@pytest.mark.parametrize("block_rows", [None, 7])
def test_biases_keep_their_differences_in_training(block_rows, rng):
    """Also where a full batch is computed in blocks. Squared error: behind a softmax the sum would be 0."""
    net = toy_net(e_run.DenseWithScalarBias, pl.Sigmoid())
    x, y = rng.normal(size=(20, 3)), rng.integers(0, 2, 20)
    before = net.layers[1].b.copy()
    steps = pl.train(net, pl.MeanSquaredError(), pl.SGD(0.5), x, y, epochs=5, block_rows=block_rows)
    assert len([*steps]) == 5
    moved = net.layers[1].b - before
    assert moved[0] == pytest.approx(moved[1], rel=1e-12)
    assert abs(moved[0]) > 1e-3
