"""Large files of each format: some megabytes, or as large as headers, notes or names may be.

With small files alone, the allowance for buffers would hide a reader that takes many times the file's length.
"""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from bench.results import FORMAT
from PIL import Image

import pellucid as pl
from pellucid.data.digit_csv import COLUMNS
from pellucid.files import safetensors
from pellucid.files.safetensors import KEY
from pellucid.training.checkpoint import _digest
from proof.fuzzing import samples
from proof.fuzzing.readers import LARGE_ROWS, PACKED_FILE, SIDE, TABLE
from proof.fuzzing.samples import _encoded, _idx, _npy, _saved, _written
from proof.scratch import scratch_folder

N_BYTES = 3_000_000
EMOJI = "\U0001f600"


@cache
def tensor_files() -> list[bytes]:
    """Return a file of large tensors, and headers near each limit: names, notes, marks and characters."""
    many = {f"{i:x}": np.zeros(0, np.uint8) for i in range(5000)}
    halves = {"a": np.ones((600, 600)), "b": np.ones(N_BYTES, bool)}
    return [_written(halves, None), _written(many, None), *(_with_notes(text) for text in _json_texts())]


def _with_notes(text: str) -> bytes:
    """Return a file that has only notes."""
    header = json.dumps({"__metadata__": {KEY: text}}, ensure_ascii=False).encode()
    return len(header).to_bytes(8, "little") + header


def _json_texts() -> Iterator[str]:
    """Yield JSON of the greatest length that is read, and with about the greatest number of values."""
    for n in (500, 1000):
        yield json.dumps(["x" * 19] * 65 * n)
        yield json.dumps([[1000]] * 50 * n)
        yield json.dumps({f"{i:x}": i for i in range(25 * n)})
        yield json.dumps([f"{EMOJI}{i:x}" for i in range(25 * n)], ensure_ascii=False)
        yield json.dumps([f"{EMOJI}{i:x}" for i in range(25 * n)])
        yield json.dumps(EMOJI + "x" * 200 * n, ensure_ascii=False)
        yield json.dumps("é\\" * 200 * n)


@cache
def json_files() -> list[bytes]:
    """Return JSON files of every kind of value."""
    return [_wrapped(text).encode() for text in _json_texts()]


def _wrapped(text: str) -> str:
    """Return a run, a ledger and results of bench in one, with a large value in it."""
    run: dict[str, Any] = {"settings": {}, "seed": 0, "seconds": 1}
    text_before = json.dumps({**run, "format": FORMAT, "quick": True, "machine": {}, "rows": [], "parts": {}})
    return f'{text_before[:-1]}, "result": {text}}}'


