"""Compiled copies of the formulas of layers, losses and optimizers, entry by entry.

The definition of each formula is in `pellucid.layers`, `pellucid.losses` or `pellucid.optimizers`. These
copies are faster, and `tests/compiled/test_descent.py` trains networks with both and compares. ``y`` is a
layer's output (n, n_out), ``dy`` the gradient of the loss by it, ``z`` the network's output. Comparisons with
NaN are false, and each formula is written so that NaN then stays NaN.
"""

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.exponential import exp, tanh
from pellucid.compiled.jit import inlined, kernel
from pellucid.compiled.layout import LEAKY_RELU, RELU, SIGMOID, TANH
from pellucid.compiled.llvm.intrinsics import prefetch


@kernel
def matrix(vector: Array, start: int, n: int, width: int) -> Array:
    """Return the (n, width) matrix that begins at offset `start` of a flat vector."""
    return vector[start : start + n * width].reshape(n, width)


@kernel
def prefetch_rows(x: Array, rows: Array) -> None:
    """Prefetch scattered rows, so that they are in the cache when they are needed."""
    for i in range(len(rows)):
        prefetch(x[rows[i]])


@kernel
def rescale(x: Array, rows: Array, scale: Array, shift: Array, out: Array) -> None:
    """Gather the chosen rows of x, times scale plus shift, computed in the dtype of scale and shift.

    `pellucid.layers.Rescale` defines this formula.
    """
    f = scale.dtype.type
    for i in range(len(rows)):
        row, into = x[rows[i]], out[i]  # four times as fast as indexing in the inner loop
        for j in range(len(row)):
            into[j] = f(row[j]) * scale[j] + shift[j]


@kernel
def copy(x: Array, out: Array) -> None:
    """Copy a matrix."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = x[i, j]


@kernel
def add_to_rows(y: Array, b: Array) -> None:
    """Add the vector b to each row of y."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] += b[j]


@kernel
def sum_rows(dy: Array, into: Array, factor: float, keep: float) -> None:
    """Compute into ← keep · into + factor · Σ rows of dy; if keep is 0, the old content is ignored."""
    factor, keep = into.dtype.type(factor), into.dtype.type(keep)
    for j in range(len(into)):
        into[j] = keep * into[j] if keep else 0
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            into[j] += factor * dy[i, j]


@kernel
def multiply_by(y: Array, factor: float) -> None:
    """Multiply all entries by a number, in place."""
    factor = y.dtype.type(factor)
    y = y.reshape(-1)
    for i in range(len(y)):
        y[i] *= factor


@kernel
def activate(y: Array, activation: int, slope: float) -> None:
    """Apply the activation to all entries, in place; `pellucid.layers.activations` defines the formulas."""
    f = y.dtype.type
    zero, one, slope = f(0), f(1), f(slope)
    y = y.reshape(-1)
    if activation == RELU:
        for i in range(len(y)):
            y[i] = zero if y[i] < zero else y[i]
    elif activation == LEAKY_RELU:
        for i in range(len(y)):
            y[i] = slope * y[i] if y[i] < zero else y[i]
    elif activation == SIGMOID:
        for i in range(len(y)):
            y[i] = one / (one + exp(-y[i]))
    elif activation == TANH:
        for i in range(len(y)):
            y[i] = tanh(y[i])


@kernel
def times_derivative(dy: Array, y: Array, activation: int, slope: float) -> None:
    """Multiply dy by the derivative of the activation, computed from its output y, in place."""
    f = y.dtype.type
    zero, one, slope = f(0), f(1), f(slope)
    y, dy = y.reshape(-1), dy.reshape(-1)
    if activation == RELU:
        for i in range(len(y)):
            dy[i] *= one if y[i] > zero else zero
    elif activation == LEAKY_RELU:
        for i in range(len(y)):
            dy[i] *= one if y[i] > zero else slope
    elif activation == SIGMOID:
        for i in range(len(y)):
            dy[i] *= y[i] * (one - y[i])
    elif activation == TANH:
        for i in range(len(y)):
            dy[i] *= one - y[i] * y[i]


@kernel
def drop(x: Array, drawn: Array, drop_prob: float, out: Array) -> None:
    """Compute out = x / (1 - drop_prob) where the random number is at least drop_prob, else 0.

    `pellucid.layers.Dropout` defines this formula.
    """
    f = x.dtype.type
    zero, scale = f(0), f(1 / (1 - drop_prob))
    limit = np.float32(drop_prob)
    x, drawn, out = x.reshape(-1), drawn.reshape(-1), out.reshape(-1)
    for i in range(len(x)):
        out[i] = x[i] * (scale if drawn[i] >= limit else zero)


@kernel
def count_right(z: Array, labels: Array, threshold: float) -> int:
    """Count the rows that are classified correctly, as `pellucid.metrics.count_correct` does.

    The predicted class is the largest output; a single output predicts class 1 above the threshold.
    """
    right = 0
    for i in range(len(z)):
        if z.shape[1] == 1:
            predicted = int(z[i, 0] > threshold)
        else:
            predicted = 0
            for j in range(1, z.shape[1]):
                if z[i, j] > z[i, predicted]:
                    predicted = j
        right += predicted == labels[i]
    return right


