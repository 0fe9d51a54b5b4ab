"""The compiled forward and backward pass of a batch, and the loop over batches.

k networks of one shape are trained together on the same batches; k = 1 is a single network. Their first layer
is one wide product, since they share x. All arrays of one dtype are parts of flat vectors, at the offsets in
a `Layout`:

    theta, grad   layer by layer the weights, those of the first layer for each set of k networks as
                  (n_in, k, n_out), the others as (k, n_in, n_out); then layer by layer the biases, (k, n_out)
    work          the inputs, outputs and gradients by the outputs that a batch leaves in each layer

Work can be split into shares, each with a `work` vector of its own. The shares are parts of the rows of a
batch, each with its own gradients, or sets of networks, each with its own part of the one gradient vector.
"""

from typing import Any

from pellucid.backend import Array
from pellucid.compiled.first.narrow import is_narrow, pack_or_unpack
from pellucid.compiled.first.products import multiply_back_first, multiply_first
from pellucid.compiled.formulas import (
    activate,
    adam,
    add,
    add_to_rows,
    copy,
    count_right,
    drop,
    matrix,
    mean_squared_error,
    multiply_by,
    prefetch_rows,
    sgd,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sum_rows,
    times_derivative,
)
from pellucid.compiled.jit import entry, inlined, kernel
from pellucid.compiled.layout import (
    ACCUMULATE,
    LINE,
    MEAN_SQUARED_ERROR,
    PLAIN_SGD,
    SOFTMAX_CROSS_ENTROPY,
    Data,
    Layout,
    RunState,
    ShareState,
    Sizes,
    UpdateRule,
)
from pellucid.compiled.llvm.intrinsics import gemm, without_refcounts
from pellucid.compiled.threads.shares import finish_share, is_packed, join, take_share

#: Parameters whose gradients are summed and that are updated together, so that they stay in the cache.
UPDATE_CHUNK = 4096


@kernel
def net_matrix(j: int, vector: Array, start: int, n: int, width: int) -> Array:
    """Return the j-th of the (n, width) matrices that begin at offset `start` of a flat vector."""
    return matrix(vector, start + j * n * width, n, width)


@kernel
def dropout_numbers(layout: Layout, data: Data, layer: int, j: int, first: int, n: int) -> Array:
    """Return the random numbers for n rows of network j, beginning with row `first`."""
    n_rows, width = len(data.rows), layout.widths[layer + 1]
    start = layout.drawn_at[layer] * n_rows + ((layout.first_net + j) * n_rows + first) * width
    return matrix(data.drawn, start, n, width)


@inlined
def multiply(layout: Layout, state: ShareState, data: Data, layer: int, first: int, n: int) -> None:
    """Compute y = x W for all networks."""
    k, n_in, n_out = layout.k, layout.widths[layer], layout.widths[layer + 1]
    if layer == 0:
        wide = matrix(state.work, layout.wide_at, n, k * n_out)
        multiply_first(layout, state, data, first, n, wide)
    for j in range(k):
        y = net_matrix(j, state.work, layout.y_at[layer], n, n_out)
        if layer > 0:
            x = net_matrix(j, state.work, layout.x_at[layer], n, n_in)
            gemm(x, False, net_matrix(j, state.theta, layout.w_at[layer], n_in, n_out), False, y, 1.0, 0.0)
        elif k > 1:
            copy(wide[:, j * n_out : (j + 1) * n_out], y)


@inlined
def multiply_back(layout: Layout, state: ShareState, data: Data, layer: int, first: int, n: int) -> None:
    """Compute dx = dy Wᵀ, except in the first layer, and write dW = xᵀ dy to `into`, for all networks."""
    k, n_in, n_out = layout.k, layout.widths[layer], layout.widths[layer + 1]
    if layer == 0:
        wide = matrix(state.work, layout.wide_at if k > 1 else layout.d_at[0], n, k * n_out)
    for j in range(k):
        dy = net_matrix(j, state.work, layout.d_at[layer], n, n_out)
        if layer > 0:
            x = net_matrix(j, state.work, layout.x_at[layer], n, n_in)
            # dx comes first, because dW may be subtracted from W itself.
            dx = net_matrix(j, state.work, layout.d_at[layer - 1], n, n_in)
            gemm(dy, False, net_matrix(j, state.theta, layout.w_at[layer], n_in, n_out), True, dx, 1.0, 0.0)
            into = net_matrix(j, state.into, layout.w_at[layer], n_in, n_out)
            gemm(x, True, dy, False, into, state.factor, state.keep)
        elif k > 1:
            copy(dy, wide[:, j * n_out : (j + 1) * n_out])
    if layer == 0:
        multiply_back_first(layout, state, data, first, n, wide)


