"""A file out of a tar archive: found as tarfile wrote it, and never by what else the archive says."""

import io
import tarfile

import pytest

from pellucid.data import DataError
from pellucid.data.tar import read_member


def archive(members, form=tarfile.GNU_FORMAT):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=form) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return bytearray(content.getvalue())


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 5000])
def test_a_member_among_others(form, size):
    data = bytes(i % 251 for i in range(size))
    content = archive({"a/é" + "x" * 50: b"1" * 700, "a/b": data, "c": b"2"}, form)
    assert read_member(content, "a/b") == data
    assert read_member(content, "c") == b"2"


def test_it_is_a_view():
    content = archive({"a": b"123"})
    view = read_member(content, "a")
    content[512] = ord("9")
    assert view == b"923"


def damaged(place, value):
    content = archive({"a": b"123", "b": b"4"})
    content[place : place + len(value)] = value
    return content


WRONG = [
    (bytearray(), "there is no 'b' in it"),
    (archive({"a": b"1"}), "there is no 'b' in it"),
    (archive({"a/b": b"1"}), "there is no 'b' in it"),
    (damaged(1024, b"c"), "byte 1024: no header of tar"),
    (damaged(124, b"zzz"), "byte 0: no header of tar"),
    (damaged(148, b"\xff" * 8), "byte 0: no header of tar"),
    (archive({"a": b"1" * 9000})[:4000], "byte 0: 9,000 bytes are said to follow"),
    (archive({"a": b"1", "b": b"2"})[:1300], "byte 1024: no header of tar"),
]


@pytest.mark.parametrize(("content", "message"), WRONG, ids=range(len(WRONG)))
def test_what_is_no_archive(content, message):
    with pytest.raises(DataError, match=r"^not the expected archive: ") as caught:
        read_member(content, "b")
    assert message in str(caught.value)


def test_links_and_folders_are_no_files():
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        link = tarfile.TarInfo("b")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(DataError, match="b in the package is not a plain file"):
        read_member(bytearray(content.getvalue()), "b")
