"""Network, loss and optimizer as the numbers that the compiled steps read, and where the arrays lie."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from pellucid.backend import LINE_BYTES, Array
from pellucid.compiled.first.tiles import has_room, plan_tiles
from pellucid.compiled.program import ACTIVATIONS, LOSSES, OPTIMIZERS, Group, groups
from pellucid.layers import LeakyReLU, Rescale
from pellucid.layers.rescale import fits
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import SGD, Adam, Optimizer

# The numbers of activations, losses and optimizers are their places in the lists of what can be compiled.
IDENTITY, RELU, LEAKY_RELU, SIGMOID, TANH = range(len(ACTIVATIONS))
SOFTMAX_CROSS_ENTROPY, SIGMOID_CROSS_ENTROPY, MEAN_SQUARED_ERROR = range(len(LOSSES))
PLAIN_SGD, ADAM = range(len(OPTIMIZERS))
#: No optimizer: the gradients are added up.
COLLECT = len(OPTIMIZERS)


class Layout(NamedTuple):
    """What each layer does, and where its arrays begin in the flat vectors; a Dense and what follows are one.

    Layer l maps widths[l] to widths[l + 1]. `x_at` is its input, `y_at` the output of its activation, written
    over the product, `d_at` the gradient by that. The next layer's input is y itself, or where dropout stands
    between another array. In `wide_at` all networks' first products lie side by side. `drawn_at` counts the
    numbers that the dropouts before it draw for a row.

    Where the first product can be sparse, `part_rows` rows are listed at a time, and `tile_width` columns, or
    `lines` cache lines, computed at a time; `entries_at` is what lists hold, `tile_at` room for a tile. Else
    `lines` is 0. At `room_at` is room for the first weights, where they can lie in panels.

    It is that of k networks, the first of which is number `first_net` of all that are trained at once. In the
    layout of all shares everything is an array, whose first axis is that of the shares.
    """

    k: int
    first_net: int
    widths: Array
    activation: Array
    slope: Array
    w_at: Array
    b_at: Array
    x_at: Array
    y_at: Array
    d_at: Array
    wide_at: int
    drawn_at: Array
    loss: int
    threshold: float
    label_smoothing: float
    lines: int
    tile_width: int
    part_rows: int
    entries_at: int
    tile_at: int
    room_at: int


class Rule(NamedTuple):
    """The optimizer: which one, and its numbers; SGD's momentum stands in beta_1."""

    optimizer: int
    beta_1: float
    beta_2: float
    epsilon: float
    nesterov: bool
    weight_decay: float
    n_weights: int


class Shared(NamedTuple):
    """What steps change: parameters and gradients, the optimizer's two memories, and room for each share.

    The first share's gradients are in `grad`, those of the others in `more_grads`. `order` says for each
    share how its first weights lie while narrow products are computed.
    """

    theta: Array
    grad: Array
    more_grads: Array
    m: Array
    v: Array
    work: Array
    lists: Array
    order: Array


class State(NamedTuple):
    """What a share of a batch needs of that: parameters, room for its rows, and what to do with gradients.

    They go `into` a vector: into ← keep · into + factor · gradient, with `keep_biases` for biases.
    """

    theta: Array
    work: Array
    lists: Array
    into: Array
    factor: float
    keep: float
    keep_biases: float


class Data(NamedTuple):
    """The rows to train on: places in x, scale and shift by column, classes, and what dropout needs.

    `drop_prob` has an entry for each layer, `NO_DROPOUT` where none follows; `drawn` are the numbers for it.
    `way` is that of the first products; whether `is_shifted`: some shift is not zero.
    """

    x: Array
    rows: Array
    scale: Array
    shift: Array
    labels: Array
    drop_prob: Array
    drawn: Array
    way: tuple[bool, ...]
    is_shifted: bool


class Sizes(NamedTuple):
    """How many rows a batch has, and a block: the most that a thread computes at a time."""

    batch: int
    block: int


#: Stands for a probability.
NO_DROPOUT = -1.0
#: Entries that fill a cache line of float32, or two of float64: arrays that begin on a line are read faster.
LINE = LINE_BYTES // 4


