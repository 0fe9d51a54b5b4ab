"""Places for files that will be written: learn before the work, not after it, that one cannot be."""

import os
from pathlib import Path

from pellucid.training.checkpoint import Checkpoint


def check_place(flag: str, path: Path | None) -> None:
    """Raise unless a file can be written at `path`, which a flag has named; None is always right.

    Raises
    ------
    ValueError
        It names the flag and what to do.

    Examples
    --------
    >>> check_place("--save", Path("missing/net.safetensors"))
    Traceback (most recent call last):
    ...
    ValueError: --save: there is no folder missing; make it first
    """
    if path is None:
        return
    folder = path.resolve().parent
    if not folder.is_dir():
        raise ValueError(f"{flag}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise ValueError(f"{flag}: {path} is a directory; name a file in it")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"{flag}: the folder {path.parent} cannot be written to; name another")
    if path.exists() and not path.is_file():
        raise ValueError(f"{flag}: {path} is not a regular file; name another")


def check_checkpoint(path: Path | None, *, resume: bool) -> None:
    """Raise where a checkpoint cannot be written, or is there and is not to be resumed from.

    Raises
    ------
    ValueError, OSError
        It names the flag, or the file, and what to do.

    Examples
    --------
    >>> check_checkpoint(Path("missing/a.ckpt"), resume=False)
    Traceback (most recent call last):
    ...
    ValueError: --checkpoint: there is no folder missing; make it first
    """
    check_place("--checkpoint", path)
    if path is not None:
        Checkpoint(path).check_place(resume=resume)