@inlined
def forward(layout: Layout, state: ShareState, data: Data, first: int, n: int) -> None:
    """Run n rows of the data, beginning with row `first`, through all layers."""
    for layer in range(len(layout.activation)):
        multiply(layout, state, data, layer, first, n)
        width, drop_prob = layout.widths[layer + 1], data.drop_prob[layer]
        for j in range(layout.k):
            y = net_matrix(j, state.work, layout.y_at[layer], n, width)
            add_to_rows(y, net_matrix(j, state.theta, layout.b_at[layer], 1, width)[0])
            activate(y, layout.activation[layer], layout.slope[layer])
            if drop_prob >= 0:
                x = net_matrix(j, state.work, layout.x_at[layer + 1], n, width)
                drop(y, dropout_numbers(layout, data, layer, j, first, n), drop_prob, x)


@inlined
def compute_loss(
    layout: Layout, state: ShareState, labels: Array, n_batch: int, losses: Array, right: Array
) -> None:
    """Add the rows' part of each network's mean loss and correct rows; write the gradient by the outputs."""
    n, width = len(labels), layout.widths[-1]
    for j in range(layout.k):
        z = net_matrix(j, state.work, layout.y_at[-1], n, width)
        dy = net_matrix(j, state.work, layout.d_at[-1], n, width)
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
def backward(layout: Layout, state: ShareState, data: Data, first: int, n: int) -> None:
    """Compute the gradients of all layers from the gradient by the outputs."""
    for layer in range(len(layout.activation) - 1, -1, -1):
        width, drop_prob = layout.widths[layer + 1], data.drop_prob[layer]
        for j in range(layout.k):
            dy = net_matrix(j, state.work, layout.d_at[layer], n, width)
            if drop_prob >= 0:
                drop(dy, dropout_numbers(layout, data, layer, j, first, n), drop_prob, dy)
            y = net_matrix(j, state.work, layout.y_at[layer], n, width)
            times_derivative(dy, y, layout.activation[layer], layout.slope[layer])
            into = net_matrix(j, state.into, layout.b_at[layer], 1, width)[0]
            sum_rows(dy, into, state.factor, state.keep_biases)
        multiply_back(layout, state, data, layer, first, n)


@inlined
def compute_gradient(
    layout: Layout, state: ShareState, data: Data, rows: tuple[int, int], ahead: tuple[int, int],
    block_rows: int, n_batch: int, losses: Array, right: Array,
) -> None:  # fmt: skip
    """Compute the gradient of some rows of a batch block by block.

    While a block is computed, the rows of the next block are prefetched; after the last block, those of
    `ahead`.
    """
    first, last = rows
    while True:
        stop = min(first + block_rows, last)
        prefetch_block(data, (stop, last) if stop < last else ahead, block_rows)
        add_gradient(layout, state, data, first, stop, n_batch, losses, right)
        if stop >= last:
            return
        first = stop
        state = ShareState(state.theta, state.work, state.lists, state.into, state.factor, 1.0, 1.0)


@kernel
def prefetch_block(data: Data, rows: tuple[int, int], block_rows: int) -> None:
    """Prefetch the first block of a range of rows."""
    prefetch_rows(data.x, data.rows[rows[0] : min(rows[0] + block_rows, rows[1])])


@inlined
def add_gradient(
    layout: Layout, state: ShareState, data: Data, first: int, last: int, n_batch: int, losses: Array,
    right: Array,
) -> None:  # fmt: skip
    """Compute the gradient of one block: forward, loss, backward."""
    forward(layout, state, data, first, last - first)
    compute_loss(layout, state, data.labels[first:last], n_batch, losses, right)
    backward(layout, state, data, first, last - first)


@inlined
def update(rule: UpdateRule, state: RunState, entries: tuple[int, int], rate: float, t: int) -> None:
    """Sum the gradients of all shares, and take step t (from 1) of the optimizer on a range of parameters."""
    decay = rule.weight_decay
    for start in range(entries[0], entries[1], UPDATE_CHUNK):
        stop = min(start + UPDATE_CHUNK, entries[1])
        theta, grad = state.theta[start:stop], state.grad[start:stop]
        m, v, n = state.m[start:stop], state.v[start:stop], min(max(rule.n_weights - start, 0), stop - start)
        for more in state.more_grads:
            add(more[start:stop], grad)
        if rule.optimizer == PLAIN_SGD:
            sgd(theta, grad, v, rate, rule.beta_1, rule.nesterov, decay, n)
        else:
            adam(theta, grad, m, v, rate, rule.beta_1, rule.beta_2, rule.epsilon, decay, n, t)


