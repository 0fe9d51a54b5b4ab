"""What a user can choose for a training, with every default and every limit in one place.

The names are those of the flags and of the keys of a config file: ``learning_rate`` is ``--learning-rate``.

>>> TrainSettings(source="digits", epochs=3).epochs
3
>>> TrainSettings(source="digits", optimizer="adm")
Traceback (most recent call last):
...
ValueError: --optimizer must be one of sgd, adam, got 'adm': did you mean adam?
"""

import json
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Any

from pellucid.app.recipes import RECIPES
from pellucid.wording import brief, plain

FAMILIES = ("he", "kaiming", "glorot", "xavier", "lecun")
INITIALIZERS = (*(f"{name}-{kind}" for name in FAMILIES for kind in ("normal", "uniform")), "zeros")
#: What may stand for each setting that is a word.
CHOICES = {
    "activation": ("relu", "tanh", "sigmoid", "leaky-relu"),
    "init": INITIALIZERS,
    "loss": ("softmax-cross-entropy", "sigmoid-cross-entropy", "mean-squared-error"),
    "optimizer": ("sgd", "adam"),
    "schedule": ("constant", "step-decay", "cosine", "one-cycle"),
    "recipe": tuple(RECIPES),
}
#: The least whole number.
LEAST = {"components": 0, "hidden": 1, "epochs": 1, "batch_size": 0, "patience": 1, "seed": 0, "every": 1}
#: Numbers from the first (left out where the last is True) up to, and without, the second.
RANGES = {
    "test": (0.0, 1.0, False),
    "validation": (0.0, 1.0, False),
    "dropout": (0.0, 1.0, False),
    "label_smoothing": (0.0, 1.0, False),
    "momentum": (0.0, 1.0, False),
    "learning_rate": (0.0, inf, True),
    "weight_decay": (0.0, inf, False),
}
#: What says where files lie, and when, and changes no number.
PLACES = ("save", "run", "checkpoint", "every", "resume", "folder")
#: The learning rate of each optimizer where none is given.
LEARNING_RATES = {"sgd": 0.1, "adam": 0.001}


