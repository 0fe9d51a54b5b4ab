"""Damage beneath the outermost layer of a format, and the size of the content that a file states."""

import gzip
import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from pellucid.data.unpack import GZIP_MAGIC
from pellucid.files import safetensors
from pellucid.files.safetensors import KEY
from pellucid.training.checkpoint import _digest
from proof.fuzzing.damage import Stock, mutate
from proof.fuzzing.json_edits import edit_json
from proof.scratch import scratch_folder

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
#: Most bytes that a byte of a deflate stream can hold.
MOST_DEFLATED = 1032
#: Bytes unpacked in one call; the content of a damaged piece does not count.
PIECE = 256
ROW_WORDS = (b",", b"\n", b"\r\n", b'"', b"0", b"3", b"0.5", b"-1", b"255", b"256", b"oak", b"1e999", b"\xff")


def edit_safetensors_header(content: bytes, rng: Random) -> bytes:
    """Change the JSON of a safetensors header; return a file without a header unchanged."""
    return _with_header(content, lambda header: edit_json(header, rng))


def edit_model_notes(content: bytes, rng: Random) -> bytes:
    """Change the layers and notes in the file of a model, or else the header around them."""

    def edit(header: Any) -> Any:
        metadata = header["__metadata__"]
        metadata[KEY] = json.dumps(edit_json(json.loads(metadata[KEY]), rng))
        return header

    return _with_header(content, edit) if rng.random() < 0.8 else edit_safetensors_header(content, rng)


def redigested(content: bytes, rng: Random) -> bytes:
    """Return a checkpoint with the correct digest of its arrays; other files stay as they are."""
    with scratch_folder() as folder:
        path = Path(folder, "a")
        path.write_bytes(content)
        try:
            tensors, about = safetensors.read(path)
            safetensors.write(path, tensors, {**about, "sha256": _digest(tensors)})
        except (ValueError, TypeError):
            return content
        return path.read_bytes()


def _with_header(content: bytes, edit: Callable[[Any], Any]) -> bytes:
    stop = 8 + int.from_bytes(content[:8], "little")
    try:
        text = json.dumps(edit(json.loads(content[8:stop]))).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return content
    return len(text).to_bytes(8, "little") + text + content[stop:]


def edit_rows(content: bytes, rng: Random) -> bytes:
    """Damage a table below its header."""
    header, newline, rows = content.partition(b"\n")
    return header + newline + mutate(rows, rng, Stock((rows, content), ROW_WORDS))


def packed(content: bytes, rng: Random) -> bytes:
    """Return bytes in gzip, sometimes as several members or with other bytes after the end."""
    place = rng.randrange(len(content) + 1) if rng.random() < 0.2 else len(content)
    members = [gzip.compress(part, 1, mtime=0) for part in (content[:place], content[place:])]
    return b"".join(members) + rng.choice((b"", b"", b"", b"\0" * 8, b"x", members[0][:15]))


def unpacked_bytes(content: bytes) -> int:
    """Return the bytes of a file and, in gzip, of its content up to any damage."""
    if not content.startswith(GZIP_MAGIC):
        return len(content)
    return len(content) + len(_inflated(content))


def table_bytes(content: bytes) -> int:
    """Return the bytes of a table, unpacked, or eight for each cell if that is more."""
    is_packed = content.startswith(GZIP_MAGIC)
    text = _inflated(content) if is_packed else content
    n_cells = text.count(b",") + text.count(b"\n") + 1
    return max(len(content) + is_packed * len(text), 8 * n_cells)


def _inflated(content: bytes) -> bytes:
    """Return the content up to any damage, which a reader has in memory by then."""
    stream, found = zlib.decompressobj(wbits=31), bytearray()
    try:
        for start in range(0, len(content), PIECE):
            if stream.eof:
                break
            found += stream.decompress(content[start : start + PIECE], MOST_DEFLATED * len(content))
    except zlib.error:
        return bytes(found)
    return bytes(found)


def checksummed(content: bytes, rng: Random) -> bytes:
    """Return a PNG with the correct checksum of each chunk; other files stay as they are."""
    if not content.startswith(PNG_MAGIC):
        return content
    made, place = bytearray(PNG_MAGIC), len(PNG_MAGIC)
    while place + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, place)
        chunk = content[place + 4 : place + 8 + min(size, len(content))]
        made += struct.pack(">I", size) + chunk + struct.pack(">I", zlib.crc32(chunk))
        place += 12 + size
    return bytes(made)


def image_bytes(content: bytes) -> int:
    """Return the bytes of the pixels that the header of an image states, eight for each."""
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            return len(content) + 8 * image.width * image.height
    except Exception:
        return len(content)