@kernel
def share_state(
    rule: UpdateRule, state: RunState, share: int, n_cuts: int, fused: bool, rate: float
) -> ShareState:
    """Return the arrays of a share, with the factors by which its gradients are stored or added."""
    cut = share % n_cuts
    grad, work = state.grad if cut == 0 else state.more_grads[cut - 1], state.work[share]
    lists = state.lists[share]
    if rule.optimizer == ACCUMULATE:
        return ShareState(state.theta, work, lists, grad, rate, 1.0, 1.0)
    if fused:
        return ShareState(state.theta, work, lists, state.theta, -rate, 1 - rate * rule.weight_decay, 1.0)
    return ShareState(state.theta, work, lists, grad, 1.0, 0.0, 0.0)


@kernel
def fuses_update(rule: UpdateRule, n_blocks: int) -> bool:
    """Return whether the product that computes the gradient also takes the step: θ ← θ - η xᵀ dy."""
    return rule.optimizer == PLAIN_SGD and rule.beta_1 == 0 and n_blocks == 1


@kernel
def share_of(first: int, last: int, share: int, n_shares: int, unit: int) -> tuple[int, int]:
    """Return the bounds of a share of a range; each share but the last is a multiple of `unit` long."""
    n_units = (last - first + unit - 1) // unit
    start = first + n_units * share // n_shares * unit
    stop = first + n_units * (share + 1) // n_shares * unit
    return min(start, last), min(stop, last)


@kernel
def share_layout(layouts: Any, i: int) -> Layout:
    """Return the layout of share i from the stacked layouts."""
    return Layout(
        layouts.k[i], layouts.first_net[i], layouts.widths[i], layouts.activation[i],
        layouts.slope[i], layouts.w_at[i], layouts.b_at[i], layouts.x_at[i], layouts.y_at[i],
        layouts.d_at[i], layouts.wide_at[i], layouts.drawn_at[i], layouts.loss[i], layouts.threshold[i],
        layouts.label_smoothing[i], layouts.tile_lines[i], layouts.tile_width[i], layouts.part_rows[i],
        layouts.entries_at[i], layouts.tile_at[i], layouts.packing_at[i],
    )  # fmt: skip


@entry
def restore_weights(layouts: Any, state: RunState, counters: Array) -> None:
    """Unpack the first weights of shares whose threads were stopped before they could do so."""
    for share in range(len(state.work)):
        if is_packed(counters, share):
            pack_or_unpack(share_layout(layouts, share), state, share, counters)


@entry
def descend(
    layouts: Any, rule: UpdateRule, state: RunState, data: Data, sizes: Sizes, rates: Array,
    steps_before: int, losses: Array, right: Array, counters: Array, spins: int,
) -> None:  # fmt: skip
    """Take one step per learning rate, on the data batch by batch, together with other threads.

    Several threads, at most one per share, may call this with the same arguments. A step has two phases: the
    gradient, whose shares are rows or networks, and the update, whose shares are parameters. There is no
    update phase if the product takes the step itself, or under the rule `ACCUMULATING`: then each share adds
    up its gradients times their rates, and theta does not change. With narrow products, an additional first
    phase packs the first weights, and a last one unpacks them.

    Adds the part of each share to the mean losses and correct rows of each step, both (shares, steps, k).
    """
    layouts, state, data = without_refcounts(layouts), without_refcounts(state), without_refcounts(data)
    losses, right, counters = without_refcounts(losses), without_refcounts(right), without_refcounts(counters)
    # Parts of the rows of a batch: one if the shares are sets of networks.
    n_cuts = 1 + len(state.more_grads)
    fused = fuses_update(rule, n_cuts * -(-sizes.batch // sizes.block))
    phases_per_step = 1 if rule.optimizer == ACCUMULATE or fused else 2
    n_packings = 1 if is_narrow(data) else 0
    n_shares, n_phases = len(state.work), phases_per_step * len(rates) + 2 * n_packings
    last = len(data.rows)
    mine = join(counters)
    current, layout = mine, share_layout(layouts, mine)
    while True:
        phase, share = take_share(counters, mine, n_shares, n_phases, spins)
        if phase == n_phases:
            return
        if share != current:
            current, layout = share, share_layout(layouts, share)
        step, part = divmod(phase - n_packings, phases_per_step)
        if phase < n_packings or phase >= n_phases - n_packings:
            pack_or_unpack(layout, state, share, counters)
        elif part == 0:
            start = step * sizes.batch
            stop = min(start + sizes.batch, last)
            cut = share % n_cuts
            rows = share_of(start, stop, cut, n_cuts, 1)
            ahead = share_of(stop, min(stop + sizes.batch, last), cut, n_cuts, 1)
            into = losses[share, step], right[share, step]
            own = share_state(rule, state, share, n_cuts, fused, rates[step])
            compute_gradient(layout, own, data, rows, ahead, sizes.block, stop - start, into[0], into[1])
        else:
            entries = share_of(0, len(state.theta), share, n_shares, LINE)
            update(rule, state, entries, rates[step], steps_before + step + 1)
        finish_share(counters)
