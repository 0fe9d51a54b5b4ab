"""A network, its loss and its optimizer as the numbers and offsets that compiled code reads."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from pellucid.backend import LINE_BYTES, Array
from pellucid.compiled.first.tiles import can_be_packed, plan_tiles
from pellucid.compiled.program import ACTIVATIONS, LOSSES, OPTIMIZERS, FusedLayer, fused_layers
from pellucid.layers import LeakyReLU, Rescale
from pellucid.layers.rescale import fits
from pellucid.losses import Loss
from pellucid.network import Network
from pellucid.optimizers import SGD, Adam, Optimizer

# Compiled code knows activations, losses and optimizers by their positions in the lists of `program`.
IDENTITY, RELU, LEAKY_RELU, SIGMOID, TANH = range(len(ACTIVATIONS))
SOFTMAX_CROSS_ENTROPY, SIGMOID_CROSS_ENTROPY, MEAN_SQUARED_ERROR = range(len(LOSSES))
PLAIN_SGD, ADAM = range(len(OPTIMIZERS))
#: No optimizer: gradients are accumulated and no step is taken.
ACCUMULATE = len(OPTIMIZERS)


class Layout(NamedTuple):
    """What each layer does, and where its arrays begin in the flat vectors of `pellucid.compiled.steps`.

    A Dense and the activation and dropout that follow it are one layer. Layer l maps widths[l] inputs to
    widths[l + 1] outputs. Names that end in `_at` are offsets. The product is written at `y_at`, then the
    activation overwrites it; the gradient of the loss with respect to y is at `d_at`. The input of the next
    layer, at `x_at`, is y itself, or a copy if there is dropout in between. At `wide_at` the first
    products of all networks lie side by side. `drawn_at` counts the random numbers per row that the dropouts
    of earlier layers use.

    A sparse first product lists `part_rows` rows at a time and computes `tile_width` columns, which are
    `tile_lines` cache lines, at a time. Its lists hold their values at `entries_at`, its tile is at
    `tile_at`. If sparse products would be slower, `tile_lines` is 0. At `packing_at` is scratch space to
    pack the first weights.

    A layout belongs to k networks; `first_net` is the index of the first of them among all networks that are
    trained together. In the stacked layout of all shares each entry is an array with one more axis, the
    first.
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
    tile_lines: int
    tile_width: int
    part_rows: int
    entries_at: int
    tile_at: int
    packing_at: int


class UpdateRule(NamedTuple):
    """The optimizer and its settings. The momentum of SGD is stored as beta_1."""

    optimizer: int
    beta_1: float = 0.0
    beta_2: float = 0.0
    epsilon: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    n_weights: int = 0


class RunState(NamedTuple):
    """The arrays that steps change: parameters, gradients, optimizer state, and scratch space for each share.

    `grad` holds the gradients of the first share, `more_grads` those of the others. `order` holds for each
    share the permutation that packs its first weights into panels.
    """

    theta: Array
    grad: Array
    more_grads: Array
    m: Array
    v: Array
    work: Array
    lists: Array
    order: Array


class ShareState(NamedTuple):
    """The part of a `RunState` that one share of a batch needs, and what becomes of its gradients.

    into ← keep · into + factor · gradient, with `keep_biases` in place of `keep` for biases.
    """

    theta: Array
    work: Array
    lists: Array
    into: Array
    factor: float
    keep: float
    keep_biases: float


class Data(NamedTuple):
    """The rows to train on, their class numbers, and the random numbers for dropout.

    `rows` are indices into x; `scale` and `shift` have an entry per column, and `is_shifted` tells whether
    any shift is nonzero. `drop_prob` has an entry per layer, `NO_DROPOUT` for a layer without dropout;
    `drawn` holds the random numbers. `method` is how the first product is computed.
    """

    x: Array
    rows: Array
    scale: Array
    shift: Array
    labels: Array
    drop_prob: Array
    drawn: Array
    method: tuple[bool, ...]
    is_shifted: bool


class Sizes(NamedTuple):
    """The rows of a batch, and of a block: the most rows that a thread computes at a time."""

    batch: int
    block: int


#: The value in `drop_prob` of a layer without dropout.
NO_DROPOUT = -1.0
#: Entries that fill a cache line in float32, or two in float64. Arrays that begin on a cache line are read
#: faster.
LINE = LINE_BYTES // 4


