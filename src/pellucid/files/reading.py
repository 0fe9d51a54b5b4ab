"""What every reader of a file that may come from anywhere needs: regular files and strict JSON.

>>> parse_json('{"a": [1, 2.5]}')
{'a': [1, 2.5]}
"""

import errno
import json
import os
import re
import stat
import sys
from io import BufferedReader
from os import PathLike
from typing import Any, NoReturn

from pellucid.wording import brief

#: How JSON may write half of a UTF-16 pair, which alone is no character.
HALF = re.compile(r"\\u[dD][89a-fA-F]")
#: The longest JSON file that is read; the ledger of all reports takes a third.
MAX_JSON = 2_000_000
#: How much more than twice its length JSON may take in memory as values.
MAX_VALUES_BYTES = 6_500_000
#: What CPython takes at most for a mark that begins a value, and beside that for a name.
VALUE_BYTES, NAME_BYTES = 64, 128


def open_regular(path: str | PathLike[str]) -> BufferedReader:
    """Open a file to read its bytes, unless it is a folder, a pipe or a device: those may never end.

    Raises
    ------
    OSError
        If there is no such file, or it is not a regular one.

    Examples
    --------
    >>> open_regular("missing.csv")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'missing.csv'
    """
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 - whoever asked closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file, so it is not read: name another", str(path))
    return file


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_json(path: str | PathLike[str]) -> Any:
    """Return what a file of strict JSON says.

    Raises
    ------
    OSError
        If there is no such file, or it is not a regular one.
    ValueError
        If it is too long, or `parse_json` does not take it.

    Examples
    --------
    >>> read_json("missing.json")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] No such file or directory: 'missing.json'
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_JSON:
            raise ValueError(f"{size:,} bytes of JSON, at most {MAX_JSON:,} are read")
        text = file.read(MAX_JSON).decode()
    return parse_json(text)


def check_json_size(text: str) -> None:
    """Raise `ValueError` if JSON is too long, or its values would take much more memory than twice that.

    Writers ask too: so nothing is written that would not be read. Marks within texts count as well: honest
    files stay far below the limit.

    Examples
    --------
    >>> check_json_size("[" + "{}," * 100_000 + "{}]")
    Traceback (most recent call last):
    ...
    ValueError: 200,002 values in JSON may take 12,800,128 bytes of memory, at most 6,500,000 are allowed
    """
    if len(text) > MAX_JSON or len(text.encode(errors="surrogatepass")) > MAX_JSON:
        raise ValueError(f"JSON of more than {MAX_JSON:,} bytes, which is not read")
    n_names = text.count(":")
    n_values = n_names + sum(map(text.count, ",[{"))
    wide = sys.getsizeof(text) - sys.getsizeof("") - len(text)  # of text that is not ASCII, and of its pieces
    width = 4 if HALF.search(text) else 2 if "\\u" in text else 1
    needed = 2 * wide + (width - 1) * len(text) + n_values * VALUE_BYTES + n_names * NAME_BYTES
    if needed > MAX_VALUES_BYTES:
        raise ValueError(
            f"{n_values:,} values in JSON may take {needed:,} bytes of memory, at most {MAX_VALUES_BYTES:,} "
            "are allowed"
        )


def parse_json(text: str) -> Any:
    """Return what strict JSON says: no name twice, no NaN, no half characters, nesting and values bounded.

    Raises
    ------
    ValueError
        The message says what is wrong, in one line.

    Examples
    --------
    >>> parse_json('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ...
    ValueError: 'a' stands twice in an object
    """
    check_json_size(text)
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
        if HALF.search(text):
            for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):
                part.encode()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise ValueError(f"{error.object[error.start]!a} alone is no character") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"{brief(twice)} stands twice in an object")
    return values


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number in JSON")
