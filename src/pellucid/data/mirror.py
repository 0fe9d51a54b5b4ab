"""Downloads over HTTPS with pooch (extra `lab`), kept in memory until their checksums are verified.

Without a network, each mirror costs at most `CONNECT_SECONDS`, DNS lookup included. A mirror is abandoned at
the first file that fails.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING

from pellucid.data.sources import DataFile, Offers
from pellucid.data.unpack import DataError, MissingError, read_unpacked

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

CONNECT_SECONDS = 3
READ_SECONDS = 30
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Mirror:
    """A web folder with the files as ``.gz``."""

    url: str

    @property
    def title(self) -> str:
        """The source's name in messages."""
        return self.url

    def fetch(self, files: Sequence[DataFile], *, progress: bool) -> Offers:
        """Yield each file with its unpacked content; raise `MissingError` at the first that is missing."""
        for package in ("pooch", "requests"):
            if find_spec(package) is None:
                raise MissingError(f"skipped: {package} is not installed: pip install 'pellucid[lab]'")
        check_connection(self.url)
        for file in files:
            yield file, read_unpacked(self._download(file, progress), file.size)

    def _download(self, file: DataFile, progress: bool) -> bytes:
        import pooch
        import requests

        sink = MemoryFile(file.size + CHUNK_BYTES)
        timeout = (CONNECT_SECONDS, READ_SECONDS)
        try:
            with _bar(file.name, progress) as bar:
                fetch = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK_BYTES, timeout=timeout)
                fetch(f"{self.url}{file.name}.gz", sink, None)
        except requests.RequestException as error:
            raise MissingError(f"{file.name}.gz: {error}") from error
        return bytes(sink.data)


class MemoryFile:
    """A file in memory that refuses more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.limit, self.data = limit, bytearray()

    def write(self, data: bytes) -> None:
        """Append `data`."""
        if len(self.data) + len(data) > self.limit:
            raise DataError(f"the download is longer than {self.limit:,} bytes")
        self.data += data

    def flush(self) -> None:
        """Do nothing; pooch calls this after every write."""


def check_connection(url: str) -> None:
    """Raise `MissingError` unless the host of `url`, or its proxy, accepts a connection in time.

    It connects in a thread, because nothing else limits the total time for the DNS lookup and all addresses.
    """
    failures: list[OSError] = []
    attempt = Thread(target=_try_connection, args=(*_first_hop(url), failures), daemon=True)
    attempt.start()
    attempt.join(CONNECT_SECONDS)
    if attempt.is_alive():
        raise MissingError(f"no connection within {CONNECT_SECONDS} s")
    if failures:
        raise MissingError(f"no connection ({failures[0]})")


def _first_hop(url: str) -> tuple[str, int]:
    from urllib.parse import urlsplit

    from requests.utils import get_environ_proxies, select_proxy

    parts = urlsplit(select_proxy(url, get_environ_proxies(url)) or url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _try_connection(host: str, port: int, failures: list[OSError]) -> None:
    import socket

    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError as error:
        failures.append(error)


@contextmanager
def _bar(title: str, progress: bool) -> Iterator["RichBar | ProgressLine | bool"]:
    """Show the progress of one file: with rich if it is installed, else as lines of text."""
    if not progress:
        yield False
        return
    if find_spec("rich") is None:
        yield ProgressLine(title)
        return
    import rich.progress

    with rich.progress.Progress(
        "{task.description}",
        rich.progress.BarColumn(),
        rich.progress.DownloadColumn(),
        rich.progress.TimeRemainingColumn(),
        console=rich.console.Console(stderr=True),
    ) as shown:
        yield RichBar(shown, shown.add_task(title, total=None))


class RichBar:
    """A rich progress bar with the interface that pooch expects."""

    def __init__(self, shown: "Progress", task: "TaskID") -> None:
        self.shown, self.task = shown, task

    @property
    def total(self) -> int:
        """Bytes expected; 0 if the server does not say."""
        return int(self.shown.tasks[0].total or 0)

    @total.setter
    def total(self, n: int) -> None:
        self.shown.update(self.task, total=n or None)

    def update(self, n: int) -> None:
        """Count `n` more bytes."""
        self.shown.advance(self.task, n)

    def reset(self) -> None:
        """Restart the count at zero."""
        self.shown.update(self.task, completed=0)

    def close(self) -> None:
        """End the display."""
        self.shown.refresh()


class ProgressLine:
    """Progress for pooch without rich: a line when a download begins, and one with its size at the end."""

    def __init__(self, title: str) -> None:
        self.total = 0
        print(f"downloading {title} ...", file=sys.stderr)

    def update(self, n: int) -> None:
        """Do nothing: the count is not shown."""

    def reset(self) -> None:
        """Do nothing: the count is not shown."""

    def close(self) -> None:
        """End the display."""
        print(f"  {self.total:,} bytes", file=sys.stderr)
