"""Where data files may lie on this machine: the user's folder, then the cache, under which names."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

FOLDER_VARIABLE = "PELLUCID_DATA"
CACHE_VARIABLE = "PELLUCID_CACHE"


def cache_folder() -> Path:
    """Return the folder in which fetched files are kept: ``$PELLUCID_CACHE``, else ``~/.cache/pellucid``.

    Examples
    --------
    >>> path = cache_folder()  # such as PosixPath('/home/ada/.cache/pellucid')
    """
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pellucid"


def named_folder(folder: str | Path | None) -> Path | None:
    """Return the folder of the environment variable, unless the caller names one or there is none."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).expanduser() if named and folder is None else None


def candidates(folder: Path, subfolders: Sequence[str], names: Sequence[str]) -> Iterator[Path]:
    """Yield the existing files of these names: a subfolder of the set's own goes before the folder itself."""
    for place in (*(folder / sub for sub in subfolders), folder):
        for name in names:
            yield from (path for path in spellings(place, name) if path.is_file())


def spellings(folder: Path, name: str) -> Iterator[Path]:
    """Yield the paths `name` may have in `folder`: some copies write ``train-images.idx3-ubyte``."""
    for spelling in dict.fromkeys((name, name.replace("-idx", ".idx"))):
        yield folder / spelling
        yield folder / f"{spelling}.gz"
