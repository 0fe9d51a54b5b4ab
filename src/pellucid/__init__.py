"""A neural-network library written by hand on NumPy, clear enough to see through.

>>> import numpy as np, pellucid as pl
>>> net = pl.Network([pl.Rescale(1 / 255), pl.Dense(100), pl.ReLU(), pl.Dense(10)])
>>> net.build(n_in=784, rng=np.random.default_rng(0)).theta.size
79510
"""

from pellucid.data import (
    DATASETS,
    DataError,
    Dataset,
    Description,
    describe,
    load_dataset,
    read_digit_csv,
    read_idx,
    split,
)
from pellucid.gradient_check import GradientCheck, gradcheck
from pellucid.initializers import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    kaiming_normal,
    kaiming_uniform,
    lecun_normal,
    lecun_uniform,
    normal,
    uniform,
    xavier_normal,
    xavier_uniform,
    zeros,
)
from pellucid.layers import Dense, Dropout, Identity, Layer, LeakyReLU, ReLU, Rescale, Sigmoid, Softmax, Tanh
from pellucid.losses import Loss, MeanSquaredError, SigmoidCrossEntropy, SoftmaxCrossEntropy
from pellucid.metrics import accuracy, confusion_matrix, error, f1, precision, predicted_classes, recall
from pellucid.network import Network
from pellucid.optimizers import SGD, Adam, Optimizer
from pellucid.principal_components import PrincipalComponents
from pellucid.schedules import cosine, one_cycle, step_decay
from pellucid.training.checkpoint import Checkpoint
from pellucid.training.records import Record
from pellucid.training.train import evaluate, train, train_many

__version__ = "0.1.0"

__all__ = [
    "DATASETS",
    "Adam",
    "Checkpoint",
    "DataError",
    "Dataset",
    "Dense",
    "Description",
    "Dropout",
    "GradientCheck",
    "Identity",
    "Layer",
    "LeakyReLU",
    "Loss",
    "MeanSquaredError",
    "Network",
    "Optimizer",
    "PrincipalComponents",
    "ReLU",
    "Record",
    "Rescale",
    "SGD",
    "Sigmoid",
    "SigmoidCrossEntropy",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Tanh",
    "accuracy",
    "confusion_matrix",
    "cosine",
    "describe",
    "error",
    "evaluate",
    "f1",
    "glorot_normal",
    "glorot_uniform",
    "gradcheck",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "load_dataset",
    "normal",
    "one_cycle",
    "precision",
    "predicted_classes",
    "read_digit_csv",
    "read_idx",
    "recall",
    "split",
    "step_decay",
    "train",
    "train_many",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]


def __dir__() -> list[str]:
    """Return the public names, so that completion offers no submodules."""
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