@cache
def models() -> list[bytes]:
    """Return a model with large weights, one of many layers, and one with many features."""
    wide, names = pl.Network([pl.Dense(N_BYTES // 20), pl.Dense(2)]), pl.Network([pl.Dense(2)])
    deep = pl.Network([pl.Dense(2) for _ in range(1000)])
    wide.notes = deep.notes = TABLE.to_json()
    names.notes = {**TABLE.to_json(), "features": [f"gene {i}" for i in range(30_000)]}
    return [_saved(wide, 2), _saved(deep, 2), _saved(names, 30_000)]


@cache
def checkpoints() -> list[bytes]:
    """Return a checkpoint of a training run of 40,000 epochs."""
    with scratch_folder() as folder:
        path = Path(folder, "a")
        path.write_bytes(samples.checkpoints()[-1])
        tensors, about = safetensors.read(path)
        tensors["records"] = np.tile(tensors["records"], (40_000, 1, 1))
        return [_written(tensors, {**about, "epochs": 40_000, "sha256": _digest(tensors)})]


def idx_files() -> list[bytes]:
    """Return files of many values, plain and packed."""
    content = _idx(N_BYTES)
    return [content, gzip.compress(content, 1, mtime=0)]


def idx_images() -> list[bytes]:
    """Return files of many small images, plain and packed."""
    content = _idx(N_BYTES // SIDE**2, SIDE, SIDE)
    return [content, gzip.compress(content, 1, mtime=0)]


def idx_labels() -> list[bytes]:
    """Return files of many labels, all valid or all invalid."""
    content = _idx(N_BYTES)
    return [content[:8] + bytes(N_BYTES), content[:8] + b"\xff" * N_BYTES]


@cache
def digit_tables() -> list[bytes]:
    """Return tables of many digits, with short cells and with long ones."""
    header = ",".join(COLUMNS)
    rows = [",".join(["7", *[cell] * 784]) for cell in ("0", "255")]
    return ["\n".join([header, *[row] * 1500, ""]).encode() for row in rows]


@cache
def tables() -> list[bytes]:
    """Return tables: long, wide, quoted, packed, of words, of blank rows, and of labels only."""
    n = 30_000
    long = "width,height,kind\n" + "1,2,oak\n3,4,elm\n" * n
    wide = ",".join(["kind", *(f"{EMOJI}{i}" for i in range(30_000))])
    texts = (
        long,
        long.replace("1,", '"1",'),
        "width,height,kind\n" + "1.23456789,2.3456789,oak\n3,4,elm\n" * n,
        "width,height,kind\n" + "p,q,oak\n" * n,
        "width,height,kind\n" + ",,elm\n" * n,
        "width,height,kind\n" + "".join(f"1,2,{i}\n" for i in range(n)),
        "width,height,kind\n1,2,oak\n3,4," + "y" * 400_000 + EMOJI + "\n",
        'width,height,kind\n1,2,"' + "\n" * 1_000_000 + '"\n',
        "\n".join([wide, *["oak" + ",1" * 30_000] * 9, *["elm" + ",2" * 30_000] * 9]),
        "\n".join([wide, "oak" + ",1" * 30_000, *[""] * n, "1"]),
        "," * 1_000_000,
    )
    return [*(text.encode() for text in texts), gzip.compress(long.encode(), 1, mtime=0)]


def settings() -> list[bytes]:
    """Return files of the greatest length that is read: lists, keys, tables, and one text."""
    texts = (
        b"hidden = [" + b"[]," * 10_900 + b"]",
        b"".join(b"a%d = 1\n" % i for i in range(2900)),
        b"".join(b"[a%d]\n" % i for i in range(3900)),
        b'source = "' + b"x" * 32_000 + b'"',
    )
    return list(texts)


@cache
def pictures() -> list[bytes]:
    """Return images of a million pixels: of one colour, which compresses well, and of noise."""
    pixels = np.zeros((1000, 1000, 4), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000), np.uint8)
    deep = Image.fromarray(noise.astype(np.uint16) * 257)
    kinds = [Image.fromarray(pixels), Image.fromarray(pixels[..., :3]), Image.fromarray(noise)]
    palette = _encoded(kinds[2].convert("P"), "PNG", transparency=3)
    return [*(_encoded(kind, "PNG") for kind in (*kinds, deep)), palette, _encoded(kinds[2], "JPEG")]


def arrays() -> list[bytes]:
    """Return .npy files of many numbers, in row-major and column-major order."""
    numbers = np.ones((LARGE_ROWS, 2))
    return [_npy(numbers), _npy(np.asfortranarray(numbers)), _npy(numbers.astype(">f4"))]


@cache
def packages() -> list[bytes]:
    """Return archives with one large member, many members, and many attributes; plain and packed."""
    content = [
        _archive({"package/large": bytes(N_BYTES)}),
        _archive({f"package/{i}": b"" for i in range(5000)}),
        _archive({"package/a": b""}, {f"k{i}": "v" for i in range(20_000)}),
    ]
    return [*content, *(gzip.compress(each, 1, mtime=0) for each in content)]


def _archive(members: dict[str, bytes], attributes: dict[str, str] | None = None) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in {**members, f"package/data/{PACKED_FILE.name}": _idx(10)}.items():
            member = tarfile.TarInfo(name)
            member.size, member.pax_headers = len(data), attributes or {}
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()
