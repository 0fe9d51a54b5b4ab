"""The forward and the backward pass of a batch, and the loop over batches, compiled.

k networks of one shape are trained on the same batches at once; one network is k = 1. Their first layer is
one wide product, since they share x. All arrays of one dtype lie in flat vectors, at the places that a
`Layout` names:

    theta, grad   layer by layer the weights, of the first (n_in, k, n_out), of the others (k, n_in, n_out);
                  then layer by layer the biases (k, n_out)
    work          what a batch leaves in each layer: input, output, and the gradient by the output
"""

import numpy as np

from pellucid.backend import Array
from pellucid.compiled.formulas import (
    activate,
    add_to_rows,
    copy,
    count_right,
    drop,
    mean_squared_error,
    multiply_by,
    rescale,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sum_rows,
    times_derivative,
)
from pellucid.compiled.kernel import entry, inlined, kernel
from pellucid.compiled.layout import (
    ADAM,
    MEAN_SQUARED_ERROR,
    PLAIN_SGD,
    SOFTMAX_CROSS_ENTROPY,
    Data,
    Layout,
    Rule,
    State,
)
from pellucid.compiled.updates import adam, collect, sgd


@kernel
def matrix(vector: Array, start: int, n: int, width: int) -> Array:
    """Return the (n, width) matrix that begins at an entry of a flat vector."""
    return vector[start : start + n * width].reshape(n, width)


@kernel
def of_net(j: int, vector: Array, start: int, n: int, width: int) -> Array:
    """Return the j-th of the (n, width) matrices that begin at an entry of a flat vector."""
    return matrix(vector, start + j * n * width, n, width)


@kernel
def drawn_for(layout: Layout, data: Data, layer: int, j: int, first: int, n: int) -> Array:
    """Return the numbers drawn for n rows of network j, the first of them being row `first`."""
    n_rows, width = len(data.rows), layout.widths[layer + 1]
    start = layout.drawn_at[layer] * n_rows + (j * n_rows + first) * width
    return matrix(data.drawn, start, n, width)


@inlined
def multiply(layout: Layout, state: State, layer: int, n: int) -> None:
    """Compute y = x W for all networks."""
    k, n_in, n_out = layout.k, layout.widths[layer], layout.widths[layer + 1]
    if layer == 0:
        x = matrix(state.work, layout.x_at[0], n, n_in)
        wide = matrix(state.work, layout.wide_at, n, k * n_out)
        np.dot(x, matrix(state.theta, layout.w_at[0], n_in, k * n_out), wide)
    for j in range(k):
        y = of_net(j, state.work, layout.y_at[layer], n, n_out)
        if layer > 0:
            x = of_net(j, state.work, layout.x_at[layer], n, n_in)
            np.dot(x, of_net(j, state.theta, layout.w_at[layer], n_in, n_out), y)
        elif k > 1:
            copy(wide[:, j * n_out : (j + 1) * n_out], y)


@inlined
def multiply_back(layout: Layout, state: State, layer: int, n: int) -> None:
    """Compute dW = xᵀ dy for all networks and, behind the first layer, dx = dy Wᵀ."""
    k, n_in, n_out = layout.k, layout.widths[layer], layout.widths[layer + 1]
    if layer == 0:
        wide = matrix(state.work, layout.wide_at if k > 1 else layout.d_at[0], n, k * n_out)
        x = matrix(state.work, layout.x_at[0], n, n_in)
    for j in range(k):
        dy = of_net(j, state.work, layout.d_at[layer], n, n_out)
        if layer > 0:
            x = of_net(j, state.work, layout.x_at[layer], n, n_in)
            np.dot(x.T, dy, of_net(j, state.grad, layout.w_at[layer], n_in, n_out))
            dx = of_net(j, state.work, layout.d_at[layer - 1], n, n_in)
            np.dot(dy, of_net(j, state.theta, layout.w_at[layer], n_in, n_out).T, dx)
        elif k > 1:
            copy(dy, wide[:, j * n_out : (j + 1) * n_out])
    if layer == 0:
        np.dot(x.T, wide, matrix(state.grad, layout.w_at[0], n_in, k * n_out))


