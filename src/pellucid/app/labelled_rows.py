"""Load a data set or a CSV file, and split its rows into training, validation and test rows.

Test rows influence nothing: neither the epoch at which training stops nor the scale of a column.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid.app import tables
from pellucid.app.options import listed, nearest
from pellucid.app.settings import TrainSettings
from pellucid.data import DataError
from pellucid.data.digit_csv import COLUMNS
from pellucid.data.unpack import open_unpacked, sha256_unpacked
from pellucid.wording import brief, counted, plain

Labels = NDArray[np.int64]
#: Matches whole numbers short enough for `int`.
WHOLE = re.compile(r"-?[0-9]{1,1000}")


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Rows with their class numbers, and the names of features and classes.

    `x` has the shape (n, n_features), `y` the shape (n,).
    """

    name: str  #: The data set or file.
    x: NDArray[Any]  #: uint8 pixels or float64 features.
    y: Labels
    test: tuple[NDArray[Any], Labels] | None  #: The data set's test rows; None if yet to be held out.
    classes: tuple[str, ...]
    features: tuple[str, ...]
    label: str
    image_shape: tuple[int, int] | None
    sha256: dict[str, str]


@dataclass(frozen=True, eq=False)
class Parts:
    """The indices of the training and validation rows, and the test rows themselves."""

    train: Labels
    validation: Labels
    x_test: NDArray[Any]
    y_test: Labels


def load_rows(settings: TrainSettings) -> LabelledRows:
    """Load the data set or CSV file that the settings name.

    Examples
    --------
    >>> source = load_rows(TrainSettings(source="digits"))
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


def divide(source: LabelledRows, settings: TrainSettings, rng: np.random.Generator) -> Parts:
    """Split the rows at random, stratified by class; each class needs at least one row per part.

    Examples
    --------
    >>> settings = TrainSettings(source="digits")
    >>> parts = divide(load_rows(settings), settings, np.random.default_rng(0))
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
            f"{source.name}: no training rows are left for class {brief(missing)}: hold out fewer rows"
        )
    x_test, y_test = source.test or (source.x[held_out], source.y[held_out])
    return Parts(train, validation, x_test, y_test)


def taken(values: NDArray[Any], rows: Labels) -> NDArray[Any]:
    """Return the rows at these ascending indices; all rows are returned without a copy.

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
    """Split row indices into the held-out share and the rest."""
    if not share:
        return rows[:0], rows
    try:
        rest, part = pl.split(y[rows], (1 - share, share), rng=rng, stratify=True)
    except ValueError as error:
        raise ValueError(
            f"{flag} {share} of {len(rows)} rows leaves a part empty: choose another share"
        ) from error
    return rows[part], rows[rest]


def _check_class_sizes(source: LabelledRows, parts: int) -> None:
    counts = np.bincount(source.y, minlength=len(source.classes))
    rarest = int(counts.argmin())
    if counts[rarest] < parts:
        raise ValueError(
            f"{source.name}: class {brief(source.classes[rarest])} has {counted(counts[rarest], 'row')}, "
            f"at least {parts} are needed, one for each part (training, validation, test): add rows or "
            f"leave out the class (is {brief(source.label)} the right --label?)"
        )


def _data_set(name: str, folder: Path | None) -> LabelledRows:
    data = pl.load_dataset(name, folder=folder)
    return LabelledRows(
        name=name,
        x=data.x_train,
        y=data.y_train,
        test=(data.x_test, data.y_test),
        classes=tuple(str(k) for k in range(data.n_classes)),
        features=tuple(f"pixel{i}" for i in range(data.x_train.shape[1])),
        label="label",
        image_shape=data.image_shape,
        sha256=data.sha256,
    )


def _is_digit_csv(path: Path) -> bool:
    """Tell whether a CSV file has the header of labelled 28 x 28 images."""
    header = ",".join(COLUMNS).encode()
    with open_unpacked(path) as stream:
        return stream.read(len(header) + 3).removeprefix(b"\xef\xbb\xbf").startswith(header)


def _digit_csv(path: Path) -> LabelledRows:
    y, x = pl.read_digit_csv(path)
    present, y = np.unique(y, return_inverse=True)
    return LabelledRows(
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


def _csv(path: Path, label: str | None) -> LabelledRows:
    table = tables.read_table(path)
    label = _label_column(table, label)
    labels = tables.labels(table, label)
    classes = _checked_classes(labels.names, table.name, label)
    features = tuple(column for column in table.columns if column != label)
    return LabelledRows(
        name=table.name,
        x=tables.numbers(table, features),
        y=labels.numbers_in(classes),
        test=None,
        classes=classes,
        features=features,
        label=label,
        image_shape=None,
        sha256={path.name: table.sha256},
    )


def _label_column(table: tables.Table, label: str | None) -> str:
    """Return the name of the label column, which must exist."""
    wanted = "label" if label is None else label
    if wanted in table.columns:
        return wanted
    hint = nearest(wanted, table.columns) if label else ": name the column of classes with --label"
    columns = listed(table.columns, 20)
    raise DataError(f"{table.name}: there is no column {brief(wanted)}{hint}; the columns are {columns}")


def _checked_classes(found: Sequence[str], name: str, label: str) -> tuple[str, ...]:
    """Return the classes sorted, whole numbers by value; raise if there are fewer than two."""
    if len(found) < 2:
        raise DataError(
            f"{name}: column {plain(label)} holds only one class, {brief(found[0])}: at least 2 are needed"
        )
    are_numbers = all(WHOLE.fullmatch(each) for each in found)
    return tuple(sorted(found, key=int) if are_numbers else sorted(found))
