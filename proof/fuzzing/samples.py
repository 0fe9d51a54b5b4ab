"""Small intact files of each format, from which damaged files are made."""

import gzip
import io
import json
import struct
import tarfile
from pathlib import Path

import numpy as np
from bench.results import FORMAT
from PIL import Image

import pellucid as pl
from pellucid.data.digit_csv import COLUMNS
from pellucid.files import safetensors
from proof.fuzzing.readers import IMAGES, PACKED_FILE, SIDE, TABLE, training
from proof.scratch import scratch_folder


def tensor_files() -> list[bytes]:
    """Return files of several tensors, of one, and of none."""
    some = {
        "0.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "é": np.zeros((0, 2), np.int64),
        "flag": np.array([True, False]),
        "scalar": np.array(3, np.uint16),
    }
    return [_written(some, {"a": [1, 2.5, "x"]}), _written({"a": np.zeros(3)}, None), _written({}, None)]


def _written(tensors: dict[str, np.ndarray], about: object) -> bytes:
    with scratch_folder() as folder:
        safetensors.write(Path(folder, "a"), tensors, about)
        return Path(folder, "a").read_bytes()


def models() -> list[bytes]:
    """Return a model of a table with each kind of layer, and one of images."""
    layers: list[pl.Layer] = [pl.Rescale([0.5, 2.0], [0.0, 1.0]), pl.Dense(3), pl.LeakyReLU(0.1)]
    layers += [pl.Dropout(0.2), pl.Dense(3), pl.ReLU(), pl.Dense(3), pl.Tanh(), pl.Dense(2)]
    of_table, of_images = pl.Network(layers), pl.Network([pl.Rescale(1 / 255), pl.Dense(2)])
    of_table.notes, of_images.notes = TABLE.to_json(), IMAGES.to_json()
    return [_saved(of_table, 2), _saved(of_images, SIDE**2)]


def _saved(net: pl.Network, n_in: int) -> bytes:
    with scratch_folder() as folder:
        net.build(n_in, rng=np.random.default_rng(0)).save(Path(folder, "a"))
        return Path(folder, "a").read_bytes()


def checkpoints() -> list[bytes]:
    """Return a checkpoint in the middle of an epoch, and one at the end of it."""
    with scratch_folder() as folder:
        path, found = Path(folder, "a"), []
        for number, _ in enumerate(training(path, resume=False), 1):
            if number == 4:
                found.append(path.read_bytes())
        return [*found, path.read_bytes()]


def idx_files() -> list[bytes]:
    """Return files of three images, of none, and of one value in each of eight dimensions."""
    return [_idx(3, SIDE, SIDE), _idx(0, SIDE, SIDE), _idx(*[1] * 8)]


def idx_images() -> list[bytes]:
    """Return files of three images and of one, plain and in gzip."""
    return [_idx(3, SIDE, SIDE), _idx(1, SIDE, SIDE), gzip.compress(_idx(3, SIDE, SIDE), mtime=0)]


def idx_labels() -> list[bytes]:
    """Return files of ten labels and of one."""
    return [_idx(10), _idx(1)]


def _idx(*shape: int) -> bytes:
    values = np.arange(np.prod(shape), dtype=np.uint8)
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + values.tobytes()


def idx_packed() -> list[bytes]:
    """Return IDX files, plain for packing after damage, and in gzip."""
    return [*idx_files(), *(gzip.compress(each, mtime=0) for each in idx_files())]


def digit_tables() -> list[bytes]:
    """Return tables of two digits with both kinds of line ends, and in gzip."""
    rows = [",".join(map(str, [label, *range(200), *[0] * 584])) for label in (7, 0)]
    table = "\n".join([",".join(COLUMNS), *rows, ""]).encode()
    return [table, table.replace(b"\n", b"\r\n"), gzip.compress(table, mtime=0)]


def tables() -> list[bytes]:
    """Return tables with a column of class names: plain, with quotes and blanks, and in gzip."""
    plain = b"width,height,kind\n1.5,2,oak\n2,0.25,elm\n-3e2,4,oak\n"
    quoted = b'\xef\xbb\xbf"width", height ,kind\r\n"1",2,"oak"\r\n3,4,"elm"'
    return [plain, quoted, gzip.compress(plain, mtime=0)]


def labelled() -> list[bytes]:
    """Return the files of `tables`, and a table of numbered classes."""
    return [*tables(), b"kind,width,height\n1,2,3\n02,5,6\n"]


def settings() -> list[bytes]:
    """Return a file with one setting of each kind, and a short one."""
    full = """# settings
source = "digits"
hidden = [50, 20]
activation = ["relu", "tanh"]
dropout = 0.1
learning-rate = 1e-3
epochs = 3
patience = 2
subtract_mean = true
save = "net.safetensors"
"""
    return [full.encode(), b'source = "digits"\nrecipe = "fast"\n']


def pictures() -> list[bytes]:
    """Return PNG files of each mode, and JPEG files plain, progressive and in colour."""
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    modes = [grey, grey.convert("1"), grey.convert("P"), grey.convert("RGBA"), grey.convert("LA")]
    deep = Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 999)
    png = [_encoded(image, "PNG") for image in (*modes, deep, grey.convert("RGB"))]
    through = _encoded(grey.convert("P"), "PNG", transparency=3, interlace=1)
    jpeg = [
        _encoded(grey, "JPEG"),
        _encoded(grey, "JPEG", progressive=True),
        _encoded(grey.convert("CMYK"), "JPEG"),
    ]
    return [*png, through, *jpeg]


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def arrays() -> list[bytes]:
    """Return .npy files of numbers of several kinds, in either order."""
    numbers = np.arange(6.0).reshape(3, 2)
    kinds = (numbers, np.asfortranarray(numbers), numbers.astype(">f4"), numbers.astype(np.uint8))
    return [_npy(each) for each in kinds]


def _npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    return content.getvalue()


def report_runs() -> list[bytes]:
    """Return a run of a report."""
    run = {
        "settings": {"a": 1},
        "seed": 0,
        "seconds": 1.5,
        "result": {"loss": [1.0, 0.5]},
        "data": {"x": "0"},
    }
    return [json.dumps(run).encode()]


def bench_results() -> list[bytes]:
    """Return results of the benchmark without parts, and with one."""
    results = {"format": FORMAT, "quick": True, "machine": {"cpu": "a", "cores": 2}, "parts": {}}
    return [json.dumps(results).encode(), json.dumps({**results, "parts": {"race": {"rows": [1]}}}).encode()]


def ledgers() -> list[bytes]:
    """Return a ledger of one row."""
    return [json.dumps({"rows": [{"report": "A", "figure": "accuracy", "mean": 90.5}]}).encode()]


def packages() -> list[bytes]:
    """Return archives like those of npm before packing, with a link that leads outside."""
    return [_archive(), _archive(tarfile.PAX_FORMAT)]


def _archive(form: int = tarfile.GNU_FORMAT) -> bytes:
    content, ten = io.BytesIO(), _idx(10)
    with tarfile.open(fileobj=content, mode="w", format=form) as tar:
        for name in ("../é" + "x" * 120, f"package/data/{PACKED_FILE.name}"):
            member = tarfile.TarInfo(name)
            member.size = len(ten)
            tar.addfile(member, io.BytesIO(ten))
        link = tarfile.TarInfo("package/link")
        link.type, link.linkname = tarfile.SYMTYPE, "../../etc/passwd"
        tar.addfile(link)
    return content.getvalue()