@kernel
def softmax_cross_entropy(z: Array, labels: Array, share: float, dy: Array) -> float:
    """Return Σ over rows of log Σ exp(z) - Σ t z, and fill dy with softmax(z) - t.

    `share` is the label smoothing. `pellucid.losses.SoftmaxCrossEntropy` defines this formula.
    """
    f = z.dtype.type
    one, certain, spread = f(1), f(1 - share), f(share / z.shape[1])
    value = 0.0
    for i in range(len(z)):
        largest = z[i, 0]
        for j in range(1, z.shape[1]):
            largest = max(largest, z[i, j])
        for j in range(z.shape[1]):
            dy[i, j] = z[i, j] - largest
        value -= certain * dy[i, labels[i]]
        if share > 0:
            for j in range(z.shape[1]):
                value -= spread * dy[i, j]
    flat = dy.reshape(-1)
    for i in range(len(flat)):
        flat[i] = exp(flat[i])
    for i in range(len(z)):
        total = dy[i, 0]
        for j in range(1, z.shape[1]):
            total += dy[i, j]
        value += np.log(total)
        for j in range(z.shape[1]):
            dy[i, j] = dy[i, j] * (one / total) - spread
        dy[i, labels[i]] -= certain
    return value


@kernel
def sigmoid_cross_entropy(z: Array, labels: Array, share: float, dy: Array) -> float:
    """Return Σ max(z, 0) - z t + log(1 + exp(-|z|)), and fill dy with sigmoid(z) - t.

    `share` is the label smoothing. `pellucid.losses.SigmoidCrossEntropy` defines this formula.
    """
    f = z.dtype.type
    zero, one = f(0), f(1)
    value = 0.0
    for i in range(len(z)):
        for j in range(z.shape[1]):
            x, t = z[i, j], f(target(labels[i], j, z.shape[1], share))
            e = exp(-abs(x))
            value += (max(x, zero) - x * t) + np.log1p(e)
            dy[i, j] = (one if x >= zero else e) / (one + e) - t
    return value


@kernel
def mean_squared_error(z: Array, labels: Array, share: float, dy: Array) -> float:
    """Return ½ Σ (z - t)², and fill dy with z - t.

    `share` is the label smoothing. `pellucid.losses.MeanSquaredError` defines this formula.
    """
    f = z.dtype.type
    value = 0.0
    for i in range(len(z)):
        for j in range(z.shape[1]):
            dy[i, j] = z[i, j] - f(target(labels[i], j, z.shape[1], share))
            value += 0.5 * dy[i, j] * dy[i, j]
    return value


@kernel
def target(label: int, output: int, n_outputs: int, share: float) -> float:
    """Return the target of an output. A single output stands for class 1 of two."""
    is_right = label == (1 if n_outputs == 1 else output)
    return (1 - share if is_right else 0.0) + share / max(n_outputs, 2)


# The optimizers' updates are inlined, because a called function is compiled twice: once alone and once with
# its caller. The two versions may round products and sums differently, so the process that compiles could
# give other bits than the next one, which reads the machine code from the cache.


@inlined
def add(grad: Array, total: Array) -> None:
    """Add a gradient to a total."""
    for i in range(len(total)):
        total[i] += grad[i]


@inlined
def sgd(
    theta: Array, grad: Array, v: Array, rate: float, momentum: float, nesterov: bool, decay: float, n: int
) -> None:
    """SGD: v ← μ v + g, θ ← θ - η v, or with Nesterov θ ← θ - η (g + μ v).

    The first n entries are weights: g includes their decay. `pellucid.optimizers.SGD` defines this formula.
    """
    f = theta.dtype.type
    rate, momentum, decay = f(rate), f(momentum), f(decay)
    for i in range(len(theta)):
        g = grad[i] + decay * theta[i] if i < n else grad[i]
        if momentum > 0:
            v[i] = flush_subnormal(momentum * v[i] + g)
            g = g + momentum * v[i] if nesterov else v[i]
        theta[i] -= rate * g


@inlined
def adam(
    theta: Array, grad: Array, m: Array, v: Array, rate: float, beta_1: float, beta_2: float,
    epsilon: float, decay: float, n: int, t: int,
) -> None:  # fmt: skip
    """Adam: m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², θ ← θ - η m̂ / (√v̂ + ε).

    The first n entries are weights: g includes their decay. `pellucid.optimizers.Adam` defines this formula.
    """
    f = theta.dtype.type
    root = f(1 / np.sqrt(1 - beta_2**t))
    rate = f(rate / (1 - beta_1**t))
    new_1, new_2 = f(1 - beta_1), f(1 - beta_2)
    beta_1, beta_2, epsilon, decay = f(beta_1), f(beta_2), f(epsilon), f(decay)
    for i in range(len(theta)):
        g = grad[i] + decay * theta[i] if i < n else grad[i]
        m[i] = flush_subnormal(beta_1 * m[i] + new_1 * g)
        v[i] = flush_subnormal(beta_2 * v[i] + new_2 * g * g)
        theta[i] -= rate * m[i] / (np.sqrt(v[i]) * root + epsilon)


@inlined
def flush_subnormal(x: float) -> float:
    """Return x, or 0 if x is subnormal: processors are a hundred times slower with subnormal numbers."""
    return x if abs(x) >= np.finfo(x).tiny else x * 0  # NaN stays NaN
