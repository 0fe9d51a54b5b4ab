"""Plain NumPy as in the reports: float64, textbook formulas, new arrays, one-hot targets.

It follows the published formulas, not the reports' code. In full batch all rows are one block.
"""

from collections.abc import Callable

import numpy as np

from bench.problem import FORMULAS, Options, Parameters, Prepared, Problem
from bench.workloads import Workload
from pellucid.backend import Array

DERIVATIVES: dict[str, Callable[[Array], Array]] = {
    "relu": lambda a: (a > 0).astype(np.float64),
    "tanh": lambda a: 1 - a**2,
    "sigmoid": lambda a: a * (1 - a),
}


def prepare(problem: Problem, options: Options) -> Prepared:
    """Prepare training in float64; there are no options."""
    work = problem.workload
    x, n_classes, share = problem.pixels(np.float64), work.sizes[-1], work.label_smoothing
    targets = (1 - share) * np.eye(n_classes)[problem.labels] + share / n_classes
    orders, rates = problem.orders(), problem.rates()
    net = TextbookNetwork(problem.weights(), work)

    def epoch() -> None:
        order = next(orders)
        for start in range(0, work.rows, work.batch_size or work.rows):
            chosen = order[start : start + work.batch_size] if work.batch_size else slice(None)
            net.update(net.gradients(x[chosen], targets[chosen]), next(rates))

    return Prepared(epoch, lambda: list(zip(net.weights, net.biases, strict=True)))


class TextbookNetwork:
    """Weights, biases, and the running means of the gradients and of their squares."""

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
            activations.append(FORMULAS[self.activation](activations[-1] @ W + b))
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
        """Return the gradient, with Nesterov momentum where the workload has it."""
        if not self.momentum:
            return gradient
        self.means[i] = self.momentum * self.means[i] + gradient
        return gradient + self.momentum * self.means[i]

    def _adam(self, i: int, gradient: Array) -> Array:
        """Return Adam's direction: the bias-corrected mean over the root of the corrected mean square."""
        self.means[i] = 0.9 * self.means[i] + 0.1 * gradient
        self.squares[i] = 0.999 * self.squares[i] + 0.001 * gradient**2
        mean = self.means[i] / (1 - 0.9**self.steps)
        square = self.squares[i] / (1 - 0.999**self.steps)
        return mean / (np.sqrt(square) + 1e-8)
