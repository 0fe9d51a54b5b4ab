"""All training settings: each field declares a flag, a config key, a default and limits.

``learning_rate`` is the flag ``--learning-rate`` and the key ``learning-rate`` or ``learning_rate``.

>>> TrainSettings(source="digits", epochs=3).epochs
3
>>> TrainSettings(source="digits", optimizer="adm")
Traceback (most recent call last):
...
ValueError: --optimizer must be one of sgd, adam, got 'adm': did you mean adam?
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pellucid.app.options import (
    FILES,
    NETWORK,
    NOT_NEGATIVE,
    POSITIVE,
    ROWS,
    SHARE,
    TRAINING,
    Options,
    declarations,
    flag,
    option,
)
from pellucid.data.catalog import DATASETS

#: Settings that work well together, by name; config files and flags override them.
#:
#: The values of `fast` were chosen on MNIST's 60,000 training rows alone, by six-fold cross-validation:
#: accuracy 98.0 % (3 seeds, standard deviation 0.07), 98.2 % on the last fold. The recipe itself holds out no
#: rows. Three epochs with 192 units on all 784 pixels reach 98.1 %, but take several times as long.
RECIPES: dict[str, Mapping[str, Any]] = {
    "fast": {
        "hidden": (224,),
        "optimizer": "sgd",
        "learning_rate": 1.5,
        "momentum": 0.9,
        "nesterov": True,
        "schedule": "one-cycle",
        "epochs": 3,
        "batch_size": 256,
        "components": 40,
        "label_smoothing": 0.1,
        "validation": 0.0,
    }
}
#: The purpose of each recipe, for the help page.
PURPOSES = {"fast": "98 % on MNIST in seconds"}
FAMILIES = ("he", "kaiming", "glorot", "xavier", "lecun")
INITIALIZERS = (*(f"{name}-{kind}" for name in FAMILIES for kind in ("normal", "uniform")), "zeros")
ACTIVATIONS = ("relu", "tanh", "sigmoid", "leaky-relu")
LOSSES = ("softmax-cross-entropy", "sigmoid-cross-entropy", "mean-squared-error")
SCHEDULES = ("constant", "step-decay", "cosine", "one-cycle")
#: The default learning rate of each optimizer.
LEARNING_RATES = {"sgd": 0.1, "adam": 0.001}
#: Settings for the paths of files and when to write them; they do not affect results.
PLACES = ("save", "run", "checkpoint", "every", "resume", "folder")


def source_argument(default: str, purpose: str = "What to train on") -> Any:
    """Return the argument SOURCE of a command."""
    text = f"{purpose}: a data set ({', '.join(DATASETS)}) or a CSV file (plain or .gz)."
    return option(default, text, metavar="SOURCE", is_argument=True)


def folder_option() -> Any:
    """Return the option --folder."""
    default = "the cache, after a download if needed"
    return option(None, "Folder of the data sets.", group=FILES, path="folder", default_text=default)


@dataclass(frozen=True)
class TrainSettings(Options):
    """All training settings. Each is checked on its own; `check` checks how they fit together.

    `pellucid.app.config.merge` builds them from a recipe, a config file and flags. The help text of each
    field says what it means.

    Examples
    --------
    >>> TrainSettings(hidden=(50, 20)).activations
    ('relu', 'relu')
    """

    source: str = source_argument("")
    recipe: str | None = option(
        None,
        "Settings that work well together; flags and --config override them. "
        f"{'; '.join(f'{name}: {purpose}' for name, purpose in PURPOSES.items())}.",
        choices=tuple(RECIPES),
    )
    label: str | None = option(
        None, "CSV column that holds the classes.", group=ROWS, metavar="COLUMN", default_text="label"
    )
    test: float = option(
        0.2,
        "Fraction of a CSV file's rows held out for the final score; data sets have test rows.",
        group=ROWS,
        range=SHARE,
    )
    validation: float = option(
        0.1, "Fraction of the training rows held out to measure each epoch.", group=ROWS, range=SHARE
    )
    folder: Path | None = folder_option()
    subtract_mean: bool = option(
        False,
        "Subtract each pixel's mean over the training rows. CSV columns are always standardized.",
        group=ROWS,
    )
    components: int = option(
        0,
        "Train on the first N principal components of the training rows, which is faster. The saved network "
        "still takes the original features. 0: train on the features.",
        group=ROWS,
        least=0,
    )
    hidden: tuple[int, ...] = option(
        (100,), "Units of a hidden layer; repeat for more layers.", group=NETWORK, least=1
    )
    activation: tuple[str, ...] = option(
        ("relu",),
        f"{', '.join(ACTIVATIONS)}. Give one for all hidden layers, or one for each.",
        group=NETWORK,
        choices=ACTIVATIONS,
    )
    init: str = option(
        "he-normal",
        f"Initializer of the hidden layers' weights: {', '.join(INITIALIZERS)}.",
        group=NETWORK,
        choices=INITIALIZERS,
    )
    dropout: float = option(
        0.0, "Fraction of hidden outputs dropped in training.", group=NETWORK, range=SHARE
    )
    loss: str = option(LOSSES[0], f"Loss to minimize: {', '.join(LOSSES)}.", group=TRAINING, choices=LOSSES)
    label_smoothing: float = option(
        0.0,
        "Fraction of each label that is spread over all classes, such as 0.1.",
        group=TRAINING,
        range=SHARE,
    )
    optimizer: str = option(
        "adam",
        f"Update rule: {', '.join(LEARNING_RATES)}.",
        group=TRAINING,
        choices=tuple(LEARNING_RATES),
    )
    learning_rate: float | None = option(
        None,
        "Learning rate; its peak under a schedule.",
        group=TRAINING,
        range=POSITIVE,
        default_text=", ".join(f"{rate:g} for {name}" for name, rate in LEARNING_RATES.items()),
    )
    momentum: float = option(0.0, "Momentum of sgd, such as 0.9.", group=TRAINING, range=SHARE)
    nesterov: bool = option(False, "Use Nesterov momentum.", group=TRAINING)
    weight_decay: float = option(0.0, "Weight decay, such as 1e-4.", group=TRAINING, range=NOT_NEGATIVE)
    schedule: str = option(
        "constant",
        "Learning rate over the training. constant: stays. step-decay: divided by 10 after each third. "
        "cosine: falls to 0. one-cycle: rises from 1/25 of its peak for 30 %, then falls almost to 0.",
        group=TRAINING,
        choices=SCHEDULES,
    )
    epochs: int = option(20, "Passes over the training rows.", group=TRAINING, least=1)
    batch_size: int = option(32, "Rows of a mini-batch; 0: all rows at once.", group=TRAINING, least=0)
    patience: int | None = option(
        None,
        "Stop after N epochs without a lower validation loss, and keep the best weights.",
        group=TRAINING,
        least=1,
        default_text="train all epochs",
    )
    seed: int = option(0, "Seed of the split, the initial weights and the batches.", group=TRAINING, least=0)
    deterministic: bool = option(False, "Give the same bits with any number of threads.", group=TRAINING)
    save: Path | None = option(None, "Save the network here, for pellucid predict.", group=FILES)
    run: Path | None = option(None, "Write settings, versions, epochs and scores here, as JSON.", group=FILES)
    checkpoint: Path | None = option(
        None, "Write a checkpoint here after each epoch; --resume continues from it.", group=FILES
    )
    every: int | None = option(
        None,
        "Write the checkpoint every N steps.",
        group=FILES,
        metavar="STEPS",
        least=1,
        default_text="after each epoch",
    )
    resume: bool = option(
        False,
        "Continue from the checkpoint, with the same flags, to the same bits as an uninterrupted run. "
        "Start from the beginning if there is no checkpoint yet.",
        group=FILES,
    )

    @property
    def activations(self) -> tuple[str, ...]:
        """The activation of each hidden layer."""
        return self.activation * len(self.hidden) if len(self.activation) == 1 else self.activation

    @property
    def rate(self) -> float:
        """The learning rate, by default that of the optimizer."""
        return LEARNING_RATES[self.optimizer] if self.learning_rate is None else self.learning_rate

    def made_of(self) -> dict[str, Any]:
        """Return the settings that affect results, as JSON values: all except `PLACES`.

        Examples
        --------
        >>> TrainSettings(save=Path("net")).made_of() == TrainSettings().made_of()
        True
        """
        values = {name: value for name, value in self.to_json().items() if name not in PLACES}
        parsed: dict[str, Any] = json.loads(json.dumps(values))
        return parsed

    def to_json(self) -> dict[str, Any]:
        """Return all settings as JSON values, with the learning rate in use."""
        values = {**asdict(self), "learning_rate": self.rate}
        return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def check(settings: TrainSettings) -> None:
    """Check that the settings fit together.

    Raises
    ------
    ValueError
        If settings contradict each other; the message names the flags.

    Examples
    --------
    >>> check(TrainSettings(source="digits", momentum=0.9))
    Traceback (most recent call last):
    ...
    ValueError: --momentum 0.9 belongs to --optimizer sgd, got --optimizer adam
    """
    if not settings.source:
        raise ValueError("name what to train on: pellucid train digits, or pellucid train table.csv")
    if len(settings.activation) not in (1, len(settings.hidden)):
        raise ValueError(
            f"--activation must be given once, or once for each of the {len(settings.hidden)} hidden layers, "
            f"got {len(settings.activation)}"
        )
    if settings.momentum and settings.optimizer != "sgd":
        raise ValueError(
            f"--momentum {settings.momentum} belongs to --optimizer sgd, got --optimizer {settings.optimizer}"
        )
    if settings.nesterov and not settings.momentum:
        raise ValueError("--nesterov needs a momentum: add --optimizer sgd --momentum 0.9")
    if settings.patience and not settings.validation:
        raise ValueError(
            "--patience watches the validation rows, and --validation is 0: try --validation 0.1"
        )
    if settings.checkpoint is None and (settings.resume or settings.every):
        named = "--resume" if settings.resume else f"--every {settings.every}"
        raise ValueError(f"{named} needs a checkpoint: name its file with --checkpoint")
    _check_files(settings)


def _check_files(settings: TrainSettings) -> None:
    """Raise if two flags name the same file."""
    named: dict[Path, str] = {}
    for name in ("save", "run", "checkpoint"):
        path = getattr(settings, name)
        if path is not None and path in named:
            raise ValueError(f"{named[path]} and {flag(name)} both name {path}: give each its own file")
        named[path] = flag(name)


#: The allowed values of each setting that has a fixed list of them.
CHOICES = {name: about.choices for name, about in declarations(TrainSettings).items() if about.choices}
