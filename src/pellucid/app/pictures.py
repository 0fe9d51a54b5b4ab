"""Read PNG and JPEG files as rows of grey pixels, white on black as in MNIST.

Pillow is imported only here; the extra `lab` installs it with Matplotlib.
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
#: The largest file accepted: `MAX_PIXELS` uncompressed pixels of four bytes.
MAX_BYTES = 200 << 20
#: The highest compression ratio of deflate, which PNG uses; JPEG's is lower.
MAX_RATIO = 1032
#: Modes in which a pixel may take a single bit.
SMALL_MODES = ("1", "L", "P")
#: Modes of images with 16 bits per pixel.
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I")


def read_pictures(
    paths: Sequence[Path], shape: tuple[int, int], *, resize: bool = False, invert: bool = False
) -> Pixels:
    """Return PNG or JPEG images as rows of pixels from 0 to 255, shape (n, height · width).

    Colours become grey, transparent pixels become white. With `resize`, images whose height and width differ
    from `shape` are stretched or shrunk; without it, they are an error. `invert` swaps dark and light.
    """
    rows = np.empty((len(paths), shape[0] * shape[1]), np.uint8)
    for row, path in zip(rows, paths, strict=True):
        row[:] = _read_grey(path, shape, resize).ravel()
    return 255 - rows if invert else rows


def looks_inverted(pixels: Pixels, shape: tuple[int, int]) -> bool:
    """Tell whether most images have light edges, as scans of dark ink on light paper do and MNIST does not.

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
    except Exception as error:  # Pillow raises many kinds of exceptions for damaged files
        raise DataError(f"{path}: not a complete PNG or JPEG image: {_why(error)}") from error
    if grey.size != (width, height):
        grey = grey.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(grey, np.uint8)


def _read_content(path: Path) -> io.BytesIO:
    """Read a file into memory: when it reads from disk, Pillow trusts a damaged length field."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise DataError(f"{path}: {size:,} bytes, the limit is {MAX_BYTES:,}: shrink the image")
        return io.BytesIO(file.read(size))


def _why(error: Exception) -> str:
    """Return the reason for Pillow's error; its own message for an unknown header is a memory address."""
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "its header is damaged"
    return plain(str(error) or "its data are damaged", 200)


def _check_size(path: Path, size: tuple[int, int], shape: tuple[int, int], resize: bool) -> None:
    """Raise if the header gives a wrong size, before any pixel is decoded."""
    (width, height), (wanted_height, wanted_width) = size, shape
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{path}: {width} x {height} pixels, the limit is {MAX_PIXELS:,} in all: shrink the image"
        )
    if not resize and (height, width) != shape:
        raise DataError(
            f"{path}: {width} x {height} pixels, the model needs {wanted_width} x {wanted_height}: "
            "add --resize, or crop the image to that size"
        )


def _check_bytes(path: Path, image: "Image", n_bytes: int) -> None:
    """Raise if the file is too short for its pixels at any compression, before memory is allocated."""
    most = n_bytes * MAX_RATIO * (8 if image.mode in SMALL_MODES else 1)
    if image.width * image.height > most:
        found = f"{image.width} x {image.height} pixels do not fit in {n_bytes:,} bytes"
        raise DataError(f"{path}: not a complete PNG or JPEG image: {found}")


def _to_grey(image: "Image") -> "Image":
    from PIL import Image

    if image.mode in DEEP_MODES:
        return Image.fromarray((np.asarray(image) // 256).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image.convert("RGBA")).convert("L")
    return image.convert("L")
