"""Words for messages: counts with their nouns, and values that fit on one line."""


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless n is 1.

    Examples
    --------
    >>> counted(1, "step"), counted(1000, "step"), counted(2, "class")
    ('1 step', '1,000 steps', '2 classes')
    """
    ending = "" if n == 1 else "es" if noun.endswith(("s", "ch")) else "s"
    return f"{n:,} {noun}{ending}"


def plain(name: str, length: int = 60) -> str:
    r"""Return a name unchanged if it is short and printable, else its `brief` form.

    Examples
    --------
    >>> plain("width"), plain("wid\nth")
    ('width', "'wid\\nth'")
    """
    return name if name.isprintable() and len(name) <= length else brief(name, length)


def brief(value: object, length: int = 60) -> str:
    r"""Return the repr of a value, cut after `length` characters: always one line.

    Examples
    --------
    >>> brief("a\nb"), brief("x" * 1000, 10)
    ("'a\\nb'", "'xxxxxxxxx...")
    """
    text = repr(value)
    return text if len(text) <= length else text[:length] + "..."
