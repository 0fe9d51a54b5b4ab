"""Build the network, loss, optimizer and learning-rate schedule from the settings."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.app.labelled_rows import LabelledRows, taken
from pellucid.app.model_notes import ModelNotes
from pellucid.app.settings import INITIALIZERS, TrainSettings
from pellucid.backend import Array
from pellucid.compiled.threads.blas import one_thread
from pellucid.initializers import Initializer
from pellucid.schedules import Schedule

LAYERS: dict[str, Callable[[], pl.Layer]] = {
    "relu": pl.ReLU,
    "tanh": pl.Tanh,
    "sigmoid": pl.Sigmoid,
    "leaky-relu": pl.LeakyReLU,
}
LOSSES: dict[str, type[pl.Loss]] = {
    "softmax-cross-entropy": pl.SoftmaxCrossEntropy,
    "sigmoid-cross-entropy": pl.SigmoidCrossEntropy,
    "mean-squared-error": pl.MeanSquaredError,
}
#: Scales below this count as 0, since their reciprocals could overflow.
TINY = 1e-300
INITS: dict[str, Initializer] = {name: getattr(pl, name.replace("-", "_")) for name in INITIALIZERS}


@dataclass(frozen=True, eq=False)
class Learner:
    """A network in training, and the principal components that its inputs are projected onto, if any.

    Components and projections are computed on one thread. With several, the last bits could differ, and a
    resumed run could not repeat the uninterrupted one exactly.
    """

    net: pl.Network
    components: pl.PrincipalComponents | None = None  #: None: the network takes the features.

    def rows(self, x: np.ndarray[Any, Any]) -> Array:
        """Return the network's inputs for rows of features."""
        if self.components is None:
            return x
        with one_thread():
            return self.components.transform(x)

    def whole(self) -> pl.Network:
        """Return a network that takes the original features, with the current weights."""
        if self.components is None:
            return self.net
        with one_thread():
            return self.components.whole(self.net)


def build_learner(
    settings: TrainSettings,
    source: LabelledRows,
    rows: np.ndarray,
    rng: np.random.Generator,
    *,
    dtype: object = np.float32,
) -> Learner:
    """Return a built network for the rows of a source, or for their principal components.

    Feature scales and components are fitted on the training rows, whose indices are `rows`. The network's
    notes tell `pellucid predict` how to use it.

    Examples
    --------
    >>> from pellucid.app.labelled_rows import load_rows
    >>> settings = TrainSettings(source="digits", hidden=(5,), dropout=0.2)
    >>> source, rows, rng = load_rows(settings), np.arange(1000), np.random.default_rng(0)
    >>> build_learner(settings, source, rows, rng).net
    Network([Rescale(scale=0.0625), Dense(5, init=he_normal), ReLU(), Dropout(drop_prob=0.2), Dense(10)])
    >>> learner = build_learner(TrainSettings(source="digits", components=20), source, rows, rng)
    >>> learner.net.n_in, learner.whole().n_in
    (20, 64)
    """
    n_in, k = source.x.shape[1], min(settings.components, source.x.shape[1])
    first = first_layer(source, rows, subtract_mean=settings.subtract_mean or k > 0)
    components = None
    if k:
        with one_thread():
            components = pl.PrincipalComponents(taken(source.x, rows), k, rescale=first, dtype=dtype)
    layers = [*_hidden_layers(settings), *_last_layers(settings.loss, len(source.classes))]
    net = pl.Network(layers if k else [first, *layers]).build(k or n_in, rng=rng, dtype=dtype)
    net.notes = _notes(settings, source, first)
    return Learner(net, components)


def _notes(settings: TrainSettings, source: LabelledRows, first: pl.Rescale) -> dict[str, Any]:
    """Return what prediction needs to know: classes, features, image shape, loss."""
    white = round(1 / float(first.scale)) if source.image_shape else None
    notes = ModelNotes(
        source.classes, source.features, source.label, source.image_shape, white, settings.loss
    )
    return notes.to_json()


