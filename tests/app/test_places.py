"""Places for files are checked before the work."""

import os
from pathlib import Path

import pytest

from pellucid.app.places import check_place


def test_a_new_file_an_old_one_and_none_at_all(tmp_path):
    (tmp_path / "old").write_text("mine")
    for path in (tmp_path / "new", tmp_path / "old", None):
        check_place("--out", path)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_places_that_cannot_hold_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path, "is a directory; name a file in it"),
        (tmp_path / "missing" / "a", "there is no folder .*missing; make it first"),
        (tmp_path / "pipe", "is not a regular file"),
        (Path("/dev/null"), "is not a regular file"),
    ):
        with pytest.raises(ValueError, match=f"^--out: .*{message}"):
            check_place("--out", path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_closed(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match=r"^--out: the folder .* cannot be written to"):
        check_place("--out", tmp_path / "a")
