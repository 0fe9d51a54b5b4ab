"""The forward and the backward pass of a batch, and the loop over batches, compiled.

k networks of one shape are trained on the same batches at once; one network is k = 1. Their first layer is
one wide product, since they share x. All arrays of one dtype lie in flat vectors, at the places that a
`Layout` names:

    theta, grad   layer by layer the weights, of the first set by set of networks (n_in, k of the set, n_out),
                  of the others (k, n_in, n_out); then layer by layer the biases (k, n_out)
    work          what a batch leaves in each layer: input, output, and the gradient by the output

Work may be cut into shares, each with a work of its own: of a batch's rows, each with a grad of its own, or
of the networks, each with its part of one grad.
"""

from typing import Any

from pellucid.backend import Array
from pellucid.compiled.first.narrow import is_narrow, move_weights
from pellucid.compiled.first.products import multiply_back_first, multiply_first
from pellucid.compiled.formulas import (
    activate,
    add_to_rows,
    ask_for,
    copy,
    count_right,
    drop,
    matrix,
    mean_squared_error,
    multiply_by,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sum_rows,
    times_derivative,
)
from pellucid.compiled.jit import entry, inlined, kernel
from pellucid.compiled.layout import (
    COLLECT,
    LINE,
    MEAN_SQUARED_ERROR,
    PLAIN_SGD,
    SOFTMAX_CROSS_ENTROPY,
    Data,
    Layout,
    Rule,
    Shared,
    Sizes,
    State,
)
from pellucid.compiled.llvm.intrinsics import borrowed, gemm
from pellucid.compiled.threads.shares import is_moved, join, share_done, take_share
from pellucid.compiled.updates import adam, add, sgd

#: Parameters whose gradients are summed and that are updated at a time, so that they stay in the cache.
CHUNK = 4096


@kernel
def of_net(j: int, vector: Array, start: int, n: int, width: int) -> Array:
    """Return the j-th of the (n, width) matrices that begin at an entry of a flat vector."""
    return matrix(vector, start + j * n * width, n, width)


@kernel
def drawn_for(layout: Layout, data: Data, layer: int, j: int, first: int, n: int) -> Array:
    """Return the numbers drawn for n rows of network j, the first of them being row `first`."""
    n_rows, width = len(data.rows), layout.widths[layer + 1]
    start = layout.drawn_at[layer] * n_rows + ((layout.first_net + j) * n_rows + first) * width
    return matrix(data.drawn, start, n, width)


@inlined
def multiply(layout: Layout, state: State, data: Data, layer: int, first: int, n: int) -> None:
    """Compute y = x W for all networks."""
    k, n_in, n_out = layout.k, layout.widths[layer], layout.widths[layer + 1]
    if layer == 0:
        wide = matrix(state.work, layout.wide_at, n, k * n_out)
        multiply_first(layout, state, data, first, n, wide)
    for j in range(k):
        y = of_net(j, state.work, layout.y_at[layer], n, n_out)
        if layer > 0:
            x = of_net(j, state.work, layout.x_at[layer], n, n_in)
            gemm(x, False, of_net(j, state.theta, layout.w_at[layer], n_in, n_out), False, y, 1.0, 0.0)
        elif k > 1:
            copy(wide[:, j * n_out : (j + 1) * n_out], y)


@inlined
def multiply_back(layout: Layout, state: State, data: Data, layer: int, first: int, n: int) -> None:
    """Compute dx = dy Wᵀ behind the first layer, and put dW = xᵀ dy where it goes, for all networks."""
    k, n_in, n_out = layout.k, layout.widths[layer], layout.widths[layer + 1]
    if layer == 0:
        wide = matrix(state.work, layout.wide_at if k > 1 else layout.d_at[0], n, k * n_out)
    for j in range(k):
        dy = of_net(j, state.work, layout.d_at[layer], n, n_out)
        if layer > 0:
            x = of_net(j, state.work, layout.x_at[layer], n, n_in)
            # dx first: dW may go into W itself.
            dx = of_net(j, state.work, layout.d_at[layer - 1], n, n_in)
            gemm(dy, False, of_net(j, state.theta, layout.w_at[layer], n_in, n_out), True, dx, 1.0, 0.0)
            into = of_net(j, state.into, layout.w_at[layer], n_in, n_out)
            gemm(x, True, dy, False, into, state.factor, state.keep)
        elif k > 1:
            copy(dy, wide[:, j * n_out : (j + 1) * n_out])
    if layer == 0:
        multiply_back_first(layout, state, data, first, n, wide)


