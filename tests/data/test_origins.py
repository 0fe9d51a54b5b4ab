import re

import pytest

from pellucid.data.mirror import Mirror
from pellucid.data.origins import FASHION_MNIST, MNIST, ORIGINS, owner_of


@pytest.mark.parametrize("origin", ORIGINS.values(), ids=lambda origin: origin.name)
def test_a_set_is_four_files_of_the_published_sizes(origin):
    # The sizes that the pages of both sets give for the unpacked files.
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
