"""PNG and JPEG files as rows of grey pixels, white on black as in MNIST.

Pillow is imported here only: Matplotlib, of the extra `lab`, brings it.
"""

import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pellucid.data import DataError
from pellucid.files.reading import open_regular
from pellucid.wording import plain

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = NDArray[np.uint8]

MAX_PIXELS = 50_000_000
#: Of a file: the pixels, had they four channels of a byte and been packed in vain.
MAX_BYTES = 200 << 20
#: How many bytes deflate, of PNG, makes of one; JPEG makes fewer.
MOST_PACKED = 1032
#: Modes in which a pixel may take a single bit.
SMALL_MODES = ("1", "L", "P")
#: Where the ends of the range lie in images that are neither 8 bits nor 16 bits deep is not known.
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I")


def read_pictures(
    paths: Sequence[Path], shape: tuple[int, int], *, resize: bool = False, invert: bool = False
) -> Pixels:
    """Return images as rows of pixels from 0 to 255, shape (n, height · width).

    Parameters
    ----------
    paths : sequence of Path
        PNG or JPEG files; colours become grey, what is transparent becomes white.
    shape : (int, int)
        Height and width that the model needs.
    resize : bool
        Stretch or shrink images of another size; without it they are refused.
    invert : bool
        Swap dark and light.

    Raises
    ------
    DataError
        If a file is no such image, is damaged, too large, or of another size.
    """
    rows = np.empty((len(paths), shape[0] * shape[1]), np.uint8)
    for row, path in zip(rows, paths, strict=True):
        row[:] = _read_grey(path, shape, resize).ravel()
    return 255 - rows if invert else rows


def looks_inverted(pixels: Pixels, shape: tuple[int, int]) -> bool:
    """Tell whether most images have a light edge: dark ink on light paper, which MNIST never is.

    Examples
    --------
    >>> page = np.full((1, 9), 255, np.uint8)
    >>> looks_inverted(page, (3, 3)), looks_inverted(255 - page, (3, 3))
    (True, False)
    """
    images = pixels.reshape(-1, *shape)
    edges = [images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]
    return bool(np.median(np.concatenate(edges, axis=1)) > 127)


def _read_grey(path: Path, shape: tuple[int, int], resize: bool) -> Pixels:
    from PIL import Image

    height, width = shape
    content = _read_content(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is stricter
            with Image.open(content, formats=("PNG", "JPEG")) as image:
                _check_size(path, image.size, shape, resize)
                _check_bytes(path, image, content.getbuffer().nbytes)
                grey = _to_grey(image)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise whatever the damage leads them to
        raise DataError(f"{path}: no whole PNG or JPEG image: {_why(error)}") from error
    if grey.size != (width, height):
        grey = grey.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(grey, np.uint8)


def _read_content(path: Path) -> io.BytesIO:
    """Return a file in memory: from a file on the disk Pillow would read as much as a damaged length says."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise DataError(f"{path}: {size:,} bytes, at most {MAX_BYTES:,} are read: shrink the image")
        return io.BytesIO(file.read(size))


def _why(error: Exception) -> str:
    """Return what Pillow says of a file; of one whose header it does not know, it says where that lies."""
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "its header is damaged"
    return plain(str(error) or "its data are damaged", 200)


def _check_size(path: Path, size: tuple[int, int], shape: tuple[int, int], resize: bool) -> None:
    """Raise before any pixel is unpacked if the header states a wrong size."""
    (width, height), (wanted_height, wanted_width) = size, shape
    if width * height > MAX_PIXELS:
        raise DataError(f"{path}: {width} x {height} pixels, at most {MAX_PIXELS:,} in all are read")
    if not resize and (height, width) != shape:
        raise DataError(
            f"{path}: {width} x {height} pixels, the model needs {wanted_width} x {wanted_height}: "
            "add --resize, or cut the image to that size"
        )


def _check_bytes(path: Path, image: "Image", n_bytes: int) -> None:
    """Raise where no compression could bring so many pixels into so few bytes, before memory is taken."""
    most = n_bytes * MOST_PACKED * (8 if image.mode in SMALL_MODES else 1)
    if image.width * image.height > most:
        found = f"{image.width} x {image.height} pixels do not fit in {n_bytes:,} bytes"
        raise DataError(f"{path}: no whole PNG or JPEG image: {found}")


def _to_grey(image: "Image") -> "Image":
    from PIL import Image

    if image.mode in DEEP_MODES:
        return Image.fromarray((np.asarray(image) // 256).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image.convert("RGBA")).convert("L")
    return image.convert("L")
