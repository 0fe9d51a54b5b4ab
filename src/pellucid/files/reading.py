"""Read untrusted files: only regular files, strict JSON, short error messages.

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

#: An escape in JSON for half of a UTF-16 surrogate pair, which may lack its other half.
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
#: The longest JSON file that is read, in bytes; the ledger of all reports takes a third of that.
MAX_JSON = 2_000_000
#: The most memory that parsed JSON may take beyond twice its length.
MAX_VALUES_BYTES = 6_500_000
#: The most memory that CPython uses for a value, and for a name.
VALUE_BYTES, NAME_BYTES = 64, 128


def open_regular(path: str | PathLike[str]) -> BufferedReader:
    """Open a regular file to read its bytes; reject folders, pipes and devices, which may never end."""
    file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file: name another", str(path))
    return file


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_json(path: str | PathLike[str]) -> Any:
    """Return the value in a file of strict JSON; raise `ValueError` if it is too long or not strict."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_JSON:
            raise ValueError(f"{size:,} bytes of JSON, the limit is {MAX_JSON:,}")
        text = file.read(MAX_JSON).decode()
    return parse_json(text)


def check_json_size(text: str) -> None:
    """Raise `ValueError` if JSON is too long, or its values would take too much memory.

    Writers call this too, so that every file written can be read again. Punctuation inside strings is counted
    as values too; even so, files that pellucid writes stay far below the limit.
    """
    if len(text) > MAX_JSON or len(text.encode(errors="surrogatepass")) > MAX_JSON:
        raise ValueError(f"JSON of more than {MAX_JSON:,} bytes, which is the limit")
    n_names = text.count(":")
    n_values = n_names + sum(map(text.count, ",[{"))
    wide = sys.getsizeof(text) - sys.getsizeof("") - len(text)  # extra bytes if the text is not ASCII
    width = 4 if SURROGATE.search(text) else 2 if "\\u" in text else 1
    needed = 2 * wide + (width - 1) * len(text) + n_values * VALUE_BYTES + n_names * NAME_BYTES
    if needed > MAX_VALUES_BYTES:
        raise ValueError(
            f"{n_values:,} values in JSON may take {needed:,} bytes of memory, the limit is "
            f"{MAX_VALUES_BYTES:,}"
        )


def parse_json(text: str) -> Any:
    """Parse strict JSON: no duplicate names, NaN or lone surrogates, and limited nesting and size."""
    check_json_size(text)
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
        if SURROGATE.search(text):
            for part in json.JSONEncoder(ensure_ascii=False).iterencode(value):
                part.encode()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except UnicodeEncodeError as error:
        raise ValueError(f"{error.object[error.start]!a} is a lone surrogate, not a character") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"{brief(twice)} appears twice in an object")
    return values


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number in JSON")