class _Space:
    """A flat vector yet to be made: hands out places one after the other, each a multiple of `unit`."""

    def __init__(self, unit: int = 1) -> None:
        self.size, self.unit = 0, unit

    def take(self, size: int) -> int:
        """Return where the next `size` entries begin."""
        start, self.size = self.size, self.size + -(-size // self.unit) * self.unit
        return start


def make_layout(nets: Sequence[Network], loss: Loss, rows: int, own: range) -> tuple[Layout, int, int]:
    """Return where all lies, and how long `work` and `lists` are.

    Parameters
    ----------
    nets : sequence of Network
        All that are trained at once.
    loss : Loss
    rows : int
        The most rows that are computed at a time.
    own : range
        Which of the networks are meant: all, or a set of a `Stack`.
    """
    k, parts = len(own), groups(nets[0].layers)
    widths = [parts[0].dense.n_in, *(part.dense.n_out for part in parts)]
    theta, work, drawn = _Space(), _Space(LINE), _Space()
    # All networks' arrays lie one behind the other: those of a set begin where its first one's do.
    sizes = [n_in * n_out for n_in, n_out in pairwise(widths)]
    w_at = [theta.take(len(nets) * size) + own.start * size for size in sizes]
    b_at = [theta.take(len(nets) * n_out) + own.start * n_out for n_out in widths[1:]]
    x_at, y_at, d_at, drawn_at = [work.take(rows * widths[0])], [], [], []
    for part, width in zip(parts, widths[1:], strict=True):
        y_at.append(work.take(k * rows * width))
        d_at.append(work.take(k * rows * width))
        x_at.append(work.take(k * rows * width) if part.dropout else y_at[-1])
        drawn_at.append(drawn.take(len(nets) * width) if part.dropout else 0)
    # One network's first product is its y; those of several are put side by side first.
    wide_at = work.take(k * rows * widths[1]) if k > 1 else y_at[0]
    tiles = plan_tiles(rows, widths[0], k * widths[1], nets[0].dtype.itemsize)
    layout = Layout(
        k=k,
        first_net=own.start,
        widths=np.array(widths),
        activation=np.array([_activation(part) for part in parts]),
        slope=np.array([_slope(part) for part in parts]),
        w_at=np.array(w_at),
        b_at=np.array(b_at),
        x_at=np.array(x_at),
        y_at=np.array(y_at),
        d_at=np.array(d_at),
        wide_at=wide_at,
        drawn_at=np.array(drawn_at),
        loss=LOSSES.index(type(loss)),
        threshold=float(loss.threshold),
        label_smoothing=loss.label_smoothing,
        lines=tiles.lines,
        tile_width=tiles.width,
        part_rows=tiles.rows,
        entries_at=work.take(tiles.n_entries),
        tile_at=work.take(tiles.n_room),
        room_at=work.take(widths[0] * k * widths[1] if has_room(k * widths[1]) else 0),
    )
    return layout, work.size, tiles.n_numbers


def of_shares(layouts: Sequence[Layout]) -> Any:
    """Return the layouts of all shares as one, whose every entry is an array."""
    arrays: Iterator[Any] = (np.array(values) for values in zip(*layouts, strict=True))
    return Layout(*arrays)


def _activation(part: Group) -> int:
    return IDENTITY if part.activation is None else ACTIVATIONS.index(type(part.activation))


def _slope(part: Group) -> float:
    return part.activation.slope if isinstance(part.activation, LeakyReLU) else 0.0


def make_rule(optimizer: Optimizer, n_weights: int) -> Rule:
    """Return the optimizer's numbers; those that it lacks are 0."""
    rule = Rule(
        OPTIMIZERS.index(type(optimizer)),
        beta_1=0.0,
        beta_2=0.0,
        epsilon=0.0,
        nesterov=False,
        weight_decay=float(optimizer.weight_decay),
        n_weights=n_weights,
    )
    if isinstance(optimizer, Adam):
        beta_1, beta_2, epsilon = map(float, (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon))
        return rule._replace(beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
    if isinstance(optimizer, SGD):
        return rule._replace(beta_1=float(optimizer.momentum), nesterov=bool(optimizer.nesterov))
    return rule


#: Add up the gradients, each times its rate, and take no step.
COLLECTING = Rule(COLLECT, beta_1=0.0, beta_2=0.0, epsilon=0.0, nesterov=False, weight_decay=0.0, n_weights=0)


def make_scaling(net: Network, dtype: np.dtype[np.generic]) -> tuple[Array, Array]:
    """Return scale and shift by column for data of a dtype: in float64 where `Rescale` shifts in float64."""
    first = net.layers[0]
    scale, shift = (first.scale, first.shift) if isinstance(first, Rescale) else (1.0, 0.0)
    precise = np.float64 if np.any(shift) and not fits(dtype, net.dtype) else net.dtype
    return np.full(net.n_in, scale, precise), np.full(net.n_in, shift, precise)
