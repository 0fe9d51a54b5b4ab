"""Optimizers: gradient descent with momentum, and Adam.

An optimizer sees two vectors: all parameters and their gradient. ``step(theta, grad, n_weights)`` updates
theta in place and does not change grad. The learning rate is a number or a schedule ``f(step) -> rate``; the
first step is 0.

>>> import numpy as np
>>> theta = np.array([1.0, 2.0])
>>> SGD(learning_rate=0.1).step(theta, np.array([10.0, -10.0]))
>>> theta
array([0., 3.])
"""

from math import sqrt
from typing import Any

import numpy as np

from pellucid.backend import Array, Scratch, module_of, to_host
from pellucid.schedules import Schedule, check_rate

#: Steps between two searches for near-subnormal numbers, which processors handle slowly. With momentum 0.9 a
#: running mean shrinks to a fifth in 16 steps.
FLUSH_EVERY = 16


class Optimizer:
    """Base class of optimizers. A subclass implements `update`.

    Parameters
    ----------
    learning_rate : float or callable
        η, or a schedule.
    weight_decay : float
        λ of the penalty λ/2 ‖W‖². Its gradient, λ W, is added to that of the loss.

    Attributes
    ----------
    step_number : int
        Number of steps taken.
    state : dict of str to array
        Arrays of theta's shape that persist between steps, such as the momentum. They follow
        theta to the GPU and back; a pickle holds NumPy arrays.

    Examples
    --------
    >>> class SignDescent(Optimizer):
    ...     def update(self, theta, grad, rate):
    ...         theta -= rate * np.sign(grad)
    >>> theta = np.array([1.0, 2.0])
    >>> SignDescent(0.5, weight_decay=0).step(theta, np.array([3.0, -3.0]))
    >>> theta
    array([0.5, 2.5])
    """

    def __init__(self, learning_rate: float | Schedule, weight_decay: float) -> None:
        if not callable(learning_rate):
            check_rate("learning_rate", learning_rate)
        if not (np.isfinite(weight_decay) and weight_decay >= 0):
            raise ValueError(f"weight_decay must be finite and >= 0, got {weight_decay}")
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.step_number = 0
        self.state: dict[str, Array] = {}
        self._scratch = Scratch()

    def step(self, theta: Array, grad: Array, n_weights: int | None = None) -> None:
        """Update theta in place.

        Parameters
        ----------
        theta, grad : array, shape (n_parameters,)
        n_weights : int, optional
            Weight decay applies to the first `n_weights` entries; None means all.

        Raises
        ------
        ValueError
            If theta and grad differ in shape, or theta's shape or dtype has changed since the last step.
        """
        if theta.shape != grad.shape:
            raise ValueError(f"theta and grad must have the same shape, got {theta.shape} and {grad.shape}")
        self.check(theta)
        self.update(theta, self._with_decay(theta, grad, n_weights), self.rate(self.step_number))
        self.step_number += 1
        if self.step_number % FLUSH_EVERY == 0:
            self._flush()

    def check(self, theta: Array) -> None:
        """Raise unless the state fits theta, and move the state to theta's device."""
        for name, kept in self.state.items():
            if kept.shape != theta.shape or kept.dtype != theta.dtype:
                raise ValueError(
                    f"this optimizer has stepped {kept.size} parameters of {kept.dtype} before, "
                    f"got {theta.size} of {theta.dtype}: make a new one"
                )
            if module_of(kept) is not module_of(theta):
                self.state[name] = module_of(theta).asarray(to_host(kept))

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return self.learning_rate(step) if callable(self.learning_rate) else self.learning_rate

    def update(self, theta: Array, grad: Array, rate: float) -> None:
        """Update theta in place; grad already includes the weight decay."""
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def kept(self, name: str, like: Array) -> Array:
        """Return the state array `name`; it starts as zeros."""
        if name not in self.state:
            self.state[name] = module_of(like).zeros_like(like)
        return self.state[name]

    def scratch(self, name: str, like: Array) -> Array:
        """Return the scratch array `name`, with the shape and dtype of `like`, allocated once."""
        return self._scratch.like(name, like)

    def _with_decay(self, theta: Array, grad: Array, n_weights: int | None) -> Array:
        """Return grad + λ theta, where the second term is for weights only."""
        if not self.weight_decay:
            return grad
        total = self.scratch("with_decay", theta)
        n = theta.size if n_weights is None else n_weights
        module_of(theta).multiply(theta[:n], self.weight_decay, out=total[:n])
        total[:n] += grad[:n]
        total[n:] = grad[n:]
        return total

    def _flush(self) -> None:
        """Set near-subnormal entries of the state, left by vanished gradients, to 0."""
        for kept in self.state.values():
            xp, size = module_of(kept), self.scratch("size", kept)
            xp.abs(kept, out=size)
            xp.multiply(kept, xp.greater(size, 16 * np.finfo(kept.dtype).tiny), out=kept)

    def __getstate__(self) -> dict[str, Any]:
        state = {name: to_host(kept) for name, kept in self.state.items()}
        return {**self.__dict__, "state": state, "_scratch": Scratch()}


