"""The optimizers' updates, compiled: the formulas of `pellucid.optimizers`, in one pass over theta.

They become lines of their caller. A function that is called has its machine code twice in the process that
compiles it, once alone and once with its caller, and where products and sums are rounded as one the two may
differ: the process would come to other bits than the next, which finds the code kept.
"""

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.jit import inlined


@inlined
def add(grad: Array, total: Array) -> None:
    """Add a gradient to a total."""
    for i in range(len(total)):
        total[i] += grad[i]


@inlined
def sgd(
    theta: Array, grad: Array, v: Array, rate: float, momentum: float, nesterov: bool, decay: float, n: int
) -> None:
    """SGD: v ← μ v + g, θ ← θ - η v, or with Nesterov θ ← θ - η (g + μ v); g holds the decay of n weights."""
    f = theta.dtype.type
    rate, momentum, decay = f(rate), f(momentum), f(decay)
    for i in range(len(theta)):
        g = grad[i] + decay * theta[i] if i < n else grad[i]
        if momentum > 0:
            v[i] = normal(momentum * v[i] + g)
            g = g + momentum * v[i] if nesterov else v[i]
        theta[i] -= rate * g


@inlined
def adam(
    theta: Array, grad: Array, m: Array, v: Array, rate: float, beta_1: float, beta_2: float,
    epsilon: float, decay: float, n: int, t: int,
) -> None:  # fmt: skip
    """Adam: m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², θ ← θ - η m̂ / (√v̂ + ε), in one pass."""
    f = theta.dtype.type
    root = f(1 / np.sqrt(1 - beta_2**t))
    rate = f(rate / (1 - beta_1**t))
    new_1, new_2 = f(1 - beta_1), f(1 - beta_2)
    beta_1, beta_2, epsilon, decay = f(beta_1), f(beta_2), f(epsilon), f(decay)
    for i in range(len(theta)):
        g = grad[i] + decay * theta[i] if i < n else grad[i]
        m[i] = normal(beta_1 * m[i] + new_1 * g)
        v[i] = normal(beta_2 * v[i] + new_2 * g * g)
        theta[i] -= rate * m[i] / (np.sqrt(v[i]) * root + epsilon)


@inlined
def normal(x: float) -> float:
    """Return x, or 0 where x is subnormal: processors take a hundred times as long over such numbers."""
    return x if abs(x) >= np.finfo(x).tiny else x * 0  # NaN, which is below nothing, stays NaN
