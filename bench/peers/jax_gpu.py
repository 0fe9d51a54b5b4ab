"""JAX on the GPU: an epoch as in `jax_jit`, or many full-batch iterations as one compiled loop."""

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.gpu_trace import EVERY, report
from bench.peers import jax_jit
from bench.problem import Options, Parameters, Prepared, Problem
from bench.workloads import Workload


def prepare(problem: Problem, options: Options) -> Prepared:
    """Return a compiled training.

    Parameters
    ----------
    problem : Problem
    options : dict
        ``tf32``: whether products may round to TF32. ``iterations``: how many make a unit, in full batch.
        ``unroll``: how many steps of an epoch's loop are compiled as one.
    """
    import jax

    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if options["tf32"] else "highest")
    return (
        _full_batch(problem, options["iterations"])
        if "iterations" in options
        else jax_jit.prepare(problem, options)
    )


def _full_batch(problem: Problem, iterations: int) -> Prepared:
    """Return gradient descent on all rows, `iterations` steps a unit."""
    import jax
    import jax.numpy as jnp

    work = problem.workload
    weights = [(jnp.asarray(W), jnp.asarray(b)) for W, b in problem.weights()]
    x, y = jnp.asarray(problem.pixels()), jnp.asarray(problem.labels.astype(np.int32))
    compiled = jax.jit(_descend(work, iterations), donate_argnums=0).lower(weights, x, y).compile()
    trace: list[float] = []

    def run() -> None:
        nonlocal weights
        weights, losses = compiled(weights, x, y)
        trace[:] = np.asarray(losses)[EVERY - 1 :: EVERY].tolist()

    def learnt() -> Parameters:
        return [(np.array(W), np.array(b)) for W, b in weights]

    return Prepared(run, learnt, lambda: report(problem, trace, learnt()))


def _descend(work: Workload, iterations: int) -> Callable[..., Any]:
    """Return the function of a unit: (weights, x, y) -> weights and each step's loss."""
    import jax

    loss_and_gradient = jax.value_and_grad(jax_jit.loss_of(work))

    def descend(weights: Any, x: Any, y: Any) -> Any:
        def step(weights: Any, _: None) -> tuple[Any, Any]:
            value, gradient = loss_and_gradient(weights, x, y)
            return jax.tree.map(lambda w, g: w - work.rate * g, weights, gradient), value

        return jax.lax.scan(step, weights, None, length=iterations)

    return descend