def first_layer(source: LabelledRows, rows: np.ndarray, *, subtract_mean: bool = False) -> pl.Rescale:
    """Return the layer that scales raw input for training.

    Pixels are scaled to [0, 1]; `subtract_mean` also subtracts their mean over the training rows. Columns of
    a table are standardized to mean 0 and standard deviation 1 over the training rows; a constant column
    keeps its scale.
    """
    x = taken(source.x, rows)
    if source.image_shape is None:
        return _for_columns(x)
    white = int(source.x.max(initial=1))
    if not subtract_mean:
        return pl.Rescale(1 / white)
    mean = x.sum(axis=0) / len(x)  # an integer sum needs no float copy of the pixels
    return pl.Rescale(1 / white, -mean / white)


def _for_columns(x: np.ndarray) -> pl.Rescale:
    size = np.maximum(np.abs(x).max(axis=0), TINY)
    unit = x / size  # squares of numbers beyond 1e154 would overflow
    mean, deviation = unit.mean(axis=0) * size, unit.std(axis=0) * size
    # Rounding can give a constant column a tiny standard deviation instead of 0.
    constant = deviation <= np.maximum(1e-12 * np.abs(mean), TINY)
    scale = 1 / np.where(constant, 1, deviation)
    return pl.Rescale(scale, -mean * scale)


def build_loss(settings: TrainSettings) -> pl.Loss:
    """Return the loss to train with."""
    return LOSSES[settings.loss](label_smoothing=settings.label_smoothing)


def _hidden_layers(settings: TrainSettings) -> list[pl.Layer]:
    layers: list[pl.Layer] = []
    for width, activation in zip(settings.hidden, settings.activations, strict=True):
        layers += [pl.Dense(width, init=INITS[settings.init]), LAYERS[activation]()]
        if settings.dropout:
            layers.append(pl.Dropout(settings.dropout))
    return layers


def _last_layers(loss: str, n_classes: int) -> list[pl.Layer]:
    """Return the output layers: one unit per class, or a single one for two classes without softmax.

    The cross-entropy losses apply the output activation themselves.
    """
    n_out = 1 if n_classes == 2 and loss != "softmax-cross-entropy" else n_classes
    return [pl.Dense(n_out), pl.Sigmoid()] if loss == "mean-squared-error" else [pl.Dense(n_out)]


def build_optimizer(settings: TrainSettings, n_rows: int) -> pl.Optimizer:
    """Return the optimizer; its schedule, if any, spans the whole training.

    Examples
    --------
    >>> build_optimizer(TrainSettings(optimizer="sgd", learning_rate=0.5, momentum=0.9), 100)
    SGD(learning_rate=0.5, momentum=0.9, nesterov=False, weight_decay=0.0)
    """
    rate = learning_rate(settings, n_rows)
    if settings.optimizer == "adam":
        return pl.Adam(rate, weight_decay=settings.weight_decay)
    return pl.SGD(
        rate, momentum=settings.momentum, nesterov=settings.nesterov, weight_decay=settings.weight_decay
    )


def learning_rate(settings: TrainSettings, n_rows: int) -> float | Schedule:
    """Return the learning rate, or the schedule that starts or peaks at it.

    Examples
    --------
    >>> rate = learning_rate(TrainSettings(schedule="step-decay", epochs=3, batch_size=10), n_rows=95)
    >>> rate(9), round(rate(10), 6), round(rate(20), 7)
    (0.001, 0.0001, 1e-05)
    """
    steps = settings.epochs * (ceil(n_rows / settings.batch_size) if settings.batch_size else 1)
    match settings.schedule:
        case "step-decay":
            return pl.step_decay(settings.rate, every=ceil(steps / 3))
        case "cosine":
            return pl.cosine(settings.rate, steps=steps)
        case "one-cycle":
            return pl.one_cycle(settings.rate, steps=steps)
    return settings.rate