@inlined
def forward(layout: Layout, state: State, data: Data, first: int, n: int) -> None:
    """Run the batch in `work` through all layers; `first` is the place of its first row in the data."""
    for layer in range(len(layout.activation)):
        multiply(layout, state, layer, n)
        width, drop_prob = layout.widths[layer + 1], data.drop_prob[layer]
        for j in range(layout.k):
            y = of_net(j, state.work, layout.y_at[layer], n, width)
            add_to_rows(y, of_net(j, state.theta, layout.b_at[layer], 1, width)[0])
            activate(y, layout.activation[layer], layout.slope[layer])
            if drop_prob >= 0:
                x = of_net(j, state.work, layout.x_at[layer + 1], n, width)
                drop(y, drawn_for(layout, data, layer, j, first, n), drop_prob, x)


@inlined
def compute_loss(layout: Layout, state: State, labels: Array, losses: Array, right: Array) -> None:
    """Fill in each network's mean loss and right rows; put the gradient by the outputs in `work`."""
    n, width = len(labels), layout.widths[-1]
    for j in range(layout.k):
        z = of_net(j, state.work, layout.y_at[-1], n, width)
        dy = of_net(j, state.work, layout.d_at[-1], n, width)
        right[j] = count_right(z, labels, layout.threshold)
        if layout.loss == SOFTMAX_CROSS_ENTROPY:
            losses[j] = softmax_cross_entropy(z, labels, dy) / n
        elif layout.loss == MEAN_SQUARED_ERROR:
            losses[j] = mean_squared_error(z, labels, dy) / n
        else:
            losses[j] = sigmoid_cross_entropy(z, labels, dy) / n
        multiply_by(dy, 1 / n)


@inlined
def backward(layout: Layout, state: State, data: Data, first: int, n: int) -> None:
    """Fill grad from the gradient by the outputs, which lies in `work`."""
    for layer in range(len(layout.activation) - 1, -1, -1):
        width, drop_prob = layout.widths[layer + 1], data.drop_prob[layer]
        for j in range(layout.k):
            dy = of_net(j, state.work, layout.d_at[layer], n, width)
            if drop_prob >= 0:
                drop(dy, drawn_for(layout, data, layer, j, first, n), drop_prob, dy)
            y = of_net(j, state.work, layout.y_at[layer], n, width)
            times_derivative(dy, y, layout.activation[layer], layout.slope[layer])
            sum_rows(dy, of_net(j, state.grad, layout.b_at[layer], 1, width)[0])
        multiply_back(layout, state, layer, n)


@inlined
def update(rule: Rule, state: State, rate: float, t: int) -> None:
    """Take the optimizer's step number t, from 1."""
    theta, grad, m, v = state.theta, state.grad, state.m, state.v
    decay, n = rule.weight_decay, rule.n_weights
    if rule.optimizer == PLAIN_SGD:
        sgd(theta, grad, v, rate, rule.beta_1, rule.nesterov, decay, n)
    elif rule.optimizer == ADAM:
        adam(theta, grad, m, v, rate, rule.beta_1, rule.beta_2, rule.epsilon, decay, n, t)
    else:
        collect(v, grad, rate)


@entry
def descend(
    layout: Layout, rule: Rule, state: State, data: Data, first: int, last: int, batch_size: int,
    rates: Array, steps_before: int, losses: Array, right: Array,
) -> None:  # fmt: skip
    """Take one step for each rate, on the rows from first to last batch by batch.

    Fills in each step's mean losses and right rows, both (steps, k). Under the rule `COLLECTING` theta stays:
    the gradients, each times its rate, are added to v.
    """
    for step in range(len(rates)):
        start = first + step * batch_size
        stop = min(start + batch_size, last)
        x = matrix(state.work, layout.x_at[0], stop - start, layout.widths[0])
        rescale(data.x, data.rows[start:stop], data.scale, data.shift, x)
        forward(layout, state, data, start, stop - start)
        compute_loss(layout, state, data.labels[start:stop], losses[step], right[step])
        backward(layout, state, data, start, stop - start)
        update(rule, state, rates[step], steps_before + step + 1)


def take_steps(
    layout: Layout, rule: Rule, state: State, data: Data, rows: range, batch_size: int, rates: Array,
    steps_before: int = 0,
) -> tuple[Array, Array]:  # fmt: skip
    """Call `descend`; return each step's mean losses and right rows, both (steps, k)."""
    losses, right = np.empty((len(rates), layout.k)), np.empty((len(rates), layout.k), np.int64)
    descend(layout, rule, state, data, rows.start, rows.stop, batch_size, rates, steps_before, losses, right)
    return losses, right
