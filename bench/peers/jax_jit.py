"""JAX: a whole epoch, or in full batch a step, as one compiled function that gives its buffers away."""

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from bench.problem import Options, Prepared, Problem
from bench.workloads import Workload


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return a compiled training.

    Parameters
    ----------
    problem : Problem
    options : dict
        ``unroll``: how many steps of an epoch's loop are compiled as one.
    """
    import jax
    import jax.numpy as jnp

    work = problem.workload
    weights = [(jnp.asarray(W), jnp.asarray(b)) for W, b in problem.weights()]
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0))
    x, y = jnp.asarray(problem.pixels()), jnp.asarray(problem.labels.astype(np.int32))
    orders, rates = problem.orders(), problem.rates()
    unit = jax.jit(_unit(work, options["unroll"]), donate_argnums=0)
    compiled = unit.lower(state, x, y, *_array_shapes(work)).compile()

    def run() -> None:
        nonlocal state
        order, coming = next(orders).astype(np.int32), np.fromiter(islice(rates, work.steps), np.float32)
        state = jax.block_until_ready(compiled(state, x, y, order, coming))

    return Prepared(run, lambda: [(np.array(W), np.array(b)) for W, b in state[0]])


def _array_shapes(work: Workload) -> tuple[Any, Any]:
    """Return the shapes of an epoch's order of the rows and of its learning rates."""
    import jax

    rows = 0 if work.batch_size is None else work.rows
    return jax.ShapeDtypeStruct((rows,), np.int32), jax.ShapeDtypeStruct((work.steps,), np.float32)


def _unit(work: Workload, unroll: int) -> Callable[..., Any]:
    """Return the function of one unit: (state, x, y, order, rates) -> state."""
    import jax

    step = _step(work)
    if work.batch_size is None:
        return lambda state, x, y, order, rates: step(state, x, y, rates[0])
    size, whole = work.batch_size, work.rows // work.batch_size

    def epoch(state: Any, x: Any, y: Any, order: Any, rates: Any) -> Any:
        def body(state: Any, batch: Any) -> tuple[Any, None]:
            rows, rate = batch
            return step(state, x[rows], y[rows], rate), None

        full = order[: whole * size].reshape(whole, size)
        state, _ = jax.lax.scan(body, state, (full, rates[:whole]), unroll=unroll)
        rest = order[whole * size :]
        return step(state, x[rest], y[rest], rates[-1]) if len(rest) else state

    return epoch


def _step(work: Workload) -> Callable[..., Any]:
    """Return the function of one step: (state, x, y, rate) -> state."""
    import jax
    import jax.numpy as jnp

    gradient = jax.grad(loss_of(work))

    def sgd(state: Any, x: Any, y: Any, rate: Any) -> Any:
        weights, velocity, *rest = state
        grad = gradient(weights, x, y)
        if work.momentum:
            velocity = jax.tree.map(lambda v, g: work.momentum * v + g, velocity, grad)
            grad = jax.tree.map(lambda v, g: g + work.momentum * v, velocity, grad)
        return jax.tree.map(lambda w, g: w - rate * g, weights, grad), velocity, *rest

    def adam(state: Any, x: Any, y: Any, rate: Any) -> Any:
        weights, mean, square, t = state
        grad, t = gradient(weights, x, y), t + 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grad)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, grad)
        c1, c2 = 1 - 0.9**t, 1 - 0.999**t
        move = lambda w, m, v: w - rate * (m / c1) / (jnp.sqrt(v / c2) + 1e-8)  # noqa: E731
        return jax.tree.map(move, weights, mean, square), mean, square, t

    return sgd if work.rule == "sgd" else adam


def loss_of(work: Workload) -> Callable[..., Any]:
    """Return the mean cross-entropy: (weights, x, y) -> number."""
    import jax
    import jax.numpy as jnp

    activation = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}[work.activation]

    def loss(weights: Any, x: Any, y: Any) -> Any:
        *hidden, (W, b) = weights
        for each in hidden:
            x = activation(x @ each[0] + each[1])
        log_p = jax.nn.log_softmax(x @ W + b)
        value = -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()
        share = work.label_smoothing
        return (1 - share) * value - share * log_p.mean() if share else value

    return loss
