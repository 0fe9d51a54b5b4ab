"""Declare options as fields of a dataclass, each with its default, limits and help text.

The command line turns these fields into flags, and config files use them as keys.

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
    """The interval from `low` up to, but not including, `high`; `is_open` excludes `low` too."""

    def __init__(self, low: float, high: float = inf, *, is_open: bool = False) -> None:
        self.low, self.high, self.is_open = low, high, is_open

    def __contains__(self, number: float) -> bool:
        return self.low <= number < self.high and not (self.is_open and number == self.low)

    def __str__(self) -> str:
        high = f" and < {self.high:g}" if self.high < inf else " and finite"
        return f"{'>' if self.is_open else '>='} {self.low:g}{high}"


SHARE, NOT_NEGATIVE, POSITIVE = Range(0, 1), Range(0), Range(0, is_open=True)


class Declaration(NamedTuple):
    """Everything about an option except its name, type and default."""

    help: str
    group: str = ""  #: One of `GROUPS`.
    metavar: str = ""  #: Placeholder for the value on the help page; "": chosen by type.
    default_text: str = ""  #: Text for the default on the help page; "": the default itself.
    choices: tuple[str, ...] = ()  #: Allowed values; (): any.
    least: int | None = None  #: The smallest allowed whole number.
    range: Range | None = None
    path: str = ""  #: "file" or "folder" if an existing path must be one; "": either.
    is_argument: bool = False  #: Whether it is positional, without a flag.
    has_negative: bool = True  #: Whether a switch also has the form ``--no-NAME``.

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
    """Return a dataclass field for an option; `about` holds further fields of its `Declaration`."""
    return field(default=default, metadata={"option": Declaration(help, **about)})


def declarations(options: Any) -> dict[str, Declaration]:
    """Return the `Declaration` of each option of a dataclass, or of an instance of it."""
    return {each.name: each.metadata["option"] for each in fields(options)}


@dataclass(frozen=True)
class Options:
    """Base class for the options of a command; it checks each value against its limits."""

    def __post_init__(self) -> None:
        for name, declared in declarations(self).items():
            declared.check(name, getattr(self, name))


def flag(name: str) -> str:
    """Return an option's flag on the command line.

    Examples
    --------
    >>> flag("learning_rate")
    '--learning-rate'
    """
    return "--" + name.replace("_", "-")


def nearest(word: str, allowed: tuple[str, ...]) -> str:
    """Return ``: did you mean ...?``, or "" if no allowed word is close.

    Examples
    --------
    >>> nearest("tahn", ("relu", "tanh"))
    ': did you mean tanh?'
    """
    found = get_close_matches(word, allowed, n=2)
    return f": did you mean {' or '.join(map(plain, found))}?" if found else ""


def listed(names: Sequence[str], most: int = 10) -> str:
    """Return the first `most` names, joined by commas; if there are more, add the total."""
    rest = f", ... ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(map(plain, names[:most])) + rest