@dataclass(frozen=True)
class TrainSettings:
    """All settings of a training, checked one by one; `check` looks at them together.

    Attributes
    ----------
    source : str
        A data set's name or the path of a CSV file.
    recipe : str or None
        Of whose settings these were made, for the record; see `pellucid.app.config.merge`.
    label : str or None
        The column that holds the classes; None: ``label``.
    test, validation : float
        Share of a CSV file's rows for the final score; share of the training rows held out.
    subtract_mean : bool
        Of each pixel, over the training rows; columns of a table come to mean 0 in any case.
    components : int
        Learn from so many principal components of the training rows, less their mean, or from all that there
        are; 0: from the features themselves.
    hidden : tuple of int
    activation : tuple of str
        One for all hidden layers, or one for each.
    init, loss, optimizer, schedule : str
    dropout, momentum, weight_decay : float
    label_smoothing : float
        The share of each label that is spread over all classes.
    learning_rate : float or None
        None: the optimizer's usual one, `rate`.
    nesterov : bool
    epochs, batch_size, seed : int
        A batch size of 0 stands for all rows at once.
    patience : int or None
    deterministic : bool
        The same bits whatever the number of threads.
    every : int or None
        Steps between checkpoints; None: one after each epoch.
    resume : bool
        Go on from the checkpoint.
    save, run, checkpoint, folder : Path or None

    Examples
    --------
    >>> TrainSettings(hidden=(50, 20)).activations
    ('relu', 'relu')
    """

    source: str = ""
    recipe: str | None = None
    label: str | None = None
    test: float = 0.2
    validation: float = 0.1
    folder: Path | None = None
    subtract_mean: bool = False
    components: int = 0
    hidden: tuple[int, ...] = (100,)
    activation: tuple[str, ...] = ("relu",)
    init: str = "he-normal"
    dropout: float = 0.0
    loss: str = "softmax-cross-entropy"
    label_smoothing: float = 0.0
    optimizer: str = "adam"
    learning_rate: float | None = None
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: str = "constant"
    epochs: int = 20
    batch_size: int = 32
    patience: int | None = None
    seed: int = 0
    deterministic: bool = False
    save: Path | None = None
    run: Path | None = None
    checkpoint: Path | None = None
    every: int | None = None
    resume: bool = False

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            for word in _each(getattr(self, name)):
                _check_word(name, word, allowed)
        for name, least in LEAST.items():
            for number in _each(getattr(self, name)):
                if number < least:
                    raise ValueError(f"{flag(name)} must be at least {least}, got {number}")
        for name in RANGES:
            for number in _each(getattr(self, name)):
                _check_range(name, number)

    @property
    def activations(self) -> tuple[str, ...]:
        """The activation of each hidden layer."""
        return self.activation * len(self.hidden) if len(self.activation) == 1 else self.activation

    @property
    def rate(self) -> float:
        """The learning rate: the one given, or else the optimizer's usual one."""
        return LEARNING_RATES[self.optimizer] if self.learning_rate is None else self.learning_rate

    def made_of(self) -> dict[str, Any]:
        """Return as JSON values the settings that have a part in the numbers: all but places of files.

        Examples
        --------
        >>> TrainSettings(save=Path("net")).made_of() == TrainSettings().made_of()
        True
        """
        values = {name: value for name, value in self.to_json().items() if name not in PLACES}
        plain: dict[str, Any] = json.loads(json.dumps(values))
        return plain

    def to_json(self) -> dict[str, Any]:
        """Return the settings in full as JSON values, the learning rate as it is used."""
        values = {**asdict(self), "learning_rate": self.rate}
        return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def check(settings: TrainSettings) -> None:
    """Raise where settings that are right one by one do not go together.

    Raises
    ------
    ValueError
        It names the flags.

    Examples
    --------
    >>> check(TrainSettings(source="digits", momentum=0.9))
    Traceback (most recent call last):
    ...
    ValueError: --momentum 0.9 belongs to --optimizer sgd, got --optimizer adam
    """
    if not settings.source:
        raise ValueError("name what to learn from: pellucid train digits, or pellucid train table.csv")
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
        raise ValueError(f"{named} belongs to a checkpoint: name its file by --checkpoint")
    _check_files(settings)


def _check_files(settings: TrainSettings) -> None:
    """Raise where two flags name one file."""
    named: dict[Path, str] = {}
    for name in ("save", "run", "checkpoint"):
        path = getattr(settings, name)
        if path is not None and path in named:
            raise ValueError(f"{named[path]} and {flag(name)} both name {path}: give each a file of its own")
        named[path] = flag(name)


def flag(name: str) -> str:
    """Return how a setting is written on the command line.

    Examples
    --------
    >>> flag("learning_rate")
    '--learning-rate'
    """
    return "--" + name.replace("_", "-")


def nearest(word: str, allowed: tuple[str, ...]) -> str:
    """Return ``: did you mean ...?``, or nothing where no allowed word is near.

    Examples
    --------
    >>> nearest("tahn", ("relu", "tanh"))
    ': did you mean tanh?'
    """
    found = get_close_matches(word, allowed, n=2)
    return f": did you mean {' or '.join(map(plain, found))}?" if found else ""


def _each(value: Any) -> tuple[Any, ...]:
    """Return the values of a setting that may have none or several."""
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _check_word(name: str, word: str, allowed: tuple[str, ...]) -> None:
    if word not in allowed:
        raise ValueError(
            f"{flag(name)} must be one of {', '.join(allowed)}, got {brief(word)}{nearest(word, allowed)}"
        )


def _check_range(name: str, number: float) -> None:
    low, high, is_open = RANGES[name]
    if not low <= number < high or (is_open and number == low):
        limits = f"{'>' if is_open else '>='} {low:g}" + (f" and < {high:g}" if high < inf else " and finite")
        raise ValueError(f"{flag(name)} must be {limits}, got {number}")
