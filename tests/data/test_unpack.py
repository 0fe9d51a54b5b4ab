import gzip
import hashlib
import io
import os
import tarfile
import tracemalloc

import pytest

from pellucid.data import DataError
from pellucid.data import unpack as module
from pellucid.data.unpack import (
    MissingError,
    name_of,
    open_unpacked,
    read_at_most,
    read_known,
    read_members,
    read_unpacked,
    sha256,
    sha256_unpacked,
)

TEXT = b"label,pixel0\n3,255\n"


@pytest.fixture(params=["plain", "packed", "two members"])
def content(request):
    half = len(TEXT) // 2
    return {
        "plain": TEXT,
        "packed": gzip.compress(TEXT),
        "two members": gzip.compress(TEXT[:half]) + gzip.compress(TEXT[half:]),
    }[request.param]


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz"])
def test_gzip_is_recognized_by_content_not_by_name(content, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    for source in (content, path, str(path)):
        assert read_unpacked(source, 100) == TEXT
        with open_unpacked(source) as stream:
            assert stream.read(5) == b"label"


def test_a_longer_file_is_cut_one_byte_past_the_limit(content):
    assert read_unpacked(content, len(TEXT)) == TEXT
    assert read_unpacked(content, 5) == TEXT[:6]


@pytest.mark.parametrize("source", [b"", b"x", b"\x1f"])
def test_short_files_are_plain(source):
    assert read_unpacked(source, 10) == source


@pytest.mark.parametrize(
    "damaged",
    [
        gzip.compress(TEXT, mtime=0)[:-9],  # cut
        gzip.compress(TEXT, mtime=0)[:-8] + bytes(8),  # another checksum
        b"\x1f\x8b" + bytes(20),  # no header
        gzip.compress(TEXT, mtime=0)[:10] + b"\xff" * 20,  # no stream
    ],
)
def test_damage_names_the_file(damaged, tmp_path):
    path = tmp_path / "train.csv.gz"
    path.write_bytes(damaged)
    for source, name in ((damaged, "<bytes>"), (path, str(path))):
        assert name_of(source) == name
        with pytest.raises(DataError, match="damaged gzip data") as caught:
            read_unpacked(source, 100)
        assert str(caught.value).startswith(f"{name}: ")


def test_a_stream_is_read_in_pieces_up_to_the_limit(monkeypatch):
    monkeypatch.setattr(module, "CHUNK_BYTES", 4)
    asked = []

    class Slow(io.BytesIO):
        def read(self, size):
            asked.append(size)
            return super().read(min(size, 3))

    assert read_at_most(Slow(b"0123456789"), 8) == b"01234567"
    assert asked == [4, 4, 2]
    assert read_at_most(io.BytesIO(b"01"), 8) == b"01"
    assert read_at_most(io.BytesIO(b"01"), 0) == b""


def test_a_bomb_takes_no_more_memory_than_allowed():
    bomb = gzip.compress(bytes(20_000_000))
    tracemalloc.start()
    assert len(read_unpacked(bomb, 1000)) == 1001
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_known_size(tmp_path, monkeypatch, packed):
    monkeypatch.setattr(module, "CHUNK_BYTES", 7)
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(TEXT) if packed else TEXT)
    assert read_known(path, len(TEXT)) == TEXT
    assert read_known(path, len(TEXT) + 50) == TEXT
    assert read_known(path, 10) == TEXT[:11]  # the extra byte shows that there is more


def test_the_digest_is_that_of_the_unpacked_content(content):
    digest = hashlib.sha256(TEXT).hexdigest()
    assert sha256_unpacked(content) == digest
    assert sha256(TEXT) == sha256(bytearray(TEXT)) == digest
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2


def test_what_may_never_end_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(OSError, match="not a regular file: name another"):
            read_unpacked(path, 10)


def test_members_of_gzip_follow_each_other_and_nothing_else_does():
    packed = gzip.compress(TEXT[:7], mtime=0) + gzip.compress(TEXT[7:], mtime=0)
    assert read_unpacked(packed, 100) == TEXT
    assert read_unpacked(packed + bytes(20), 100) == TEXT  # as tar pads files
    with pytest.raises(DataError, match="damaged gzip data: Not a gzipped file"):
        read_unpacked(packed + b"more", 100)


# --- archives --------------------------------------------------------------------------------------


def archive(members, form=tarfile.GNU_FORMAT):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=form) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return bytearray(content.getvalue())


@pytest.fixture
def member_of(tmp_path):
    """Write an archive to a file and read one of its members."""

    def call(content, name, size=10_000, limit=1_000_000):
        (tmp_path / "a.tgz").write_bytes(content)
        ((found, data),) = read_members(tmp_path / "a.tgz", {name: size}, limit)
        assert found == name
        return data

    return call


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 5000])
def test_a_member_among_others(form, size, packed, member_of):
    data = bytes(i % 251 for i in range(size))
    content = archive({"a/é" + "x" * 50: b"1" * 700, "a/b": data, "c": b"2"}, form)
    content = gzip.compress(content) if packed else content
    assert member_of(content, "a/b") == data
    assert member_of(content, "c") == b"2"


def test_a_longer_member_is_cut_one_byte_past_its_size(member_of):
    assert member_of(archive({"a": b"123456"}), "a", size=3) == b"1234"


def damaged_archive(place, value):
    content = archive({"a": b"123", "b": b"4"})
    content[place : place + len(value)] = value
    return content


WRONG_ARCHIVES = [
    (bytearray(), "empty file"),
    (archive({"a": b"1"}), "there is no 'b' in it"),
    (archive({"a/b": b"1"}), "there is no 'b' in it"),
    (damaged_archive(1024, b"c"), "there is no 'b' in it"),
    (damaged_archive(124, b"zzz"), "bad checksum"),
    (damaged_archive(148, b"\xff" * 8), "bad checksum"),
    (archive({"a": b"1" * 9000})[:4000], "unexpected end of data"),
    (archive({"b": b"1" * 9000})[:4000], "unexpected end of data"),
    (archive({"a": b"1", "b": b"2"})[:1300], "there is no 'b' in it"),
]


@pytest.mark.parametrize(("content", "message"), WRONG_ARCHIVES, ids=range(len(WRONG_ARCHIVES)))
def test_what_is_no_archive(content, message, member_of):
    with pytest.raises(MissingError, match=r"^not the expected archive: ") as caught:
        member_of(content, "b")
    assert message in str(caught.value)


def test_links_and_folders_are_no_files(member_of):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        link = tarfile.TarInfo("b")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(DataError, match="b in the package is not a plain file"):
        member_of(content.getvalue(), "b")


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_member_that_is_said_to_be_huge(member_of, name):
    content = archive({"a": b"1", "b": b"2"})
    content[124:136] = b"\x80\x7f" + b"\xff" * 10
    content[148:156] = b"%06o\0 " % (sum(content[:148]) + 8 * 32 + sum(content[156:512]))
    with pytest.raises(DataError, match="not the expected archive: it takes more bytes than the limit"):
        member_of(content, name)


def test_a_small_archive_cannot_unpack_to_a_large_one(member_of):
    content = gzip.compress(archive({"a": bytes(30_000_000), "b": b"1"}))
    tracemalloc.start()
    with pytest.raises(DataError, match="not the expected archive: it takes more bytes than the limit"):
        member_of(content, "b")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
