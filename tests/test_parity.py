"""Whole networks against PyTorch in float64: outputs, losses, gradients, a hundred steps of training."""

import itertools

import numpy as np
import pytest

import pellucid as pl

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

ACTIVATIONS = {
    "identity": (pl.Identity, nn.Identity),
    "relu": (pl.ReLU, nn.ReLU),
    "leaky": (lambda: pl.LeakyReLU(0.2), lambda: nn.LeakyReLU(0.2)),
    "tanh": (pl.Tanh, nn.Tanh),
    "sigmoid": (pl.Sigmoid, nn.Sigmoid),
    "softmax": (pl.Softmax, lambda: nn.Softmax(dim=1)),
}


def one_hot(z, y):
    return F.one_hot(y, z.shape[1]).double()


LOSSES = {
    "softmax": (pl.SoftmaxCrossEntropy, F.cross_entropy),
    "sigmoid": (
        pl.SigmoidCrossEntropy,
        lambda z, y: F.binary_cross_entropy_with_logits(z, one_hot(z, y), reduction="sum") / len(z),
    ),
    "squares": (pl.MeanSquaredError, lambda z, y: ((z - one_hot(z, y)) ** 2).sum() / (2 * len(z))),
}


def twins(names, *, widths=(6, 9, 8, 5), seed=0):
    """Return our network and PyTorch's with the same parameters: Dense layers, activations between."""
    ours, theirs = [], []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        if i:
            mine, torchs = ACTIVATIONS[names[i - 1]]
            ours.append(mine())
            theirs.append(torchs())
        ours.append(pl.Dense(n_out, init=pl.normal(0.6), bias_init=pl.normal(0.3)))
        theirs.append(nn.Linear(n_in, n_out, dtype=torch.float64))
    net = pl.Network(ours).build(widths[0], rng=np.random.default_rng(seed), dtype=np.float64)
    for mine, torchs in zip(ours, theirs, strict=True):
        if isinstance(mine, pl.Dense):
            torchs.weight.data = torch.tensor(mine.W.T.copy())
            torchs.bias.data = torch.tensor(mine.b.copy())
    return net, nn.Sequential(*theirs)


def flat(twin, *, gradients=False):
    """Return PyTorch's parameters, or their gradients, in our order and orientation."""
    tensors = [p.grad if gradients else p.detach() for p in twin.parameters()]
    matrices = [t.numpy().T.ravel() for t in tensors if t.ndim == 2]
    return np.concatenate([*matrices, *(t.numpy() for t in tensors if t.ndim == 1)])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("second", ACTIVATIONS)
@pytest.mark.parametrize("first", ACTIVATIONS)
def test_gradients(first, second, loss, rng):
    net, twin = twins((first, second))
    x, y = rng.normal(size=(11, 6)), rng.integers(5, size=11)
    ours, theirs = LOSSES[loss]
    outputs = net.forward(x, train=True)
    expected = twin(torch.tensor(x))
    np.testing.assert_allclose(outputs, expected.detach().numpy(), rtol=1e-11, atol=1e-13)
    value, dy = ours().value_and_grad(outputs, y)
    net.backward(dy)
    expected_value = theirs(expected, torch.tensor(y))
    expected_value.backward()
    assert float(value) == pytest.approx(expected_value.item(), rel=1e-10)
    gradient = flat(twin, gradients=True)
    assert np.linalg.norm(net.grad - gradient) <= 1e-10 * np.linalg.norm(gradient)
    np.testing.assert_allclose(net.grad, gradient, rtol=1e-8, atol=1e-13)


def test_dropout_with_a_fixed_mask(rng):
    """The twin multiplies by the mask over 1 - drop_prob."""
    net, twin = twins(("tanh", "relu"))
    dropout, mask = pl.Dropout(0.3), rng.random((11, 9)) > 0.3
    dropout.fix_mask(mask)
    dropped = pl.Network([*net.layers[:2], dropout, *net.layers[2:]])
    theta = net.theta.copy()
    dropped.build(6, rng=rng, dtype=np.float64).theta[:] = theta
    x, y = rng.normal(size=(11, 6)), rng.integers(5, size=11)
    dropped.backward(pl.SoftmaxCrossEntropy().value_and_grad(dropped.forward(x, train=True), y)[1])
    hidden = twin[:2](torch.tensor(x)) * torch.tensor(mask / 0.7)
    F.cross_entropy(twin[2:](hidden), torch.tensor(y)).backward()
    gradient = flat(twin, gradients=True)
    assert np.linalg.norm(dropped.grad - gradient) <= 1e-10 * np.linalg.norm(gradient)


OPTIMIZERS = {
    "sgd": (lambda: pl.SGD(0.2), torch.optim.SGD, {"lr": 0.2}),
    "momentum": (
        lambda: pl.SGD(0.05, momentum=0.9, weight_decay=0.01),
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01},
    ),
    "nesterov": (
        lambda: pl.SGD(0.05, momentum=0.9, nesterov=True),
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.9, "nesterov": True},
    ),
    "adam": (lambda: pl.Adam(0.01, weight_decay=0.01), torch.optim.Adam, {"lr": 0.01, "weight_decay": 0.01}),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_hundred_steps_of_training(loss, optimizer, rng):
    """20 epochs of 5 batches, the last one smaller; the twin gets the same permutations."""
    net, twin = twins(("relu", "tanh"))
    x, y = rng.normal(size=(73, 6)), rng.integers(5, size=73)
    make, torchs, arguments = OPTIMIZERS[optimizer]
    weights = [p for p in twin.parameters() if p.ndim == 2]
    biases = {"params": [p for p in twin.parameters() if p.ndim == 1], "weight_decay": 0}
    steps = torchs([{"params": weights}, biases], **arguments)
    ours, theirs = LOSSES[loss]
    order, epochs = np.random.default_rng(5), []
    for _ in range(20):
        rows_of_epoch, total = order.permutation(73), 0.0
        for start in range(0, 73, 16):
            rows = rows_of_epoch[start : start + 16]
            value = theirs(twin(torch.tensor(x[rows])), torch.tensor(y[rows]))
            total += value.item() * len(rows)
            steps.zero_grad()
            value.backward()
            steps.step()
        epochs.append(total / 73)
    records = list(
        pl.train(net, ours(), make(), x, y, epochs=20, batch_size=16, rng=np.random.default_rng(5))
    )
    assert records[-1].loss < 0.9 * records[0].loss
    np.testing.assert_allclose([record.loss for record in records], epochs, rtol=1e-10)
    expected = flat(twin)
    assert np.linalg.norm(net.theta - expected) <= 1e-10 * np.linalg.norm(expected)
