"""From what a user names to rows: a data set or a CSV file, divided into training, validation and test rows.

Test rows choose nothing: not the epoch at which training stops, not the scale of a column.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid.app import tables
from pellucid.app.settings import TrainSettings, nearest
from pellucid.data import DataError
from pellucid.data.table import COLUMNS
from pellucid.data.unpack import open_unpacked, sha256_unpacked
from pellucid.wording import brief, counted, plain

Labels = NDArray[np.int64]
#: A class that is a number, short enough for `int`.
WHOLE = re.compile(r"-?[0-9]{1,1000}")


@dataclass(frozen=True, eq=False)
class Source:
    """Labelled rows and what they mean.

    Attributes
    ----------
    name : str
        The data set or the file.
    x : array, shape (n, n_features)
        uint8 pixels or float64 features.
    y : array of int64, shape (n,)
    test : (array, array) or None
        The test rows that a data set brings; None where they are still to be divided off.
    classes, features : tuple of str
    label : str
    image_shape : (int, int) or None
    sha256 : dict of str to str
    """

    name: str
    x: NDArray[Any]
    y: Labels
    test: tuple[NDArray[Any], Labels] | None
    classes: tuple[str, ...]
    features: tuple[str, ...]
    label: str
    image_shape: tuple[int, int] | None
    sha256: dict[str, str]


@dataclass(frozen=True, eq=False)
class Parts:
    """Row numbers of `source.x` to train on and to validate with, and the test rows themselves."""

    train: Labels
    validation: Labels
    x_test: NDArray[Any]
    y_test: Labels


def load_source(settings: TrainSettings) -> Source:
    """Return the rows of the data set or CSV file that the settings name.

    Raises
    ------
    DataError
        If there is no such data set or file, or it is damaged.

    Examples
    --------
    >>> source = load_source(TrainSettings(source="digits"))
    >>> source.x.shape, source.image_shape, source.classes[:3]
    ((1437, 64), (8, 8), ('0', '1', '2'))
    """
    if settings.source in pl.DATASETS:
        return _data_set(settings.source, settings.folder)
    path = Path(settings.source)
    if not path.is_file():
        raise DataError(
            f"{settings.source!r} is neither a data set ({', '.join(pl.DATASETS)}) nor a file"
            f"{nearest(settings.source, pl.DATASETS)}"
        )
    if settings.label in (None, "label") and _is_digit_csv(path):
        return _digit_csv(path)
    return _csv(path, settings.label)


def divide(source: Source, settings: TrainSettings, rng: np.random.Generator) -> Parts:
    """Divide the rows at random, each class in proportion.

    Raises
    ------
    ValueError
        If a class has too few rows for every part to learn from or to be measured on.

    Examples
    --------
    >>> settings = TrainSettings(source="digits")
    >>> parts = divide(load_source(settings), settings, np.random.default_rng(0))
    >>> len(parts.train), len(parts.validation), len(parts.y_test)
    (1293, 144, 360)
    """
    test = settings.test if source.test is None else 0
    _check_class_sizes(source, 1 + bool(test) + bool(settings.validation))
    held_out, rest = _divided(source.y, np.arange(len(source.y)), "--test", test, rng)
    validation, train = _divided(source.y, rest, "--validation", settings.validation, rng)
    learnt = np.isin(np.arange(len(source.classes)), source.y[train])
    if not learnt.all():
        missing = source.classes[int(np.argmin(learnt))]
        raise ValueError(
            f"{source.name}: no training row is left of class {brief(missing)}: hold out fewer rows"
        )
    x_test, y_test = source.test or (source.x[held_out], source.y[held_out])
    return Parts(train, validation, x_test, y_test)


def taken(values: NDArray[Any], rows: Labels) -> NDArray[Any]:
    """Return the rows of these numbers, which rise: not a copy where they are all that there are.

    Examples
    --------
    >>> x = np.array([5, 6, 7])
    >>> taken(x, np.arange(3)) is x, taken(x, np.array([0, 2])).tolist()
    (True, [5, 7])
    """
    return values if len(rows) == len(values) else values[rows]


def _divided(
    y: Labels, rows: Labels, flag: str, share: float, rng: np.random.Generator
) -> tuple[Labels, Labels]:
    """Divide row numbers into a share and the rest."""
    if not share:
        return rows[:0], rows
    try:
        rest, part = pl.split(y[rows], (1 - share, share), rng=rng, stratify=True)
    except ValueError as error:
        raise ValueError(f"{flag} {share} of {len(rows)} rows leaves a part without rows") from error
    return rows[part], rows[rest]


def _check_class_sizes(source: Source, parts: int) -> None:
    counts = np.bincount(source.y, minlength=len(source.classes))
    rarest = int(counts.argmin())
    if counts[rarest] < parts:
        raise ValueError(
            f"{source.name}: class {brief(source.classes[rarest])} has {counted(counts[rarest], 'row')}, "
            f"at least {parts} are needed to divide training, validation and test rows: add rows or "
            f"leave the class out (is {brief(source.label)} the right --label?)"
        )


def _data_set(name: str, folder: Path | None) -> Source:
    data = pl.load_dataset(name, folder=folder)
    test = (data.x_test, data.y_test)
    return Source(
        name=name,
        x=data.x_train,
        y=data.y_train,
        test=test,
        classes=tuple(str(k) for k in range(data.n_classes)),
        features=tuple(f"pixel{i}" for i in range(data.x_train.shape[1])),
        label="label",
        image_shape=data.image_shape,
        sha256=data.sha256,
    )


def _is_digit_csv(path: Path) -> bool:
    """Tell whether a table has the header of labelled 28 x 28 images."""
    header = ",".join(COLUMNS).encode()
    with open_unpacked(path) as stream:
        return stream.read(len(header) + 3).removeprefix(b"\xef\xbb\xbf").startswith(header)


def _digit_csv(path: Path) -> Source:
    y, x = pl.read_digit_csv(path)
    present, y = np.unique(y, return_inverse=True)
    return Source(
        name=str(path),
        x=x,
        y=y,
        test=None,
        classes=_checked_classes(present.astype(str).tolist(), str(path), "label"),
        features=COLUMNS[1:],
        label="label",
        image_shape=(28, 28),
        sha256={path.name: sha256_unpacked(path)},
    )


def _csv(path: Path, label: str | None) -> Source:
    table = tables.read_table(path)
    label = _label_column(table, label)
    labels = tables.labels(table, label)
    classes = _checked_classes(labels.names, table.name, label)
    features = tuple(column for column in table.columns if column != label)
    number = {name: k for k, name in enumerate(classes)}
    return Source(
        name=table.name,
        x=tables.numbers(table, features),
        y=np.array([number[each] for each in labels.names])[labels.codes],
        test=None,
        classes=classes,
        features=features,
        label=label,
        image_shape=None,
        sha256={path.name: table.sha256},
    )


def _label_column(table: tables.Table, label: str | None) -> str:
    """Return the column of labels, which must be there."""
    wanted = "label" if label is None else label
    if wanted in table.columns:
        return wanted
    names = map(plain, islice(table.columns, 20))
    columns = ", ".join(names) + (f", ... ({len(table.columns)} in all)" if len(table.columns) > 20 else "")
    hint = nearest(wanted, table.columns) if label else ": name the column of classes by --label"
    raise DataError(f"{table.name}: there is no column {brief(wanted)}{hint}; the columns are {columns}")


def _checked_classes(found: Sequence[str], name: str, label: str) -> tuple[str, ...]:
    """Return the classes in order, numbers by size; one class alone cannot be learnt."""
    if len(found) < 2:
        raise DataError(
            f"{name}: column {plain(label)} holds one class only, {brief(found[0])}: at least 2 are needed"
        )
    are_numbers = all(WHOLE.fullmatch(each) for each in found)
    return tuple(sorted(found, key=int) if are_numbers else sorted(found))
