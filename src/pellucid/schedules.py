"""Learning-rate schedules: functions ``f(step) -> rate``, where the first step is 0.

>>> rate = step_decay(0.1, every=10)
>>> rate(0), rate(9), round(rate(10), 6)
(0.1, 0.1, 0.01)
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, isfinite, pi
from typing import TypeAlias

Schedule: TypeAlias = Callable[[int], float]


@dataclass(frozen=True)
class step_decay:  # noqa: N801 - used like a function
    """Multiply the learning rate by `factor` after each `every` steps: rate · factor^⌊step / every⌋.

    Parameters
    ----------
    rate : float
        The learning rate of the first steps.
    every : int
        Steps between two changes.
    factor : float

    Examples
    --------
    >>> step_decay(1.0, every=2, factor=0.5)(5)
    0.25
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        check_rate("rate", self.rate)
        check_rate("factor", self.factor)
        check_steps("every", self.every)

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step."""
        return self.rate * self.factor ** (step // self.every)


@dataclass(frozen=True)
class cosine:  # noqa: N801 - used like a function
    """Lower the learning rate from `rate` to `floor` along half a cosine over `steps` steps, then keep it.

    floor + (rate - floor) (1 + cos(π step / steps)) / 2

    Parameters
    ----------
    rate : float
        The learning rate of the first step.
    steps : int
        Usually the steps of the whole training: epochs · ⌈rows / batch_size⌉.
    floor : float
        The final learning rate, from 0 to `rate`.

    References
    ----------
    Loshchilov, Hutter (2017), SGDR: Stochastic gradient descent with warm restarts, equation 5.

    Examples
    --------
    >>> cosine(0.2, steps=10)(5)
    0.1
    """

    rate: float
    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        check_rate("rate", self.rate)
        check_steps("steps", self.steps)
        if not 0 <= self.floor <= self.rate:
            raise ValueError(f"floor must be from 0 to the rate {self.rate}, got {self.floor}")

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step."""
        return _anneal(self.rate, self.floor, step / self.steps)


@dataclass(frozen=True)
class one_cycle:  # noqa: N801 - used like a function
    """Raise the learning rate to `peak`, then lower it almost to 0, along half cosines.

    It starts at peak / 25, reaches `peak` after ``warmup · steps`` steps and ends at peak / 250,000, like
    PyTorch's ``OneCycleLR`` with default arguments.

    Parameters
    ----------
    peak : float
        The largest learning rate.
    steps : int
        Steps of the whole training: epochs · ⌈rows / batch_size⌉.
    warmup : float
        Fraction of the steps in which the rate rises, in (0, 1).

    References
    ----------
    Smith, Topin (2019), Super-convergence: very fast training of neural networks using large learning rates.

    Examples
    --------
    >>> rate = one_cycle(1.0, steps=11, warmup=0.3)
    >>> round(rate(0), 6), round(rate(10), 6)
    (0.04, 4e-06)
    """

    peak: float
    steps: int
    warmup: float = 0.3

    def __post_init__(self) -> None:
        check_rate("peak", self.peak)
        check_steps("steps", self.steps)
        if not 0 < self.warmup < 1:
            raise ValueError(f"warmup must be in (0, 1), got {self.warmup}")

    def __call__(self, step: int) -> float:
        """Return the learning rate of a step."""
        top, last = self.warmup * self.steps - 1, self.steps - 1
        start = self.peak / 25
        if step < top:
            return _anneal(start, self.peak, step / top)
        return _anneal(self.peak, start / 1e4, (step - top) / (last - top))


def _anneal(start: float, stop: float, part: float) -> float:
    """Interpolate from start (part = 0) to stop (part >= 1) along half a cosine."""
    return stop + (start - stop) * (1 + cos(pi * min(part, 1.0))) / 2


def check_rate(name: str, rate: float) -> None:
    """Raise `ValueError` unless a rate is finite and positive.

    Examples
    --------
    >>> check_rate("learning_rate", -1)
    Traceback (most recent call last):
    ...
    ValueError: learning_rate must be finite and > 0, got -1
    """
    if not (isfinite(rate) and rate > 0):
        raise ValueError(f"{name} must be finite and > 0, got {rate}")


def check_steps(name: str, steps: int) -> None:
    """Raise `ValueError` unless a number of steps is whole and positive.

    Examples
    --------
    >>> check_steps("steps", 2.5)
    Traceback (most recent call last):
    ...
    ValueError: steps must be a whole number >= 1, got 2.5
    """
    if isinstance(steps, bool) or steps != int(steps) or steps < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {steps}")
