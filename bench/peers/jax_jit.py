"""JAX on the CPU and on the GPU: a unit as one compiled function that donates its buffers."""

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from bench.problem import TRACE_EVERY, Options, Parameters, Prepared, Problem
from bench.workloads import Workload


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return compiled training.

    Options are ``unroll``, how many steps of the loop over an epoch are compiled as one; on the GPU also
    ``tf32``, whether products may round to TF32, and in full batch ``iterations``, the steps in a unit with
    recorded losses.
    """
    import jax
    import jax.numpy as jnp

    if "tf32" in options:
        precision = "tensorfloat32" if options["tf32"] else "highest"
        jax.config.update("jax_default_matmul_precision", precision)
    work = problem.workload
    weights = [(jnp.asarray(W), jnp.asarray(b)) for W, b in problem.weights()]
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = (weights, zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0))
    x, y = jnp.asarray(problem.pixels()), jnp.asarray(problem.labels.astype(np.int32))
    orders, rates = problem.orders(), problem.rates()
    unit = jax.jit(_unit(work, options), donate_argnums=0)
    order_shape = jax.ShapeDtypeStruct((0 if work.batch_size is None else work.rows,), np.int32)
    compiled = unit.lower(state, x, y, order_shape, jax.ShapeDtypeStruct((work.steps,), np.float32)).compile()
    trace: list[float] = []

    def run() -> None:
        nonlocal state
        order, coming = next(orders).astype(np.int32), np.fromiter(islice(rates, work.steps), np.float32)
        state, losses = jax.block_until_ready(compiled(state, x, y, order, coming))
        if losses is not None:
            trace[:] = np.asarray(losses)[TRACE_EVERY - 1 :: TRACE_EVERY].tolist()

    def trained() -> Parameters:
        return [(np.array(W), np.array(b)) for W, b in state[0]]

    return Prepared(run, trained, lambda: problem.report(trace, trained()))


def _unit(work: Workload, options: Options) -> Callable[..., Any]:
    """Return the function of one unit: (state, x, y, order, rates) -> state, and the losses of iterations."""
    import jax

    step, iterations = _step(work), options.get("iterations")
    if iterations is not None:
        return lambda state, x, y, order, rates: jax.lax.scan(
            lambda state, _: step(state, x, y, rates[0]), state, None, length=iterations
        )
    if work.batch_size is None:
        return lambda state, x, y, order, rates: (step(state, x, y, rates[0])[0], None)
    size, whole = work.batch_size, work.rows // work.batch_size

    def epoch(state: Any, x: Any, y: Any, order: Any, rates: Any) -> tuple[Any, None]:
        def body(state: Any, batch: Any) -> tuple[Any, None]:
            rows, rate = batch
            return step(state, x[rows], y[rows], rate)[0], None

        full = order[: whole * size].reshape(whole, size)
        state, _ = jax.lax.scan(body, state, (full, rates[:whole]), unroll=options["unroll"])
        rest = order[whole * size :]
        return (step(state, x[rest], y[rest], rates[-1])[0] if len(rest) else state), None

    return epoch


def _step(work: Workload) -> Callable[..., Any]:
    """Return the function of one step: (state, x, y, rate) -> state, loss."""
    import jax
    import jax.numpy as jnp

    loss_and_gradient = jax.value_and_grad(_loss(work))

    def sgd(state: Any, x: Any, y: Any, rate: Any) -> Any:
        weights, velocity, *rest = state
        value, grad = loss_and_gradient(weights, x, y)
        if work.momentum:
            velocity = jax.tree.map(lambda v, g: work.momentum * v + g, velocity, grad)
            grad = jax.tree.map(lambda v, g: g + work.momentum * v, velocity, grad)
        weights = jax.tree.map(lambda w, g: w - rate * g, weights, grad)
        return (weights, velocity, *rest), value

    def adam(state: Any, x: Any, y: Any, rate: Any) -> Any:
        weights, mean, square, t = state
        value, grad = loss_and_gradient(weights, x, y)
        t = t + 1
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grad)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, grad)
        c1, c2 = 1 - 0.9**t, 1 - 0.999**t
        move = lambda w, m, v: w - rate * (m / c1) / (jnp.sqrt(v / c2) + 1e-8)  # noqa: E731
        return (jax.tree.map(move, weights, mean, square), mean, square, t), value

    return sgd if work.rule == "sgd" else adam


def _loss(work: Workload) -> Callable[..., Any]:
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
