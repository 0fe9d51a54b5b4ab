"""How this package looks up what stands for an object of the other library.

>>> counterpart({int: "a whole number"}, 3)
'a whole number'
"""

from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def counterpart(table: Mapping[type[Any], T], ours: object) -> T:
    """Look up the counterpart by exact type: a subclass may do anything.

    Raises
    ------
    TypeError
        If there is none.

    Examples
    --------
    >>> counterpart({int: "a whole number"}, True)
    Traceback (most recent call last):
    ...
    TypeError: bool has no counterpart in PyTorch: True
    """
    if type(ours) not in table:
        raise TypeError(f"{type(ours).__name__} has no counterpart in PyTorch: {ours!r}")
    return table[type(ours)]
