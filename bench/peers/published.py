"""The reports' own way: plain NumPy in float64, textbook formulas, fresh arrays, one-hot targets.

Written anew from the formulas. In full batch all rows are one block.
"""

from collections.abc import Callable

import numpy as np

from bench.problem import Options, Parameters, Prepared, Problem
from bench.workloads import Workload
from pellucid.backend import Array

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}
DERIVATIVES: dict[str, Callable[[Array], Array]] = {
    "relu": lambda a: (a > 0).astype(np.float64),
    "tanh": lambda a: 1 - a**2,
    "sigmoid": lambda a: a * (1 - a),
}


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return a training in float64; there are no options."""
    work = problem.workload
    x, n_classes, share = problem.pixels(np.float64), work.sizes[-1], work.label_smoothing
    targets = (1 - share) * np.eye(n_classes)[problem.labels] + share / n_classes
    orders, rates = problem.orders(), problem.rates()
    model = Model(problem.weights(), work)

    def epoch() -> None:
        order = next(orders)
        for start in range(0, work.rows, work.batch_size or work.rows):
            chosen = order[start : start + work.batch_size] if work.batch_size else slice(None)
            model.update(model.gradients(x[chosen], targets[chosen]), next(rates))

    return Prepared(epoch, lambda: list(zip(model.weights, model.biases, strict=True)))


class Model:
    """Weights, biases, and the mean gradients of momentum or Adam, whose squares are kept, too."""

    def __init__(self, start: Parameters, work: Workload) -> None:
        self.weights = [W.astype(np.float64) for W, _ in start]
        self.biases = [b.astype(np.float64) for _, b in start]
        self.activation, self.rule, self.momentum = work.activation, work.rule, work.momentum
        self.means = [np.zeros_like(each) for each in (*self.weights, *self.biases)]
        self.squares = [np.zeros_like(each) for each in (*self.weights, *self.biases)]
        self.steps = 0

    def gradients(self, x: Array, targets: Array) -> list[Array]:
        """Return the gradients of the weights, then of the biases."""
        activations = [x]
        for W, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            activations.append(ACTIVATIONS[self.activation](activations[-1] @ W + b))
        z = activations[-1] @ self.weights[-1] + self.biases[-1]
        powers = np.exp(z - z.max(axis=1, keepdims=True))
        delta = (powers / powers.sum(axis=1, keepdims=True) - targets) / len(x)
        dW, db = [activations[-1].T @ delta], [delta.sum(axis=0)]
        for i in range(len(self.weights) - 1, 0, -1):
            delta = (delta @ self.weights[i].T) * DERIVATIVES[self.activation](activations[i])
            dW.insert(0, activations[i - 1].T @ delta)
            db.insert(0, delta.sum(axis=0))
        return dW + db

    def update(self, gradients: list[Array], rate: float) -> None:
        """Take one step of gradient descent or of Adam."""
        self.steps += 1
        n, each = len(self.weights), self.weights + self.biases
        direction = self._adam if self.rule == "adam" else self._nesterov
        for i, gradient in enumerate(gradients):
            each[i] = each[i] - rate * direction(i, gradient)
        self.weights, self.biases = each[:n], each[n:]

    def _nesterov(self, i: int, gradient: Array) -> Array:
        """Return the gradient, or with momentum the gradient and what comes of the velocity next."""
        if not self.momentum:
            return gradient
        self.means[i] = self.momentum * self.means[i] + gradient
        return gradient + self.momentum * self.means[i]

    def _adam(self, i: int, gradient: Array) -> Array:
        """Return Adam's direction: the corrected mean over the root of the corrected mean square."""
        self.means[i] = 0.9 * self.means[i] + 0.1 * gradient
        self.squares[i] = 0.999 * self.squares[i] + 0.001 * gradient**2
        mean = self.means[i] / (1 - 0.9**self.steps)
        square = self.squares[i] / (1 - 0.999**self.steps)
        return mean / (np.sqrt(square) + 1e-8)
