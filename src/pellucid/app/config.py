"""Settings from four places, each overriding the one before: defaults, recipe, TOML file, flags.

>>> merge(None, {"source": "digits", "epochs": 5}).epochs
5
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args, get_origin

from pellucid.app.options import flag, nearest
from pellucid.app.settings import RECIPES, TrainSettings, check
from pellucid.wording import brief, plain

#: The type of each setting: int, tuple[str, ...], Path | None ...
KINDS: dict[str, Any] = {field.name: field.type for field in fields(TrainSettings)}
WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false", Path: "a path as text"}
#: Ample for one line per setting. For nested lists, the parser needs up to 130 times the size of the file.
MAX_BYTES = 1 << 15
#: Most dots in a line: parsing a dotted key of n parts takes O(n²) time. The names of settings have no dots.
MAX_DOTS = 200
USUAL = TrainSettings()


def merge(config: Path | None, flags: Mapping[str, Any], *, usual: TrainSettings = USUAL) -> TrainSettings:
    """Return checked settings: flags override the file, which overrides the recipe and the defaults.

    The file is TOML; its keys are the names of the flags, with ``-`` or ``_``. If a value in the file is
    wrong, the error message names the file.

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
    from_file = {} if config is None else _read_settings(config)
    recipe = _with(_with(usual, from_file), flags).recipe
    settings = usual if recipe is None else replace(usual, **RECIPES[recipe])
    settings = _with(_with(settings, from_file), flags)
    check(settings)
    return settings


def _read_settings(config: Path) -> dict[str, Any]:
    """Return the settings in a file, each checked on its own; error messages name the file."""
    try:
        settings = _by_name(read_toml(config))
        _with(TrainSettings(), settings)
    except ValueError as error:
        raise ValueError(f"{config}: {error}") from error
    return settings


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file; for a syntax error, the message gives the position."""
    import tomllib

    if not path.is_file():
        raise ValueError("there is no such file: name a TOML file of settings with --config")
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
    """Return the values keyed by field name; raise for unknown or repeated settings."""
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in KINDS:
            known = tuple(each.replace("_", "-") for each in KINDS)
            hint = nearest(key.replace("_", "-"), known) or f", expected one of {', '.join(known)}"
            raise ValueError(f"there is no setting {brief(key)}{hint}")
        if name in named:
            raise ValueError(f"{brief(key)} is given twice, once with - and once with _: keep one")
        named[name] = value
    return named


def _with(settings: TrainSettings, values: Mapping[str, Any]) -> TrainSettings:
    return replace(settings, **{name: as_kind(name, value, KINDS[name]) for name, value in values.items()})


def as_kind(name: str, value: Any, kind: Any) -> Any:
    """Return a value converted to the type of a setting; text is not parsed, and fractions are not rounded.

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
    kind = (get_args(kind) or (kind,))[0]  # X | None becomes X
    accepted = {float: (int, float), Path: (str, Path)}.get(kind, (kind,))
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{flag(name)} must be {WORDS[kind]}, got {brief(value)}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{flag(name)} must be a number of 64 bits, got one of {value.bit_length():,}")
    return kind(value)
