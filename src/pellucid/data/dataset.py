"""What `load_dataset` returns: images as rows of bytes, their classes, and where both came from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A labelled set of images, divided into training and test rows; its arrays are read-only.

    Attributes
    ----------
    name : str
    x_train, x_test : ndarray of uint8, shape (n, n_features)
        Pixels, one image a row; the test part may have no rows.
    y_train, y_test : ndarray of int64, shape (n,)
        Class numbers from 0.
    n_classes : int
    image_shape : tuple of int
        (height, width): ``x_train[0].reshape(image_shape)`` is an image.
    source : str
        Where the files came from, in words.
    sha256 : dict of str to str
        SHA-256 of every (unpacked) file that was read: the fingerprint of the data that a run used.

    Notes
    -----
    Read-only, so that no layer and no user can change the data of everyone else in the process; copy to
    change.

    Examples
    --------
    >>> import pellucid.data as data
    >>> digits = data.load_dataset("digits")
    >>> digits.x_train[0].reshape(digits.image_shape)[0]
    array([ 0,  0,  0, 12, 13,  5,  0,  0], dtype=uint8)
    """

    name: str
    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    n_classes: int
    image_shape: tuple[int, int]
    source: str
    sha256: dict[str, str]

    def __post_init__(self) -> None:
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            array.flags.writeable = False

    def __repr__(self) -> str:
        height, width = self.image_shape
        return (
            f"Dataset({self.name!r}: {len(self.x_train)} training and {len(self.x_test)} test images of "
            f"{height} x {width}, {self.n_classes} classes, from {self.source})"
        )
