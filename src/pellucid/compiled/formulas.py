"""The algebra of the compiled path: the same formulas as in layers and losses, entry by entry.

``y`` is a layer's output (n, n_out), ``dy`` the gradient of the loss by it, ``z`` the outputs of the network.
A comparison with NaN is false: formulas are written so that NaN then stays NaN.
"""

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.exponential import exp, tanh
from pellucid.compiled.jit import kernel
from pellucid.compiled.layout import LEAKY_RELU, RELU, SIGMOID, TANH
from pellucid.compiled.llvm.intrinsics import prefetch


@kernel
def matrix(vector: Array, start: int, n: int, width: int) -> Array:
    """Return the (n, width) matrix that begins at an entry of a flat vector."""
    return vector[start : start + n * width].reshape(n, width)


@kernel
def ask_for(x: Array, rows: Array) -> None:
    """Ask for rows that are scattered over memory: they are in the cache when they are needed."""
    for i in range(len(rows)):
        prefetch(x[rows[i]])


@kernel
def rescale(x: Array, rows: Array, scale: Array, shift: Array, out: Array) -> None:
    """Gather the chosen rows of x, times scale plus shift, computed in the dtype of these."""
    f = scale.dtype.type
    for i in range(len(rows)):
        row, into = x[rows[i]], out[i]  # taken out of the inner loop, which becomes four times as fast
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
    """Compute into ← keep · into + factor · Σ rows of dy; where keep is 0, into may hold anything."""
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
    """Apply the activation to all entries, in place."""
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
    """Multiply dy by the activation's derivative, which its output y tells, in place."""
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
    """Inverted dropout: out = x / (1 - drop_prob) where the number drawn is at least drop_prob, else 0."""
    f = x.dtype.type
    zero, scale = f(0), f(1 / (1 - drop_prob))
    limit = np.float32(drop_prob)
    x, drawn, out = x.reshape(-1), drawn.reshape(-1), out.reshape(-1)
    for i in range(len(x)):
        out[i] = x[i] * (scale if drawn[i] >= limit else zero)


@kernel
def count_right(z: Array, labels: Array, threshold: float) -> int:
    """Count the rows whose largest output, or whose only output's side of the threshold, is the class."""
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
    """Return Σ over rows of log Σ exp(z) - Σ t z; fill dy with softmax(z) - t, share being spread over t."""
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
    """Return Σ max(z, 0) - z t + log(1 + exp(-|z|)); fill dy with sigmoid(z) - t."""
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
    """Return ½ Σ (z - t)²; fill dy with z - t."""
    f = z.dtype.type
    value = 0.0
    for i in range(len(z)):
        for j in range(z.shape[1]):
            dy[i, j] = z[i, j] - f(target(labels[i], j, z.shape[1], share))
            value += 0.5 * dy[i, j] * dy[i, j]
    return value


@kernel
def target(label: int, output: int, n_outputs: int, share: float) -> float:
    """Return an output's target; the only output stands for class 1 of two."""
    is_right = label == (1 if n_outputs == 1 else output)
    return (1 - share if is_right else 0.0) + share / max(n_outputs, 2)
