"""Words for people: a number with what it counts."""


def counted(n: int, noun: str) -> str:
    """Return a number and the noun for so many, which takes an s, or es after s and ch.

    Examples
    --------
    >>> counted(1, "step"), counted(1000, "step"), counted(2, "class")
    ('1 step', '1,000 steps', '2 classes')
    """
    ending = "" if n == 1 else "es" if noun.endswith(("s", "ch")) else "s"
    return f"{n:,} {noun}{ending}"
