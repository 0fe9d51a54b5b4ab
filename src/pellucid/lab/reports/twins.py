"""What reports say of a figure that was also measured in PyTorch, on the same seeds."""

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from statistics import fmean

from pellucid.lab.ledger import Row


def with_twin(row: Row, ours: Mapping[int, float], twins: Mapping[int, float]) -> Row:
    """Return the row that says of which seeds PyTorch's figure is, and ours of the same; or how to get it.

    Parameters
    ----------
    row : Row
        With PyTorch's mean in `torch`.
    ours, twins : mapping of int to float
        The figure by seed: all seeds of ours, those that were run in PyTorch.

    Examples
    --------
    >>> row = Row("D", "as intended", None, "accuracy", "%", None, torch=91.5, why="Measured only.")
    >>> with_twin(row, {0: 91.0, 1: 92.0}, {0: 91.5}).why
    'Measured only. PyTorch on seed 0: 91.5000, ours there 91.0000.'
    """
    if row.torch is None:
        missing = find_spec("torch") is None
        note = "not installed: pip install 'pellucid[compare]' adds it" if missing else "not run yet"
        return replace(row, why=f"{row.why} PyTorch: {note}.")
    which = f"seed{'s' if len(twins) > 1 else ''} {', '.join(map(str, twins))}"
    there = [value for seed, value in ours.items() if seed in twins]
    mean = f"{fmean(there):.4f}" if there else "not run yet"
    return replace(row, why=f"{row.why} PyTorch on {which}: {row.torch:.4f}, ours there {mean}.")