class SGD(Optimizer):
    """Gradient descent, optionally with momentum.

    Plain:    θ ← θ - η g
    Momentum: v ← μ v + g,  θ ← θ - η v
    Nesterov: v ← μ v + g,  θ ← θ - η (g + μ v)

    Parameters
    ----------
    learning_rate : float or callable
        η, or a schedule.
    momentum : float
        μ in [0, 1).
    nesterov : bool
        Whether to use Nesterov's momentum; needs momentum > 0.
    weight_decay : float
        λ ≥ 0.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    Sutskever, Martens, Dahl, Hinton (2013), On the importance of initialization and momentum in deep
    learning, equations 1-4, in PyTorch's form (η is not part of v).

    Examples
    --------
    >>> SGD(0.1, momentum=0.9)
    SGD(learning_rate=0.1, momentum=0.9, nesterov=False, weight_decay=0)
    """

    def __init__(
        self,
        learning_rate: float | Schedule,
        *,
        momentum: float = 0,
        nesterov: bool = False,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {momentum}")
        if nesterov and momentum == 0:
            raise ValueError("nesterov needs momentum > 0, got momentum=0")
        self.momentum, self.nesterov = momentum, nesterov

    def update(self, theta: Array, grad: Array, rate: float) -> None:
        """Update θ ← θ - η g (plain), θ - η v (momentum) or θ - η (g + μ v) (Nesterov)."""
        xp, change = module_of(theta), self.scratch("change", theta)
        if self.momentum:
            v = self.kept("v", theta)
            v *= self.momentum
            v += grad
            if self.nesterov:
                xp.multiply(v, self.momentum, out=change)
                change += grad
                change *= rate
            else:
                xp.multiply(v, rate, out=change)
        else:
            xp.multiply(grad, rate, out=change)
        theta -= change

    def __repr__(self) -> str:
        return (
            f"SGD(learning_rate={self.learning_rate}, momentum={self.momentum}, "
            f"nesterov={self.nesterov}, weight_decay={self.weight_decay})"
        )


class Adam(Optimizer):
    """Adam: gradient descent scaled by running means of the gradient and its square.

    m ← β₁ m + (1 - β₁) g          m̂ = m / (1 - β₁ᵗ)
    v ← β₂ v + (1 - β₂) g²         v̂ = v / (1 - β₂ᵗ)
    θ ← θ - η m̂ / (√v̂ + ε)

    Parameters
    ----------
    learning_rate : float or callable
        η, or a schedule.
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
        ε > 0, added to √v̂ as in the paper and in PyTorch.
    weight_decay : float
        λ ≥ 0, added to the gradient (not AdamW's decoupled form).

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    Kingma, Ba (2015), Adam: a method for stochastic optimization, algorithm 1.

    Examples
    --------
    >>> Adam()
    Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-08, weight_decay=0)
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        for name, beta in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= beta < 1:
                raise ValueError(f"{name} must be in [0, 1), got {beta}")
        check_rate("epsilon", epsilon)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def update(self, theta: Array, grad: Array, rate: float) -> None:
        """Update θ ← θ - η m̂ / (√v̂ + ε)."""
        xp = module_of(theta)
        m, v, change = self.kept("m", theta), self.kept("v", theta), self.scratch("change", theta)
        m *= self.beta_1
        m += xp.multiply(grad, 1 - self.beta_1, out=change)
        xp.multiply(grad, grad, out=change)
        change *= 1 - self.beta_2
        v *= self.beta_2
        v += change
        t = self.step_number + 1
        xp.sqrt(v, out=change)
        change /= sqrt(1 - self.beta_2**t)
        change += self.epsilon
        xp.divide(m, change, out=change)
        change *= rate / (1 - self.beta_1**t)
        theta -= change

    def __repr__(self) -> str:
        return (
            f"Adam(learning_rate={self.learning_rate}, beta_1={self.beta_1}, beta_2={self.beta_2}, "
            f"epsilon={self.epsilon}, weight_decay={self.weight_decay})"
        )
