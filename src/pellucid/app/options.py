"""How an option is declared: its default, limits and help text stand with its field in a dataclass.

The command line makes flags from these fields, and config files take them as keys.

>>> @dataclass(frozen=True)
... class Walk(Options):
...     miles: int = option(3, "Length of the walk.", least=1)
>>> Walk().miles
3
>>> Walk(0)
Traceback (most recent call last):
...
ValueError: --miles must be at least 1, got 0
"""

from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from math import inf
from typing import Any, NamedTuple

from pellucid.wording import brief, plain

NETWORK, TRAINING, ROWS, IMAGES, FILES = "Network", "Training", "Rows", "Images", "Files"
#: The groups of options on a help page, in their order; "" stands for options without a group.
GROUPS = ("", NETWORK, TRAINING, ROWS, IMAGES, FILES)
REQUIRED = MISSING


class Range:
    """Numbers from `low` up to, but not including, `high`; `is_open` leaves out `low` too."""

    def __init__(self, low: float, high: float = inf, *, is_open: bool = False) -> None:
        self.low, self.high, self.is_open = low, high, is_open

    def __contains__(self, number: float) -> bool:
        return self.low <= number < self.high and not (self.is_open and number == self.low)

    def __str__(self) -> str:
        high = f" and < {self.high:g}" if self.high < inf else " and finite"
        return f"{'>' if self.is_open else '>='} {self.low:g}{high}"


SHARE, NOT_NEGATIVE, POSITIVE = Range(0, 1), Range(0), Range(0, is_open=True)


class Declaration(NamedTuple):
    """What is known of an option beside its name, type and default."""

    help: str
    group: str = ""  #: One of `GROUPS`.
    metavar: str = ""  #: Stands for the value on the help page; "": chosen by type.
    default_text: str = ""  #: Stands for the default on the help page; "": the default itself.
    choices: tuple[str, ...] = ()  #: All allowed words; (): any.
    least: int | None = None  #: The least whole number.
    range: Range | None = None
    path: str = ""  #: "file" or "folder" for a path that must not be the other; "": either.
    is_argument: bool = False  #: Whether it is given by position, without a flag.
    has_negative: bool = True  #: Whether a switch can also be turned off by ``--no-NAME``.

    def check(self, name: str, value: Any) -> None:
        """Raise unless each value of the option lies within its limits."""
        for each in value if isinstance(value, tuple) else () if value is None else (value,):
            if self.choices and each not in self.choices:
                words, hint = ", ".join(self.choices), nearest(each, self.choices)
                raise ValueError(f"{flag(name)} must be one of {words}, got {brief(each)}{hint}")
            if self.least is not None and each < self.least:
                raise ValueError(f"{flag(name)} must be at least {self.least}, got {each}")
            if self.range is not None and each not in self.range:
                raise ValueError(f"{flag(name)} must be {self.range}, got {each}")

    def limits(self) -> str:
        """Return the limits of a number in words, or ""."""
        if self.least is not None:
            return f"at least {self.least}"
        return "" if self.range is None else str(self.range).removesuffix(" and finite")


def option(default: Any, help: str, **about: Any) -> Any:
    """Return the field of an option; see `Declaration` for what can be said about it."""
    return field(default=default, metadata={"option": Declaration(help, **about)})


def declarations(options: Any) -> dict[str, Declaration]:
    """Return what is declared of each option of a dataclass, or of an instance of it."""
    return {each.name: each.metadata["option"] for each in fields(options)}


@dataclass(frozen=True)
class Options:
    """Base of the options of a command: each value is checked against its limits."""

    def __post_init__(self) -> None:
        for name, declared in declarations(self).items():
            declared.check(name, getattr(self, name))


def flag(name: str) -> str:
    """Return how an option is written on the command line.

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


def listed(names: Sequence[str], most: int = 10) -> str:
    """Return the first names and, if there are more, how many there are in all."""
    rest = f", ... ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(map(plain, names[:most])) + rest
