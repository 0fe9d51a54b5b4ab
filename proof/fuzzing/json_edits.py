"""Damage to JSON that leaves it valid: other values and types, keys removed or renamed."""

import json
from copy import deepcopy
from random import Random
from typing import Any

#: Most bytes of a file.
MAX_BYTES = 1 << 16
#: Values that readers must not trust.
HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 2, -1, 0.5, 2.0, -1e308, 1e308, 1e-320, float("nan"), float("inf")),
    *(10**6, 10**12, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, 10**400, -(10**400)),
    *("", "a", "a\nb", "\ud800", "\0", "é", "x" * 3000, "1", "NaN", [], {}, [[]], [0], [1, 2], [0] * 500),
    *("F32", "F64", "BF16", "BOOL", "Dense", "Dropout", "Rescale", "ReLU", "Softmax", "float32", "f4,,", "O"),
    *(
        [1] * 65,
        [0, 2**62, 2**62],
        [2**62] * 70,
        {"a": 1},
        {"layer": "ReLU"},
        {"layer": "Dense", "n_out": 10**12},
    ),
)


def edit_json(value: Any, rng: Random) -> Any:
    """Return a copy of a JSON value with one to three changes."""
    edited = deepcopy(value)
    for _ in range(rng.choice((1, 1, 2, 3))):
        edited = _edit_once(edited, rng)
    return edited


def edit_json_file(content: bytes, rng: Random) -> bytes:
    """Return a JSON file with changes; other files stay as they are."""
    try:
        edited = json.dumps(edit_json(json.loads(content), rng)).encode()
    except (ValueError, RecursionError):
        return content
    return edited if len(edited) <= MAX_BYTES else content


def _edit_once(value: Any, rng: Random) -> Any:
    """Change one random place, which may be the whole value."""
    places = [(holder, key) for holder in _holders(value) for key in _keys(holder)]
    if not places or rng.random() < 0.02:
        return deepcopy(rng.choice(HOSTILE))
    holder, key = rng.choice(places)
    match rng.randrange(6):
        case 0:
            del holder[key]
        case 1:
            # Three repeats of a long value a hundred times would fill the memory.
            is_short = len(json.dumps(holder[key])) < 100
            holder[key] = [holder[key]] * rng.choice((1, 2, 100 if is_short else 3))
        case 2:
            other, its = rng.choice(places)
            holder[key], other[its] = other[its], holder[key]
            if _is_circular(value):
                return deepcopy(rng.choice(HOSTILE))
        case 3 if isinstance(holder, dict):
            holder[rng.choice((*holder, "", "a\nb", "\ud800", "__metadata__", "x" * 3000))] = holder.pop(key)
        case _:
            holder[key] = deepcopy(rng.choice(HOSTILE))
    return value


def _holders(value: Any) -> list[Any]:
    """Return all objects and lists in a value."""
    if not isinstance(value, dict | list):
        return []
    inside = value.values() if isinstance(value, dict) else value
    return [value, *(holder for each in inside for holder in _holders(each))]


def _keys(holder: Any) -> list[Any]:
    return list(holder) if isinstance(holder, dict) else list(range(len(holder)))


def _is_circular(value: Any) -> bool:
    """Return whether a value contains itself, after the exchange of two places."""
    try:
        json.dumps(value)
    except (ValueError, RecursionError):
        return True
    return False
