"""Image files as rows of grey pixels: modes, sizes, damage."""

import io
import os
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from pellucid.app import pictures
from pellucid.app.pictures import looks_inverted, read_pictures
from pellucid.data import DataError

GREY = np.array([[0, 50, 100], [150, 200, 255]], np.uint8)


def saved(tmp_path, image, name="a.png", **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def read(path, shape=(2, 3), **options):
    return read_pictures([path], shape, **options)[0].reshape(shape)


def test_grey_pixels_row_by_row(tmp_path):
    paths = [saved(tmp_path, Image.fromarray(a), f"{k}.png") for k, a in enumerate((GREY, GREY // 2))]
    pixels = read_pictures(paths, (2, 3))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, [GREY.ravel(), GREY.ravel() // 2])


def test_inverted(tmp_path):
    np.testing.assert_array_equal(read(saved(tmp_path, Image.fromarray(GREY)), invert=True), 255 - GREY)


@pytest.mark.parametrize("mode", ["RGB", "P", "LA", "RGBA", "1", "I;16"])
def test_other_modes_become_grey(tmp_path, mode):
    bits = (GREY > 120).astype(np.uint8) * 255
    image = (
        Image.fromarray(bits.astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(bits).convert(mode)
    )
    path = saved(tmp_path, image)
    with Image.open(path) as image:
        assert image.mode == mode
    np.testing.assert_array_equal(read(path), bits)


def test_colours_become_grey_by_their_brightness(tmp_path):
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    grey = read(saved(tmp_path, Image.fromarray(colours)), (1, 3))[0]
    assert grey[1] > grey[0] > grey[2] > 0


def test_what_is_transparent_is_white_paper(tmp_path):
    image = Image.new("RGBA", (3, 2), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 255))
    np.testing.assert_array_equal(read(saved(tmp_path, image)), [[255, 0, 255], [255, 255, 255]])


def test_jpeg(tmp_path):
    flat = np.full((16, 24), 77, np.uint8)
    pixels = read(saved(tmp_path, Image.fromarray(flat), "a.jpg", quality=95), (16, 24))
    assert abs(pixels.astype(int) - 77).max() <= 2


def test_another_size_needs_resize(tmp_path):
    large = np.kron(GREY, np.ones((4, 4), np.uint8))
    path = saved(tmp_path, Image.fromarray(large))
    with pytest.raises(DataError, match=r"a\.png: 12 x 8 pixels, the model needs 3 x 2: add --resize"):
        read(path)
    assert abs(read(path, resize=True).astype(int) - GREY).max() <= 30


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width, height):
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(8_000, 8_000), (12_000, 12_000), (40_000, 40_000)])
def test_a_picture_that_would_fill_the_memory(tmp_path, width, height):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(width, height))
    with pytest.raises(DataError, match=r"bomb\.png: .*pixels"):
        read(path, resize=True)


def whole_png():
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(256, size=(20, 30), dtype=np.uint8)
    Image.fromarray(noise).save(file, "png")
    return file.getvalue()


@pytest.mark.parametrize("size", [8, 20, 33, 50, 80, 110, 600])
def test_a_cut_picture(tmp_path, size):
    path = tmp_path / "cut.png"
    path.write_bytes(whole_png()[:size])
    with pytest.raises(DataError, match=r"^.*cut\.png: not a complete PNG or JPEG image"):
        read(path, (20, 30))


def test_other_formats_are_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(GREY), "a.gif")
    with pytest.raises(DataError, match=r"not a complete PNG or JPEG image: its header is damaged$"):
        read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.png")


def test_paper_is_recognized_by_its_edges():
    digit = np.zeros((5, 5), np.uint8)
    digit[1:4, 2] = 255
    assert not looks_inverted(digit.reshape(1, -1), (5, 5))
    assert looks_inverted(255 - digit.reshape(1, -1), (5, 5))


def test_a_deep_picture_takes_no_more_than_its_pixels(tmp_path):
    values = np.tile(np.arange(1000, dtype=np.uint16) * 64, (1000, 1))
    path = saved(tmp_path, Image.fromarray(values), "deep.png")
    read(path, (1000, 1000))
    tracemalloc.start()
    rows = read(path, (1000, 1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(rows.reshape(1000, 1000), values // 256)
    assert peak < 9e6


def test_a_palette_that_is_not_there(tmp_path):
    path = tmp_path / "a.png"
    head = struct.pack(">IIBBBBB", 8, 8, 8, 3, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(DataError, match=r"a\.png: not a complete PNG or JPEG image: its data are damaged$"):
        read(path, (8, 8))


def test_a_length_in_the_file_takes_no_memory(tmp_path):
    path = tmp_path / "a.png"
    content = bytearray(whole_png())
    place = content.index(b"IDAT")
    content[place - 4] = 0x50  # the header claims 1.3 GB of pixels
    path.write_bytes(content)
    tracemalloc.start()
    read(path, (20, 30))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_file_too_large(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.fromarray(GREY))
    size = path.stat().st_size
    monkeypatch.setattr(pictures, "MAX_BYTES", size - 1)
    with pytest.raises(DataError, match=f"{size} bytes, the limit is {size - 1}: shrink the image"):
        read(path)
    monkeypatch.setattr(pictures, "MAX_BYTES", size)
    read(path)


def test_what_may_never_end_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(OSError, match="not a regular file"):
        read(tmp_path / "pipe.png")


def test_a_few_bytes_cannot_hold_millions_of_pixels(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_header(8, 5_570_568))
    with pytest.raises(DataError, match=r"not a complete .*: 8 x 5570568 pixels do not fit in 57 bytes$"):
        read(path, resize=True)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("options", [{"format": "PNG"}, {"format": "JPEG", "progressive": True}])
def test_an_empty_page_is_read_however_well_it_packs(tmp_path, mode, options):
    if options["format"] == "JPEG" and mode in ("P", "LA", "RGBA"):
        pytest.skip("JPEG does not have the mode")
    path = saved(tmp_path, Image.new(mode, (2000, 2000)), optimize=True, **options)
    assert read(path, resize=True).max() == (255 if mode in ("LA", "RGBA") else 0)