@inlined
def forward(layout: Layout, state: State, data: Data, first: int, n: int) -> None:
    """Run n rows of the data, from the first one on, through all layers."""
    for layer in range(len(layout.activation)):
        multiply(layout, state, data, layer, first, n)
        width, drop_prob = layout.widths[layer + 1], data.drop_prob[layer]
        for j in range(layout.k):
            y = of_net(j, state.work, layout.y_at[layer], n, width)
            add_to_rows(y, of_net(j, state.theta, layout.b_at[layer], 1, width)[0])
            activate(y, layout.activation[layer], layout.slope[layer])
            if drop_prob >= 0:
                x = of_net(j, state.work, layout.x_at[layer + 1], n, width)
                drop(y, drawn_for(layout, data, layer, j, first, n), drop_prob, x)


@inlined
def compute_loss(
    layout: Layout, state: State, labels: Array, n_batch: int, losses: Array, right: Array
) -> None:
    """Add to each network's share of the mean loss, and to its right rows; put the gradient in `work`."""
    n, width = len(labels), layout.widths[-1]
    for j in range(layout.k):
        z = of_net(j, state.work, layout.y_at[-1], n, width)
        dy = of_net(j, state.work, layout.d_at[-1], n, width)
        net = layout.first_net + j
        right[net] += count_right(z, labels, layout.threshold)
        if layout.loss == SOFTMAX_CROSS_ENTROPY:
            losses[net] += softmax_cross_entropy(z, labels, layout.label_smoothing, dy) / n_batch
        elif layout.loss == MEAN_SQUARED_ERROR:
            losses[net] += mean_squared_error(z, labels, layout.label_smoothing, dy) / n_batch
        else:
            losses[net] += sigmoid_cross_entropy(z, labels, layout.label_smoothing, dy) / n_batch
        multiply_by(dy, 1 / n_batch)


@inlined
def backward(layout: Layout, state: State, data: Data, first: int, n: int) -> None:
    """Put the gradients where they go, from the gradient by the outputs, which lies in `work`."""
    for layer in range(len(layout.activation) - 1, -1, -1):
        width, drop_prob = layout.widths[layer + 1], data.drop_prob[layer]
        for j in range(layout.k):
            dy = of_net(j, state.work, layout.d_at[layer], n, width)
            if drop_prob >= 0:
                drop(dy, drawn_for(layout, data, layer, j, first, n), drop_prob, dy)
            y = of_net(j, state.work, layout.y_at[layer], n, width)
            times_derivative(dy, y, layout.activation[layer], layout.slope[layer])
            into = of_net(j, state.into, layout.b_at[layer], 1, width)[0]
            sum_rows(dy, into, state.factor, state.keep_biases)
        multiply_back(layout, state, data, layer, first, n)


@inlined
def compute_gradient(
    layout: Layout, state: State, data: Data, rows: tuple[int, int], ahead: tuple[int, int], block_rows: int,
    n_batch: int, losses: Array, right: Array,
) -> None:  # fmt: skip
    """Put these rows' share of the batch's gradient where it goes, block by block.

    While a block is computed, the rows of the next one are on their way: the last block's next are `ahead`.
    """
    first, last = rows
    while True:
        stop = min(first + block_rows, last)
        ask_for_block(data, (stop, last) if stop < last else ahead, block_rows)
        add_gradient(layout, state, data, first, stop, n_batch, losses, right)
        if stop >= last:
            return
        first, state = stop, State(state.theta, state.work, state.lists, state.into, state.factor, 1.0, 1.0)


@kernel
def ask_for_block(data: Data, rows: tuple[int, int], block_rows: int) -> None:
    """Ask for the first block of some rows."""
    ask_for(data.x, data.rows[rows[0] : min(rows[0] + block_rows, rows[1])])


@inlined
def add_gradient(
    layout: Layout, state: State, data: Data, first: int, last: int, n_batch: int, losses: Array, right: Array
) -> None:
    """Put a block's part of the gradient where it goes."""
    forward(layout, state, data, first, last - first)
    compute_loss(layout, state, data.labels[first:last], n_batch, losses, right)
    backward(layout, state, data, first, last - first)


@inlined
def update(rule: Rule, state: Shared, entries: tuple[int, int], rate: float, t: int) -> None:
    """Sum all grads and take the optimizer's step number t, from 1, on the entries from one to another."""
    decay = rule.weight_decay
    for start in range(entries[0], entries[1], CHUNK):
        stop = min(start + CHUNK, entries[1])
        theta, grad = state.theta[start:stop], state.grad[start:stop]
        m, v, n = state.m[start:stop], state.v[start:stop], min(max(rule.n_weights - start, 0), stop - start)
        for more in state.more_grads:
            add(more[start:stop], grad)
        if rule.optimizer == PLAIN_SGD:
            sgd(theta, grad, v, rate, rule.beta_1, rule.nesterov, decay, n)
        else:
            adam(theta, grad, m, v, rate, rule.beta_1, rule.beta_2, rule.epsilon, decay, n, t)


