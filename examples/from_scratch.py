"""The textbook network on one page, in NumPy only. A test compares pellucid's results with it.

Every layer computes z = x W + b from the output x of the layer before it; hidden layers give y = tanh(z), the
last one y = softmax(z). The loss is the cross-entropy, the mean over rows of -log y[label]. Backpropagation
starts with dz = (y - one-hot) / n at the last layer and works backwards through the layers:

    dW = xᵀ dz      db = Σ_rows dz      dx = dz Wᵀ      and before it  dz = dx (1 - x²),  as tanh' = 1 - tanh²
"""

from itertools import pairwise

import numpy as np


def draw_parameters(sizes, rng):
    """Return [(W, b), ...]: weights from U(-a, a) with a = sqrt(6 / (n_in + n_out)) (Glorot), biases 0."""
    limits = [(n_in, n_out, np.sqrt(6 / (n_in + n_out))) for n_in, n_out in pairwise(sizes)]
    return [(rng.uniform(-a, a, (n_in, n_out)), np.zeros(n_out)) for n_in, n_out, a in limits]


def forward(parameters, x):
    """Return the data and every layer's output: [x, y_1, ..., y_last]."""
    ys = [x]
    for W, b in parameters[:-1]:
        ys.append(np.tanh(ys[-1] @ W + b))
    W, b = parameters[-1]
    z = ys[-1] @ W + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return [*ys, e / e.sum(axis=1, keepdims=True)]


def loss_and_gradients(parameters, x, labels):
    """Return the cross-entropy and [(dW, db), ...] by backpropagation."""
    *inputs, y = forward(parameters, x)
    one_hot = np.eye(y.shape[1])[labels]
    dz, gradients = (y - one_hot) / len(x), []
    for (W, _), x_in in zip(reversed(parameters), reversed(inputs), strict=True):
        gradients.append((x_in.T @ dz, dz.sum(axis=0)))
        dz = (dz @ W.T) * (1 - x_in**2)
    return -np.log(y[one_hot == 1]).mean(), gradients[::-1]


def train(parameters, x, labels, *, epochs, batch_size, learning_rate, rng):
    """Take one step per batch, reshuffle the rows each epoch, and yield the mean loss of each epoch."""
    for _ in range(epochs):
        order, total = rng.permutation(len(x)), 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            loss, gradients = loss_and_gradients(parameters, x[rows], labels[rows])
            for (W, b), (dW, db) in zip(parameters, gradients, strict=True):
                W[:] -= learning_rate * dW
                b[:] -= learning_rate * db
            total += loss * len(rows)
        yield total / len(x)


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    # Ten classes with three variants each: thirty random images of 28 by 28 pixels, with noise added.
    pictures, shown = rng.random((30, 784)), rng.integers(30, size=4000)
    x, labels = pictures[shown] + rng.normal(0, 0.8, (4000, 784)), shown % 10
    known, new = slice(3000), slice(3000, None)
    parameters, settings = draw_parameters([784, 30, 10], rng), {"batch_size": 32, "learning_rate": 0.02}
    losses = train(parameters, x[known], labels[known], epochs=10, **settings, rng=rng)
    for epoch, loss in enumerate(losses, 1):
        right = forward(parameters, x[new])[-1].argmax(axis=1) == labels[new]
        print(f"epoch {epoch:2}   loss {loss:.4f}   test accuracy {right.mean():.1%}")
