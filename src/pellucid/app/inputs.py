"""Read the inputs of `pellucid predict` (a CSV, images, an IDX file or a data set) as rows for a model.

A file's type is detected from its first bytes, never from its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid.app import tables
from pellucid.app.model_notes import ModelNotes
from pellucid.app.options import listed, nearest
from pellucid.app.pictures import looks_inverted, read_pictures
from pellucid.data import DataError
from pellucid.data.unpack import open_unpacked
from pellucid.wording import brief, plain

MAGIC = {b"\x89PNG": "picture", b"\xff\xd8\xff": "picture", b"\0\0\x08": "idx"}


@dataclass(frozen=True, eq=False)
class Inputs:
    """Rows to predict.

    `names` holds file names, or row numbers from 1: the first row below a CSV header, or the first image.
    """

    x: NDArray[Any]  #: Shape (n, n_features).
    heading: str  #: What `names` are: "row" or "file".
    names: Sequence[object]
    y: NDArray[np.int64] | None = None  #: Class numbers, if the labels are known.
    hint: str = ""  #: A suggestion for the user.


def read_inputs(
    named: Sequence[str],
    notes: ModelNotes,
    *,
    resize: bool = False,
    invert: bool = False,
    folder: Path | None = None,
) -> Inputs:
    """Read the inputs that a user named, for the model with these notes.

    Accepted are one CSV file, one IDX file, one data set, or any number of images. `read_pictures` explains
    `resize` and `invert`.
    """
    kinds = {each: kind_of(each) for each in named}
    others = [each for each, kind in kinds.items() if kind != "picture"]
    if not others:
        return _from_pictures([Path(each) for each in named], notes, resize, invert)
    if len(named) > 1:
        raise DataError(
            f"several inputs must all be PNG or JPEG files, and {others[0]} is not: give it alone"
        )
    if resize or invert:
        raise DataError(f"--resize and --invert are for PNG and JPEG files, and {others[0]} is not")
    match kinds[named[0]]:
        case "data set":
            return _from_data_set(named[0], notes, folder)
        case "idx":
            return _from_idx(named[0], notes)
    return _from_table(named[0], notes)


def kind_of(name: str) -> str:
    """Return "data set", "picture", "idx" or "table".

    Examples
    --------
    >>> kind_of("mnist")
    'data set'
    >>> kind_of("mnits")
    Traceback (most recent call last):
    ...
    pellucid.data.unpack.DataError: 'mnits' is neither a file nor a data set: did you mean mnist?
    """
    if name in pl.DATASETS:
        return "data set"
    path = Path(name)
    if path.is_dir():
        raise DataError(f"{name} is a folder: name the files in it, for example {path / '*.png'}")
    if not path.is_file():
        raise DataError(f"{name!r} is neither a file nor a data set{nearest(name, pl.DATASETS)}")
    with open_unpacked(path) as stream:
        start = stream.read(4)
    return next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), "table")


def _from_table(name: str, notes: ModelNotes) -> Inputs:
    table = tables.read_table(Path(name))
    known = set(notes.features)
    missing = [column for column in notes.features if column not in table.places]
    if missing:
        raise DataError(
            f"{name}: the model needs the column {brief(missing[0])}{nearest(missing[0], table.columns)}; "
            f"it was trained on {listed(notes.features)}"
        )
    surplus = [column for column in table.columns if column not in known and column != notes.label]
    if surplus:
        raise DataError(
            f"{name}: the model does not know the column {brief(surplus[0])}: remove it; "
            f"it was trained on {listed(notes.features)}"
        )
    y = _class_numbers(table, notes) if notes.label in table.places else None
    x = tables.numbers(table, notes.features)
    return Inputs(x, "row", range(1, len(x) + 1), y)


def _class_numbers(table: tables.Table, notes: ModelNotes) -> NDArray[np.int64]:
    labels, known = tables.labels(table, notes.label), set(notes.classes)
    for k, label in enumerate(labels.names):
        if label not in known:
            row = int((labels.codes == k).argmax()) + 2
            raise DataError(
                f"{table.name}: row {row}, column {plain(notes.label)}: the model has no class "
                f"{brief(label)}, only {listed(notes.classes)}; correct it, or remove the column to "
                "predict without labels"
            )
    return labels.numbers_in(notes.classes)


def _from_pictures(paths: Sequence[Path], notes: ModelNotes, resize: bool, invert: bool) -> Inputs:
    shape = _image_shape(notes, str(paths[0]))
    pixels = read_pictures(paths, shape, resize=resize, invert=invert)
    hint = "The images look dark on light, but the model was trained on light on dark: try --invert."
    is_page = not invert and looks_inverted(pixels, shape)
    return Inputs(_scaled(pixels, notes), "file", [str(path) for path in paths], hint=hint if is_page else "")


def _from_idx(name: str, notes: ModelNotes) -> Inputs:
    images = pl.read_idx(name, shape=(None, *_image_shape(notes, name)))
    if len(images) == 0:
        raise DataError(f"{name}: the file holds no images")
    return Inputs(_scaled(images.reshape(len(images), -1), notes), "row", range(1, len(images) + 1))


def _from_data_set(name: str, notes: ModelNotes, folder: Path | None) -> Inputs:
    shape = _image_shape(notes, name)
    data = pl.load_dataset(name, folder=folder)
    if data.image_shape != shape:
        found, wanted = (" x ".join(map(str, each)) for each in (data.image_shape, shape))
        raise DataError(
            f"{name} has images of {found} pixels, the model needs {wanted}: name another data set"
        )
    if len(data.y_test) == 0:
        raise DataError(f"{name} has no test images: name a CSV file or images")
    fits = notes.classes == tuple(str(k) for k in range(data.n_classes))
    return Inputs(data.x_test, "row", range(1, len(data.x_test) + 1), data.y_test if fits else None)


def _image_shape(notes: ModelNotes, name: str) -> tuple[int, int]:
    if notes.image_shape is None:
        raise DataError(
            f"{name} holds images, but the model was trained on a table: give a CSV file with the columns "
            f"{listed(notes.features)}"
        )
    return notes.image_shape


def _scaled(pixels: NDArray[np.uint8], notes: ModelNotes) -> NDArray[Any]:
    """Scale pixels from 0 … 255 to the range that the model was trained on."""
    return pixels if notes.pixel_max == 255 else pixels * np.float32((notes.pixel_max or 255) / 255)