@kernel
def state_of(rule: Rule, state: Shared, share: int, n_cuts: int, at_once: bool, rate: float) -> State:
    """Return what a share of a batch needs, and what becomes of its gradients."""
    cut = share % n_cuts
    grad, work = state.grad if cut == 0 else state.more_grads[cut - 1], state.work[share]
    lists = state.lists[share]
    if rule.optimizer == COLLECT:
        return State(state.theta, work, lists, grad, rate, 1.0, 1.0)
    if at_once:
        return State(state.theta, work, lists, state.theta, -rate, 1 - rate * rule.weight_decay, 1.0)
    return State(state.theta, work, lists, grad, 1.0, 0.0, 0.0)


@kernel
def steps_at_once(rule: Rule, n_blocks: int) -> bool:
    """Whether the optimizer's step is a part of the product that computes the gradient: θ ← θ - η xᵀ dy."""
    return rule.optimizer == PLAIN_SGD and rule.beta_1 == 0 and n_blocks == 1


@kernel
def share_of(first: int, last: int, share: int, n_shares: int, unit: int) -> tuple[int, int]:
    """Return where a share of a range begins and ends: all but the last are multiples of a unit long."""
    n_units = (last - first + unit - 1) // unit
    start = first + n_units * share // n_shares * unit
    stop = first + n_units * (share + 1) // n_shares * unit
    return min(start, last), min(stop, last)


@kernel
def layout_of(layouts: Any, i: int) -> Layout:
    """Return the layout of a share."""
    return Layout(
        layouts.k[i], layouts.first_net[i], layouts.widths[i], layouts.activation[i],
        layouts.slope[i], layouts.w_at[i], layouts.b_at[i], layouts.x_at[i], layouts.y_at[i],
        layouts.d_at[i], layouts.wide_at[i], layouts.drawn_at[i], layouts.loss[i], layouts.threshold[i],
        layouts.label_smoothing[i], layouts.lines[i], layouts.tile_width[i], layouts.part_rows[i],
        layouts.entries_at[i], layouts.tile_at[i], layouts.room_at[i],
    )  # fmt: skip


@entry
def put_back(layouts: Any, state: Shared, counters: Array) -> None:
    """Lay the first weights as they were, if threads were ended before they could."""
    for share in range(len(state.work)):
        if is_moved(counters, share):
            move_weights(layout_of(layouts, share), state, share, counters)


@entry
def descend(
    layouts: Any, rule: Rule, state: Shared, data: Data, sizes: Sizes, rates: Array, steps_before: int,
    losses: Array, right: Array, counters: Array, patience: int,
) -> None:  # fmt: skip
    """Take one step for each rate, on the data batch by batch; as many threads as there are shares may do so.

    A step has two phases, gradient and update. In the first the shares are rows or networks, in the second
    parameters. There is no second one where the gradient goes into theta itself; nor under the rule
    `COLLECTING`: theta stays, and each share adds up its gradients, each times its rate. Where products are
    narrow, the first phase of all and the last one move the first weights.

    Adds each share's part to each step's mean losses and right rows, both (shares, steps, k).
    """
    layouts, state, data = borrowed(layouts), borrowed(state), borrowed(data)
    losses, right, counters = borrowed(losses), borrowed(right), borrowed(counters)
    # Parts of a batch's rows: one where the networks are shared out.
    n_cuts = 1 + len(state.more_grads)
    at_once = steps_at_once(rule, n_cuts * -(-sizes.batch // sizes.block))
    phases_a_step = 1 if rule.optimizer == COLLECT or at_once else 2
    n_moves = 1 if is_narrow(data) else 0
    n_shares, n_phases = len(state.work), phases_a_step * len(rates) + 2 * n_moves
    last = len(data.rows)
    mine = join(counters)
    current, layout = mine, layout_of(layouts, mine)
    while True:
        phase, share = take_share(counters, mine, n_shares, n_phases, patience)
        if phase == n_phases:
            return
        if share != current:
            current, layout = share, layout_of(layouts, share)
        step, part = divmod(phase - n_moves, phases_a_step)
        if phase < n_moves or phase >= n_phases - n_moves:
            move_weights(layout, state, share, counters)
        elif part == 0:
            start = step * sizes.batch
            stop = min(start + sizes.batch, last)
            cut = share % n_cuts
            rows = share_of(start, stop, cut, n_cuts, 1)
            ahead = share_of(stop, min(stop + sizes.batch, last), cut, n_cuts, 1)
            into = losses[share, step], right[share, step]
            own = state_of(rule, state, share, n_cuts, at_once, rates[step])
            compute_gradient(layout, own, data, rows, ahead, sizes.block, stop - start, into[0], into[1])
        else:
            entries = share_of(0, len(state.theta), share, n_shares, LINE)
            update(rule, state, entries, rates[step], steps_before + step + 1)
        share_done(counters)
