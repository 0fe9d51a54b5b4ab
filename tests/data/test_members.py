"""Files out of tar archives: found by name as tarfile wrote them, and nothing else of the archive."""

import gzip
import io
import tarfile
import tracemalloc

import pytest

from pellucid.data import DataError
from pellucid.data.unpack import MissingError, read_members


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


def damaged(place, value):
    content = archive({"a": b"123", "b": b"4"})
    content[place : place + len(value)] = value
    return content


WRONG = [
    (bytearray(), "empty file"),
    (archive({"a": b"1"}), "there is no 'b' in it"),
    (archive({"a/b": b"1"}), "there is no 'b' in it"),
    (damaged(1024, b"c"), "there is no 'b' in it"),
    (damaged(124, b"zzz"), "bad checksum"),
    (damaged(148, b"\xff" * 8), "bad checksum"),
    (archive({"a": b"1" * 9000})[:4000], "unexpected end of data"),
    (archive({"b": b"1" * 9000})[:4000], "unexpected end of data"),
    (archive({"a": b"1", "b": b"2"})[:1300], "there is no 'b' in it"),
]


@pytest.mark.parametrize(("content", "message"), WRONG, ids=range(len(WRONG)))
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
