"""Files appear complete or not at all."""

import errno
import os

import pytest

from pellucid.files.whole import write_whole


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "file"
    write_whole(path, [b"one ", b"two"])
    assert path.read_bytes() == b"one two"
    write_whole(str(path), iter([b"three"]))
    assert path.read_bytes() == b"three"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("exception", [OSError, KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("existing", [False, True])
def test_a_failing_write_leaves_what_was_there(tmp_path, existing, exception):
    path = tmp_path / "file"
    if existing:
        path.write_bytes(b"old")

    def chunks():
        yield b"half of the new"
        raise exception("the disk is full")

    with pytest.raises(exception, match="the disk is full"):
        write_whole(path, chunks())
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([b"old"] if existing else [])


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    seen = []

    def chunks():
        for chunk in (b"new ", b"content"):
            seen.append(path.read_bytes())
            yield chunk

    write_whole(path, chunks())
    assert seen == [b"old", b"old"]
    assert path.read_bytes() == b"new content"


def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "missing" / "file", [b""])
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "folder", [b"x"])
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_link_is_followed_and_what_is_no_file_is_refused(tmp_path):
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_whole(link, [b"new"])
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match=r"not a regular file, so it is not replaced: name another: .*pipe"):
        write_whole(pipe, [b"new"])
    assert pipe.is_fifo()


def test_an_error_names_the_file_and_not_its_temporary_name(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*/net'"):
        write_whole(tmp_path / "net", [b"new"])
    assert not any(tmp_path.iterdir())
