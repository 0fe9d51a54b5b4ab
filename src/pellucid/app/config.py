"""Settings from four places: the defaults, over them a recipe, a TOML file, and flags over all.

>>> merge(None, {"source": "digits", "epochs": 5}).epochs
5
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args, get_origin

from pellucid.app.recipes import RECIPES
from pellucid.app.settings import TrainSettings, check, flag, nearest
from pellucid.wording import brief, plain

#: The kind of value of each setting: int, tuple[str, ...], Path | None ...
KINDS: dict[str, Any] = {field.name: field.type for field in fields(TrainSettings)}
WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false", Path: "a path as text"}
#: A setting takes a line; nested lists take 130 times their length while they are read.
MAX_BYTES = 1 << 15
#: In a line: to read a key of n parts takes n² steps, and settings have one part.
MAX_DOTS = 200
USUAL = TrainSettings()


def merge(config: Path | None, flags: Mapping[str, Any], *, usual: TrainSettings = USUAL) -> TrainSettings:
    """Return the defaults with what the recipe says, over that the file, and over that the flags, checked.

    Parameters
    ----------
    config : Path or None
        A TOML file whose keys are the names of the flags, with ``-`` or ``_``.
    flags : mapping of str to value
        What was given on the command line.
    usual : TrainSettings
        The defaults.

    Raises
    ------
    ValueError
        A key that is no setting, a value of the wrong kind or beyond its limits; the message names the file
        where that is where it stands.

    Examples
    --------
    >>> settings = merge(None, {"source": "mnist", "recipe": "fast", "epochs": 2})
    >>> settings.hidden, settings.epochs
    ((224,), 2)
    >>> merge(None, {"source": "digits", "epochs": 0})
    Traceback (most recent call last):
    ...
    ValueError: --epochs must be at least 1, got 0
    """
    told = {} if config is None else _told(config)
    recipe = _with(_with(usual, told), flags).recipe
    settings = usual if recipe is None else replace(usual, **RECIPES[recipe])
    settings = _with(_with(settings, told), flags)
    check(settings)
    return settings


def _told(config: Path) -> dict[str, Any]:
    """Return what a file says, each value checked by itself; a mistake names the file."""
    try:
        told = _by_name(read_toml(config))
        _with(TrainSettings(), told)
    except ValueError as error:
        raise ValueError(f"{config}: {error}") from error
    return told


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds.

    Raises
    ------
    ValueError
        If it is not TOML; the message says where.
    """
    import tomllib

    if not path.is_file():
        raise ValueError("there is no such file: name a TOML file of settings by --config")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"a config file has at most {MAX_BYTES:,} bytes, this one has more")
    try:
        text = content.decode()
        _check_dots(text)
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a TOML file: {plain(str(error), 200)}") from error


def _check_dots(text: str) -> None:
    for number, line in enumerate(text.splitlines(), 1):
        if line.count(".") > MAX_DOTS:
            raise ValueError(f"line {number} has {line.count('.'):,} dots, at most {MAX_DOTS} are read")


def _by_name(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under the settings' own names."""
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in KINDS:
            known = tuple(each.replace("_", "-") for each in KINDS)
            hint = nearest(key.replace("_", "-"), known) or f", expected one of {', '.join(known)}"
            raise ValueError(f"there is no setting {brief(key)}{hint}")
        if name in named:
            raise ValueError(f"{brief(key)} stands there twice, once with - and once with _: keep one")
        named[name] = value
    return named


def _with(settings: TrainSettings, values: Mapping[str, Any]) -> TrainSettings:
    return replace(settings, **{name: as_kind(name, value, KINDS[name]) for name, value in values.items()})


def as_kind(name: str, value: Any, kind: Any) -> Any:
    """Return a value as the kind that a setting has, or raise.

    Raises
    ------
    ValueError
        If it is of another kind: no text becomes a number, and no number is cut to a whole one.

    Examples
    --------
    >>> as_kind("hidden", 50, tuple[int, ...]), as_kind("dropout", 0, float)
    ((50,), 0.0)
    >>> as_kind("epochs", "5", int)
    Traceback (most recent call last):
    ...
    ValueError: --epochs must be a whole number, got '5'
    """
    if get_origin(kind) is tuple:
        values = value if isinstance(value, list | tuple) else [value]
        return tuple(as_kind(name, each, get_args(kind)[0]) for each in values)
    kind = (get_args(kind) or (kind,))[0]  # of X | None, X
    accepted = {float: (int, float), Path: (str, Path)}.get(kind, (kind,))
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{flag(name)} must be {WORDS[kind]}, got {brief(value)}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{flag(name)} must be a number of 64 bits, got one of {value.bit_length():,}")
    return kind(value)