class _Allocator:
    """Plans consecutive ranges of a flat vector, each a multiple of `unit` long."""

    def __init__(self, unit: int = 1) -> None:
        self.size, self.unit = 0, unit

    def take(self, size: int) -> int:
        """Return the offset of the next `size` entries."""
        start, self.size = self.size, self.size + -(-size // self.unit) * self.unit
        return start


def make_layout(nets: Sequence[Network], loss: Loss, rows: int, own: range) -> tuple[Layout, int, int]:
    """Return the layout of some networks, and the lengths of `work` and `lists`.

    Parameters
    ----------
    nets : sequence of Network
        All networks that are trained together.
    loss : Loss
    rows : int
        The most rows that are computed at a time.
    own : range
        The indices of the networks of this layout: all, or one set of a `Stack`.
    """
    k, fused = len(own), fused_layers(nets[0].layers)
    widths = [fused[0].dense.n_in, *(layer.dense.n_out for layer in fused)]
    theta, work, drawn = _Allocator(), _Allocator(LINE), _Allocator()
    # The arrays of all networks lie one after the other: those of a set begin at its first network.
    sizes = [n_in * n_out for n_in, n_out in pairwise(widths)]
    w_at = [theta.take(len(nets) * size) + own.start * size for size in sizes]
    b_at = [theta.take(len(nets) * n_out) + own.start * n_out for n_out in widths[1:]]
    x_at, y_at, d_at, drawn_at = [work.take(rows * widths[0])], [], [], []
    for layer, width in zip(fused, widths[1:], strict=True):
        y_at.append(work.take(k * rows * width))
        d_at.append(work.take(k * rows * width))
        x_at.append(work.take(k * rows * width) if layer.dropout else y_at[-1])
        drawn_at.append(drawn.take(len(nets) * width) if layer.dropout else 0)
    # The first product of a single network is its y; those of several networks are computed side by side.
    wide_at = work.take(k * rows * widths[1]) if k > 1 else y_at[0]
    activations, slopes = zip(*map(activation_of, fused), strict=True)
    tiles = plan_tiles(rows, widths[0], k * widths[1], nets[0].dtype.itemsize)
    layout = Layout(
        k=k, first_net=own.start, widths=np.array(widths),
        activation=np.array(activations), slope=np.array(slopes),
        w_at=np.array(w_at), b_at=np.array(b_at), x_at=np.array(x_at), y_at=np.array(y_at),
        d_at=np.array(d_at), wide_at=wide_at, drawn_at=np.array(drawn_at),
        loss=LOSSES.index(type(loss)), threshold=float(loss.threshold), label_smoothing=loss.label_smoothing,
        tile_lines=tiles.lines, tile_width=tiles.width, part_rows=tiles.rows,
        entries_at=work.take(tiles.n_entries), tile_at=work.take(tiles.size),
        packing_at=work.take(widths[0] * k * widths[1] if can_be_packed(k * widths[1]) else 0),
    )  # fmt: skip
    return layout, work.size, tiles.n_indices


def stack_layouts(layouts: Sequence[Layout]) -> Any:
    """Return the layouts of all shares as one, in which every entry is an array."""
    arrays: Iterator[Any] = (np.array(values) for values in zip(*layouts, strict=True))
    return Layout(*arrays)


def activation_of(layer: FusedLayer) -> tuple[int, float]:
    """Return the number by which compiled code and kernels know a layer's activation, and its slope.

    Examples
    --------
    >>> import pellucid as pl
    >>> activation_of(FusedLayer(pl.Dense(3))), activation_of(FusedLayer(pl.Dense(3), pl.LeakyReLU(0.1)))
    ((0, 0.0), (2, 0.1))
    """
    if layer.activation is None:
        return IDENTITY, 0.0
    slope = layer.activation.slope if isinstance(layer.activation, LeakyReLU) else 0.0
    return ACTIVATIONS.index(type(layer.activation)), slope


def make_rule(optimizer: Optimizer, n_weights: int) -> UpdateRule:
    """Return the settings of the optimizer; settings that it lacks keep their defaults, 0."""
    kind, decay = OPTIMIZERS.index(type(optimizer)), float(optimizer.weight_decay)
    rule = UpdateRule(kind, weight_decay=decay, n_weights=n_weights)
    if isinstance(optimizer, Adam):
        beta_1, beta_2, epsilon = map(float, (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon))
        return rule._replace(beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
    if isinstance(optimizer, SGD):
        return rule._replace(beta_1=float(optimizer.momentum), nesterov=bool(optimizer.nesterov))
    return rule


#: Adds up gradients, each multiplied by its learning rate, and takes no step.
ACCUMULATING = UpdateRule(ACCUMULATE)


def make_scaling(net: Network, dtype: np.dtype[np.generic]) -> tuple[Array, Array]:
    """Return scale and shift per column for data of a dtype, in float64 where `Rescale` shifts in float64."""
    first = net.layers[0]
    scale, shift = (first.scale, first.shift) if isinstance(first, Rescale) else (1.0, 0.0)
    precise = np.float64 if np.any(shift) and not fits(dtype, net.dtype) else net.dtype
    return np.full(net.n_in, scale, precise), np.full(net.n_in, shift, precise)
