"""The file `ledger.json`: strict JSON, written whole or not at all."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pellucid.files.reading import check_json_size, read_json
from pellucid.files.whole import write_whole


def write_ledger(path: Path | str, ledger: Mapping[str, Any]) -> None:
    """Write the ledger as strict JSON, whole or not at all.

    Raises
    ------
    ValueError
        If two rows have the same report, variant, reading and figure, or if a number is not finite.
    """
    names = Counter((r["report"], r["variant"], r["reading"], r["figure"]) for r in ledger["rows"])
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise ValueError(
            f"rows must be unique in (report, variant, reading, figure), got more than one {twice[0]}"
        )
    _check_finite(ledger, "ledger")
    write_whole(path, [strict_json(ledger)])


def strict_json(content: Mapping[str, Any]) -> bytes:
    r"""Return a file of strict JSON that `read_json` reads.

    Raises
    ------
    ValueError
        If a number is not finite, or the text longer than what is read.

    Examples
    --------
    >>> strict_json({"seeds": 3})
    b'{\n "seeds": 3\n}\n'
    """
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    check_json_size(text)
    return text.encode() + b"\n"


def read_ledger(path: Path | str) -> dict[str, Any]:
    """Read a ledger; NaN and Infinity, which are not JSON, are refused."""
    try:
        ledger = read_json(path)
    except ValueError as error:
        raise ValueError(f"{path} is not a ledger: {error}: run the report again") from error
    if not isinstance(ledger, dict) or not isinstance(ledger.get("rows"), list):
        raise ValueError(f"{path} is not a ledger: it must be an object with a list of rows; write it anew")
    return ledger


def _check_finite(value: object, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} must be finite, got {value}: use null for what was not measured")
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_finite(item, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_finite(item, f"{where}[{index}]")
