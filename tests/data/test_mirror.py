"""The downloader's parts; whole downloads are tested in `test_fetch`."""

import socket
import time

import pytest
from rich.progress import Progress

from pellucid.data import DataError, mirror
from pellucid.data.mirror import MemoryFile, Mirror, ProgressLine, RichBar, check_connection
from pellucid.data.unpack import MissingError


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def port():
    """Return a port of this machine that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_mirror_is_called_by_its_address():
    assert Mirror("https://example.org/mnist/").title == "https://example.org/mnist/"


def test_a_sink_keeps_what_comes_and_refuses_one_byte_too_many():
    sink = MemoryFile(5)
    sink.write(b"ab")
    sink.write(b"cde")
    sink.flush()
    assert sink.data == b"abcde"
    with pytest.raises(DataError, match="the download is longer than 5 bytes"):
        sink.write(b"f")
    assert sink.data == b"abcde"


def test_a_host_must_accept_a_connection(port, monkeypatch):
    check_connection(f"http://127.0.0.1:{port}/mnist/")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = unused.getsockname()[1]
    with pytest.raises(MissingError, match=r"no connection \(.*refused"):
        check_connection(f"http://127.0.0.1:{closed}/")
    monkeypatch.setattr(mirror, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(mirror, "_try_connection", lambda *_: time.sleep(0.5))
    with pytest.raises(MissingError, match=r"no connection within 0\.1 s"):
        check_connection("https://silent.invalid/")


@pytest.mark.parametrize(
    ("url", "hop"),
    [
        ("https://example.org/a/", ("example.org", 443)),
        ("http://example.org/a/", ("example.org", 80)),
        ("https://example.org:8443/a/", ("example.org", 8443)),
    ],
)
def test_the_port_is_the_addresss_or_the_protocols(url, hop):
    assert mirror._first_hop(url) == hop


def test_a_rich_bar_counts_bytes_and_starts_over():
    with Progress(disable=True) as shown:
        bar = RichBar(shown, shown.add_task("train-images", total=None))
        assert bar.total == 0  # the server has not said
        bar.total = 100
        bar.update(30)
        bar.update(20)
        assert (bar.total, shown.tasks[0].completed) == (100, 50)
        bar.reset()
        assert shown.tasks[0].completed == 0
        bar.close()


def test_without_rich_a_download_is_a_line_and_its_size(capsys):
    line = ProgressLine("train-images")
    line.total = 9_912_422
    line.update(5)
    line.reset()
    line.close()
    assert capsys.readouterr().err == "downloading train-images ...\n  9,912,422 bytes\n"
